-- Makes or replaces the functions behind the triggers. Returns nothing; locks only them.

-- Whether this session may: it carries the permit of the run that holds the lease, in the very
-- backend that it was issued for; or a window is open for the role that logged in.
create or replace function cofferdam_guard.permitted() returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $guard$
declare
    carried text := current_setting('cofferdam_guard.permit', true);
begin
    if carried <> '' and exists (
        select from cofferdam_guard.permit p
        join cofferdam.lease l on l.fence = p.fence
        where p.hash = sha256(convert_to(carried, 'UTF8'))
          and p.pid = pg_backend_pid()
          and p.expires > clock_timestamp()
          and l.owner is not null
          and l.expires + p.grace > clock_timestamp()
    ) then
        return true;
    end if;
    return exists (
        select from cofferdam_guard.allowed a
        where a.ended_at is null and a.expires > clock_timestamp()
          and (a.role_name is null or a.role_name = session_user)
    );
exception
    -- A copy that was restored in part: it refuses rather than breaks.
    when undefined_table or invalid_schema_name or insufficient_privilege then
        return false;
end
$guard$;

-- Refuses drops. What goes by itself with something permitted (row types, owned sequences,
-- defaults, an extension's members) is neither `original` nor `normal`. Keys and the other
-- constraints are kept as well, since an old dump that has taken them off adds its rows to those
-- that are there. Stable is what lets it see the catalogs as they stood before the command: what
-- kind of constraint or index it was that is gone by now.
create or replace function cofferdam_guard.refuse_drop() returns event_trigger
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $guard$
declare
    lost text[];
    inside text := current_setting('cofferdam_guard.extension', true);
    members text[] := case when tg_tag = 'DROP EXTENSION' then
        string_to_array(current_setting('cofferdam_guard.members', true), ',') end;
begin
    if inside <> '' and split_part(inside, ':', 1) = pg_current_xact_id_if_assigned()::text then
        return;
    end if;
    select array_agg(o.object_type || ' ' || o.object_identity order by not o.original, o.object_type <> 'schema')
    into lost
    from pg_event_trigger_dropped_objects() o
    where (o.original or o.normal) and not o.is_temporary
      and (members is null or o.classid || ':' || o.objid <> all (members))
      and (o.object_type in ('table', 'table column', 'foreign table', 'foreign table column', 'view',
                             'materialized view', 'sequence', 'schema', 'type', 'composite type',
                             'composite type column')
           or o.schema_name = 'cofferdam_guard'
           -- Those for `not null` are defaults of a kind; those of a partition follow its parent's.
           or (o.object_type = 'table constraint'
               and exists (select from pg_constraint k
                           where o.classid = 'pg_constraint'::regclass and k.oid = o.objid
                             and k.contype in ('p', 'u', 'x', 'f', 'c') and k.conparentid = 0))
           or (o.object_type = 'index'
               and exists (select from pg_index x
                           join pg_class t on t.oid = x.indrelid
                           where x.indexrelid = o.objid and x.indisunique and x.indisvalid
                             and t.relkind in ('r', 'p')))
           or (o.object_type = 'trigger' and o.object_identity like 'cofferdam\_guard\_truncate on %'));
    if lost is null or cofferdam_guard.permitted() then
        return;
    end if;
    raise exception using
        errcode = 'ZG001',
        message = format('cofferdam guard: drop %s refused: this session runs no migration',
                         regexp_replace(lost[1], '^table (column|constraint) ', '\1 ')),
        detail = case
            when cardinality(lost) = 1 then 'nothing was dropped'
            else 'nothing was dropped; it would also drop ' || array_to_string(lost[2:20], ', ')
                 || case when cardinality(lost) > 20 then format(' and %s more', cardinality(lost) - 20) else '' end
        end,
        hint = 'write a migration and run cofferdam migrate; or: cofferdam guard allow --for 10m --reason TEXT';
end
$guard$;

-- Refuses what would take the guard itself: its event triggers would be gone before they fire.
-- What is dropped is known only from the text of the query.
create or replace function cofferdam_guard.refuse_own_end() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $guard$
declare
    asked text := current_query();
    name constant text := '(?:"(?:[^"]|"")+"|[^\s,;"'']+)';
    whose text[];
    takes_guard boolean;
begin
    if tg_tag = 'DROP OWNED' then
        select array_agg(case
            when word[1] ~ '^"' then replace(substr(word[1], 2, length(word[1]) - 2), '""', '"')
            when lower(word[1]) = 'session_user' or lower(word[1]) in ('current_user', 'current_role')
                 and current_setting('role') = 'none' then session_user::text
            when lower(word[1]) in ('current_user', 'current_role') then current_setting('role')
            else lower(word[1]) end)
        into whose
        from regexp_matches(asked, 'drop\s+owned\s+by\s+(' || name || '(?:\s*,\s*' || name || ')*)', 'gi') list,
             regexp_matches(list[1], name, 'g') word;
        takes_guard := exists (
            select from (select evtowner from pg_event_trigger where evtname like 'cofferdam\_guard\_%'
                         union select nspowner from pg_namespace where nspname = 'cofferdam_guard') o
            where pg_get_userbyid(o.evtowner) = any (whose));
    else
        takes_guard := asked ~* case tg_tag when 'DROP EXTENSION' then 'plpgsql' else 'cofferdam_guard' end;
    end if;
    if not takes_guard or cofferdam_guard.permitted() then
        return;
    end if;
    raise exception using
        errcode = 'ZG001',
        message = format('cofferdam guard: %s refused: it would take the guard itself', lower(tg_tag)),
        hint = 'take it out by name: cofferdam guard remove; or: cofferdam guard allow --for 10m --reason TEXT';
end
$guard$;

-- Refuses to empty a table that holds rows.
create or replace function cofferdam_guard.refuse_truncate() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set row_security = off as $guard$
declare
    holds boolean := true;
begin
    if cofferdam_guard.permitted() then
        return null;
    end if;
    -- An older snapshot may not see rows that are there.
    if current_setting('transaction_isolation') = 'read committed' then
        begin
            execute format('select exists (select from only %I.%I)', tg_table_schema, tg_table_name) into holds;
        exception when insufficient_privilege then
            holds := true;
        end;
    end if;
    if not holds then
        return null;
    end if;
    raise exception using
        errcode = 'ZG001',
        message = format('cofferdam guard: truncate %I.%I refused: this session runs no migration',
                         tg_table_schema, tg_table_name),
        hint = 'write a migration and run cofferdam migrate; or: cofferdam guard allow --for 10m --reason TEXT';
end
$guard$;

-- Gives new permanent tables their truncate trigger. One that cannot have it stands without:
-- nobody's `create table` fails for the guard.
create or replace function cofferdam_guard.cover_new_tables() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $guard$
declare
    one record;
begin
    for one in
        -- `like .. including all` tells of its table more than once.
        select distinct n.nspname, c.relname
        from pg_event_trigger_ddl_commands() d
        join pg_class c on c.oid = d.objid and d.classid = 'pg_class'::regclass
        join pg_namespace n on n.oid = c.relnamespace
        where not d.in_extension and c.relkind in ('r', 'p') and c.relpersistence <> 't'
          and n.nspname <> 'cofferdam_guard'
          and not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'cofferdam_guard_truncate')
    loop
        begin
            execute format('create trigger cofferdam_guard_truncate before truncate on %I.%I '
                           'for each statement execute function cofferdam_guard.refuse_truncate()',
                           one.nspname, one.relname);
        exception when insufficient_privilege then
            raise warning 'cofferdam guard: %.% has no truncate trigger: its owner must run cofferdam guard install',
                one.nspname, one.relname;
        end;
    end loop;
