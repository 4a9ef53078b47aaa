-- every constraint of user tables and domains, without the foreign keys that the server clones for partitions;
-- AccessShare on system catalogs
select c.oid, c.conrelid as relation, c.contypid as domain, c.conname::text as name,
       c.contype::text as kind, pg_get_constraintdef(c.oid) as definition,
       c.conkey as key, c.confrelid as target, c.confkey as target_key,
       c.confupdtype::text as on_update, c.confdeltype::text as on_delete,
       c.condeferrable as deferrable, c.condeferred as initially_deferred, c.convalidated as validated,
       c.coninhcount > 0 and not c.conislocal as inherited,
       c.oid in (select t.tgconstraint from pg_trigger t
                 where t.tgisinternal and t.tgenabled in ('D', 'R')) as switched_off
from pg_constraint c
where c.oid >= 16384 and c.contype in ('c', 'f', 'p', 'u', 'x', 'n')
  and not (c.contype = 'f' and c.conparentid <> 0) and c.conname !~ '^_cofferdam_'
