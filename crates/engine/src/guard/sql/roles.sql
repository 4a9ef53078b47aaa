-- Returns what is to be known of the application's role ($1), of this one, of the ledger's owner and
-- of the role that is to own the tables ($2); AccessShare on catalogs.
with app as (
    select oid, rolname, rolsuper, rolbypassrls from pg_roles where rolname = $1
), own as (
    select oid, rolname, rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user
), ledger as (
    select r.oid, r.rolname, r.rolsuper from pg_class c join pg_roles r on r.oid = c.relowner
    where c.oid = 'cofferdam.lease'::regclass
), owner as (
    select oid, rolname, rolcanlogin or rolsuper as logs_in from pg_roles where rolname = $2
)
select exists (select from app),
       coalesce((select rolsuper from app), false),
       (select o.rolname::text
        from app
        join (select oid, rolname from own union all select oid, rolname from ledger
              union all select oid, rolname from owner) o on pg_has_role(app.oid, o.oid, 'member')
        limit 1),
       (select rolname::text from own),
       (select rolsuper from own),
       (select rolsuper or rolcreaterole from own),
       (select rolname::text from ledger),
       (select rolsuper from ledger),
       exists (select from owner),
       coalesce((select logs_in from owner), false),
       (select c.oid::regclass::text
        from app
        join pg_class c on c.relrowsecurity and not c.relforcerowsecurity and pg_has_role(app.oid, c.relowner, 'usage')
        where not app.rolbypassrls and not app.rolsuper
        limit 1),
       (select rolsuper or rolcreatedb from own)
