-- Returns in words what belongs to the database and to no file; AccessShare on catalogs.
select 'the subscription ' || subname || ' is'
from pg_subscription
where subdbid = (select oid from pg_database where datname = current_database())
union all
select count(*) || ' security labels are'
from pg_seclabel
having count(*) > 0
