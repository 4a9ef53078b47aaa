-- every rewrite rule but those that make a view; AccessShare on system catalogs and on the tables that rules name
select r.oid, r.ev_class as relation, r.rulename::text as name, pg_get_ruledef(r.oid) as definition,
       r.ev_enabled::text as enabled
from pg_rewrite r
where r.oid >= 16384 and r.rulename <> '_RETURN' and r.rulename !~ '^_cofferdam_'
