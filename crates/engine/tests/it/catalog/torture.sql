-- One of every kind of object that the catalog knows, for Postgres 15 and newer.
create schema app;
create schema "Odd.Schema";
create extension citext schema app;
comment on schema app is 'where the application lives';

create collation app.german (provider = icu, locale = 'de');
create type app.mood as enum ('sad', 'ok', 'happy');
alter type app.mood add value 'very sad' before 'sad';
create type app.point3 as (x double precision, y double precision, label varchar(10));
create type app.span as range (subtype = double precision, subtype_diff = float8mi);
create type app.shelled;
create domain app.email as text collate "C" not null default 'nobody@example.org'
  constraint email_has_at check (value ~ '@') check (length(value) < 200);
comment on type app.mood is 'how it went';
comment on domain app.email is 'an address';

create sequence app.ticket as integer start 7 increment 3 minvalue 5 maxvalue 5000 cache 4 cycle;

create function app.touch() returns trigger language plpgsql as $$ begin new.body := new.body; return new; end $$;
create function app.area(w double precision, h double precision default 2) returns double precision
  language sql immutable strict parallel safe cost 3 as 'select w * h';
create function app.area(p app.point3) returns double precision language sql stable
  begin atomic select (p).x * (p).y; end;
create function app.many(variadic n int[]) returns setof int language sql rows 7
  set work_mem = '4MB' set search_path = app, public security definer leakproof as 'select unnest(n)';
create procedure app.tidy(inout n int) language plpgsql as $$ begin n := n + 1; end $$;
create function app.plus(app.point3, app.point3) returns app.point3 language sql
  as 'select row($1.x + $2.x, $1.y + $2.y, null)::app.point3';
create operator app.+ (function = app.plus, leftarg = app.point3, rightarg = app.point3, commutator = operator(app.+));
create aggregate app.total(app.point3) (sfunc = app.plus, stype = app.point3, initcond = '(0,0,)');
create function app.mood_number(app.mood) returns int language sql immutable as 'select length($1::text)';
create cast (app.mood as int) with function app.mood_number(app.mood) as assignment;
create operator family app.int_ops_family using btree;
create operator class app.int_reverse for type int using btree family app.int_ops_family as
  operator 1 >, operator 2 >=, operator 3 =, operator 4 <=, operator 5 <, function 1 btint4cmp(int, int);
create text search dictionary app.short (template = pg_catalog.simple, stopwords = english);
create text search configuration app.search (copy = pg_catalog.english);
alter text search configuration app.search alter mapping for asciiword with app.short;
create conversion app.latin for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;

create table public.users (
  id bigint generated always as identity (start 100 increment 5),
  email app.email unique,
  name varchar(50) not null,
  nick app.citext,
  state varchar(10) default 'new' check (state in ('new', 'old', 'gone')),
  born date check (born > '1900-01-01'),
  mood app.mood default 'ok',
  home app.point3,
  tags text[] default '{}',
  lower_name text generated always as (lower(name)) stored,
  constraint users_pk primary key (id)
);
comment on table public.users is 'people';
comment on column public.users.name is 'as they write it';
comment on constraint users_pk on public.users is 'the key';
alter table public.users alter name set statistics 500, alter name set storage external,
  alter tags set (n_distinct = -0.5), alter lower_name set compression pglz;
create index users_lower on public.users (lower(name) text_pattern_ops desc nulls last) include (state)
  with (fillfactor = 70) where state in ('new', 'old');
create index users_german on public.users (name collate app.german);
create unique index users_mood on public.users (mood, born desc) nulls not distinct;
create index on public.users using gin (tags);
create statistics app.users_stats (dependencies, mcv) on state, mood from public.users;
alter statistics app.users_stats set statistics 200;

create table public.notes (
  id serial primary key,
  user_id bigint not null references public.users on delete cascade on update restrict deferrable initially deferred,
  body text collate "POSIX" not null default '',
  gone int,
  at timestamptz not null default '2020-01-01 00:00:00+02',
  during tstzrange,
  price numeric(10, 2),
  wait interval default '1 day 02:00:00',
  raw bytea default '\xdeadbeef',
  ratio double precision default 0.1,
  constraint "No Overlap" exclude using gist (during with &&) where (price > 0),
  constraint notes_body_unique unique (user_id, body) include (at) with (fillfactor = 90)
) with (autovacuum_enabled = off, toast.autovacuum_enabled = off);
alter table public.notes drop column gone;
alter table public.notes add check (price >= 0) not valid;
alter table public.notes add column parent int references public.notes (id) on delete set null;
alter table public.notes replica identity using index notes_pkey;
alter table public.notes cluster on notes_pkey;
alter table public.notes enable row level security;
alter table public.notes force row level security;
create policy own on public.notes as restrictive for select to torture_reader, torture_writer using (user_id > 0);
create policy mine on public.notes for all using (true) with check (body <> '');
comment on policy mine on public.notes is 'everybody';
create trigger touch before update of body on public.notes for each row when (old.body is distinct from new.body)
  execute function app.touch();
