-- Returns databases of ours that nobody is connected to; AccessShare on catalogs.
select d.datname::text
from pg_database d
where starts_with(d.datname::text, $1)
  and not exists (select from pg_stat_activity a where a.datid = d.oid)
order by 1
