-- Returns version, description, type, checksum and success (1 or 0) of what Flyway ran, in the order in which it ran, with the ledger's schema and the session's own. AccessShare on the ledger and on catalogs.
select h.version, h.description, h.type, h.checksum::text, h.success::int::text,
       n.nspname::text, current_schema()::text
from {table} h
join pg_class c on c.oid = h.tableoid
join pg_namespace n on n.oid = c.relnamespace
order by h.installed_rank