end
$guard$;

-- An extension's script may drop what is its own, and so may `drop extension`. Scripts name their
-- own extension in turn, so they are counted; members are known only before they are dropped.
create or replace function cofferdam_guard.extension_begins() returns event_trigger
language plpgsql as $guard$
declare
    own text := pg_catalog.pg_current_xact_id()::text;
    inside text := pg_catalog.current_setting('cofferdam_guard.extension', true);
begin
    if tg_tag = 'DROP EXTENSION' then
        perform pg_catalog.set_config('cofferdam_guard.members', coalesce((
            select pg_catalog.string_agg(d.classid || ':' || d.objid, ',')
            from pg_catalog.pg_depend d
            where d.deptype = 'e'
              and d.classid in ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_type'::pg_catalog.regclass,
                                'pg_catalog.pg_namespace'::pg_catalog.regclass)), ''), true);
    elsif pg_catalog.split_part(inside, ':', 1) = own then
        perform pg_catalog.set_config('cofferdam_guard.extension',
                                      own || ':' || (pg_catalog.split_part(inside, ':', 2)::int + 1), true);
    else
        perform pg_catalog.set_config('cofferdam_guard.extension', own || ':1', true);
    end if;
end
$guard$;

create or replace function cofferdam_guard.extension_ends() returns event_trigger
language plpgsql as $guard$
declare
    inside text := pg_catalog.current_setting('cofferdam_guard.extension', true);
    depth int := pg_catalog.split_part(inside, ':', 2)::int - 1;
begin
    perform pg_catalog.set_config('cofferdam_guard.extension', case when depth > 0 then
        pg_catalog.split_part(inside, ':', 1) || ':' || depth else '' end, true);
end
$guard$;

revoke all on all functions in schema cofferdam_guard from public;