create trigger sleeping after insert on public.notes for each statement execute function app.touch();
alter table public.notes disable trigger sleeping;
comment on trigger touch on public.notes is 'touches';
create constraint trigger late after insert on public.notes deferrable initially deferred
  for each row execute function app.touch();
create rule quiet as on delete to public.notes where old.id < 0 do instead nothing;

create unlogged table public.scratch (id int primary key, v app.span, mails app.email[]);
create table "Odd.Schema"."Größe ""x"" 🦀" ("from" int, "Mixed Case" text, constraint "weird ""c""" check ("from" > 0));
create index "Odd USING index" on "Odd.Schema"."Größe ""x"" 🦀" ("Mixed Case");
create table app.typed of app.point3 (primary key (x));
create table app.base (id int not null check (id > 0), v text default 'base');
create table app.child (extra int, v text default 'child') inherits (app.base);
alter table app.base add column later int not null default 3;

create table app.events (id bigint generated by default as identity, at date not null, kind text, body text,
  user_id bigint references public.users, primary key (id, at, kind), check (kind <> '')) partition by range (at);
create table app.events_2020 partition of app.events for values from ('2020-01-01') to ('2021-01-01')
  partition by list (kind);
create table app.events_2020_a partition of app.events_2020 for values in ('a', 'b');
create table app.events_2020_rest partition of app.events_2020 default;
create table app.events_2021 (body text, id bigint not null, kind text not null
  constraint events_kind_check check (kind <> ''), at date not null,
  user_id bigint);
alter table app.events attach partition app.events_2021 for values from ('2021-01-01') to (maxvalue);
create index events_kind on app.events (kind);
create index on only app.events (body);
create table app.hashed (k text, n int) partition by hash (k, (n + 1));
create table app.hashed_0 partition of app.hashed for values with (modulus 2, remainder 0);
create trigger touch before update on app.events for each row execute function app.touch();
alter table app.events_2021 disable trigger touch;

create view public.active as select u.id, u.name, n.body from public.users u join public.notes n on n.user_id = u.id
  where u.state in ('new', 'old') and n.at between '2020-01-01' and '2021-01-01';
alter view public.active set (security_barrier = true);
alter view public.active alter column name set default 'anon';
comment on view public.active is 'those who write';
comment on column public.active.body is 'what they wrote';
create view app.checked with (security_invoker = true) as select * from app.base where id < 10
  with cascaded check option;
create function app.insert_active() returns trigger language plpgsql as 'begin return new; end';
create trigger redirect instead of insert on public.active for each row execute function app.insert_active();
create materialized view app.summary with (fillfactor = 80) as
  select user_id, count(*) as notes from public.notes group by user_id;
create unique index summary_user on app.summary (user_id);
comment on materialized view app.summary is 'counts';

create foreign data wrapper nowhere options (debug 'true');
create server there type 'oracle' version '9' foreign data wrapper nowhere options (host 'far', secret_key 'hunter2');
create foreign table app.remote (id int options (column_name 'ID') not null, v text) server there
  options (table_name 'REMOTE');

create function app.on_ddl() returns event_trigger language plpgsql as 'begin end';
create event trigger watch_ddl on ddl_command_end when tag in ('CREATE TABLE', 'DROP TABLE')
  execute function app.on_ddl();
alter event trigger watch_ddl disable;
create publication pub_all for tables in schema "Odd.Schema" with (publish = 'insert, update');
create publication pub_some for table public.notes (id, user_id) where (id > 10), app.base
  with (publish_via_partition_root = true);

create table public.old_name (id serial primary key, v int unique);
alter table public.old_name rename to new_name;

grant usage on schema app to torture_reader;
grant select, insert (body), update (body, price) on public.notes to torture_reader;
grant select on public.users to torture_reader with grant option;
grant select on public.users to public;
revoke all on function app.touch() from public;
revoke delete on app.base from current_user;
grant usage on sequence app.ticket to torture_writer;
grant usage on type app.mood to torture_writer;
revoke usage on type app.mood from public;
alter default privileges in schema app grant select on tables to torture_reader;
alter default privileges revoke execute on functions from public;
