//! `diff`: what somebody did is told and mended, what nobody did is silent.

use cofferdam_analysis::sql::{Dialect, Script};
use cofferdam_testkit::postgres::{Database, majors, server};

use crate::project::{Project, document};

/// Two migrations that make some of everything.
const SHOP: &str = "
create schema shop;
create type shop.state as enum ('new', 'paid', 'sent');
create domain shop.code as text check (value ~ '^[A-Z]+$');
create sequence shop.ticket start 7 increment 3;
create function shop.touch() returns trigger language plpgsql as $$ begin return new; end $$;
create function shop.twice(n int) returns int language sql immutable as 'select n * 2';
create table shop.customers (
  id bigint generated always as identity primary key,
  email text not null unique,
  name varchar(40) not null default '',
  born date check (born > '1900-01-01'),
  note text
);
create index customers_name on shop.customers (lower(name));
create table shop.orders (
  id serial primary key,
  customer bigint not null references shop.customers on delete cascade,
  state shop.state not null default 'new' check (state in ('new', 'paid', 'sent')),
  code shop.code,
  price numeric(10, 2) not null default 0,
  at timestamptz not null default now(),
  weight numeric(8, 2),
  total numeric generated always as (price * 2) stored,
  check (price >= 0)
);
create index on shop.orders (customer);
create index orders_open on shop.orders (at desc) where state = 'new';
create trigger touch before update on shop.orders for each row execute function shop.touch();
alter table shop.orders enable row level security;
create policy everyone on shop.orders using (true);
create view shop.open_orders as select id, price from shop.orders where state = 'new';
create view shop.big_orders as select id from shop.open_orders where price > 100;
create materialized view shop.by_customer as select customer, count(*) as n from shop.orders group by customer;
create unique index by_customer_key on shop.by_customer (customer);
create table shop.events (at date not null, kind text, primary key (at)) partition by range (at);
create table shop.events_2024 partition of shop.events for values from ('2024-01-01') to ('2025-01-01');
create table shop.empty (id int primary key);
comment on table shop.customers is 'people who buy';
grant select on shop.customers to public;
";

/// What no migration did and nobody has to know of; all of it at once.
const INNOCENT: &[&str] = &[
    "alter table shop.orders rename constraint orders_price_check to orders_price_check1",
    "alter table shop.customers rename constraint customers_pkey to clients_pkey",
    "alter index shop.orders_customer_idx rename to orders_customer_idx3",
    "alter sequence shop.orders_id_seq rename to order_id_seq",
    "alter sequence shop.customers_id_seq rename to clients_id_seq",
    "alter table shop.orders drop constraint orders_state_check;
     alter table shop.orders add check (state = any (array['new', 'paid', 'sent']::shop.state[]))",
    "create or replace view shop.open_orders as SELECT  id, (price) FROM  shop.orders WHERE (state = 'new')",
    "alter table shop.customers add stray int; alter table shop.customers drop stray",
    "alter table shop.customers drop note; alter table shop.customers add note text",
    "drop index shop.orders_open; create index orders_open on shop.orders using btree (at desc) where (state = 'new'::shop.state)",
    "insert into shop.customers (email) select 'c' || n from generate_series(1, 50) n; analyze shop.customers",
    "select nextval('shop.ticket')",
    "refresh materialized view shop.by_customer with no data",
    "alter table shop.customers alter name set statistics 300; alter table shop.customers alter name set statistics -1",
    "alter table shop.customers set (fillfactor = 60); alter table shop.customers reset (fillfactor)",
    "alter table shop.orders disable trigger touch; alter table shop.orders enable trigger touch",
    "comment on table shop.orders is 'x'; comment on table shop.orders is null",
    "grant select on shop.orders to public; revoke select on shop.orders from public",
    "create temp table passing (id int primary key)",
    "grant create on schema public to public",
    "comment on schema public is 'ours'",
    "create table _sqlx_migrations (version bigint primary key, description text not null,
       installed_on timestamptz not null default now(), success boolean not null, checksum bytea not null,
       execution_time bigint not null)",
    "create schema drizzle; create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)",
    "drop trigger touch on shop.orders;
     create trigger touch before update on shop.orders for each row execute function shop.touch()",
    "create table legacy_a (id int); create table legacy_b (id int, a int)",
];

/// What somebody did, and how it is told; all of it at once.
const PLANTED: &[(&str, &str)] = &[
    ("create schema stray", "extra schema stray"),
    ("create table stray.one (id int primary key)", "extra table stray.one"),
    ("create table stray.two (id int references stray.one)", "extra table stray.two"),
    ("create view stray.seen as select born from shop.customers", "extra view stray.seen"),
    ("create function stray.f() returns int language sql as 'select 1'", "extra function stray.f()"),
    ("create type stray.kind as enum ('a')", "extra type stray.kind"),
    ("create sequence stray.numbers", "extra sequence stray.numbers"),
    ("alter type shop.state add value 'lost'", ""),
    ("alter domain shop.code drop constraint code_check", "missing constraint shop.code.code_check"),
    ("alter sequence shop.ticket increment 4", "different sequence shop.ticket increment"),
    (
        "create or replace function shop.touch() returns trigger language plpgsql as $$ begin return null; end $$",
        "different function shop.touch() body",
    ),
    ("alter function shop.twice(int) stable", "different function shop.twice(integer) volatility"),
    ("alter table shop.customers add phone text", "extra column shop.customers.phone"),
    ("alter table shop.customers alter name drop default", "different column shop.customers.name default"),
    ("alter table shop.customers alter name drop not null", "different column shop.customers.name not_null"),
    ("alter table shop.customers alter name type varchar(80)", "different column shop.customers.name type"),
    ("alter table shop.customers alter email set default 'x'", "different column shop.customers.email default"),
    ("alter table shop.customers alter id set increment 5", "different column shop.customers.id identity"),
    ("alter table shop.customers drop constraint customers_born_check", "missing constraint shop.customers.customers_born_check"),
    ("alter table shop.customers add constraint grown check (born < '2100-01-01')", "extra constraint shop.customers.grown"),
    ("drop index shop.customers_name", "missing index shop.customers_name"),
    ("comment on table shop.customers is 'clients'", "different table shop.customers comment"),
    ("revoke select on shop.customers from public", "different table shop.customers privileges"),
    ("alter table shop.customers drop note", "missing column shop.customers.note"),
    ("alter table shop.customers set (fillfactor = 50)", "different table shop.customers options"),
    ("create index customers_email_lower on shop.customers (lower(email))", "extra index shop.customers_email_lower"),
    (
        "alter table shop.orders drop constraint orders_customer_fkey;
         alter table shop.orders add constraint orders_customer_fkey foreign key (customer) references shop.customers",
        "different constraint shop.orders.orders_customer_fkey definition",
    ),
    ("alter table shop.orders alter state drop default", "different column shop.orders.state default"),
    ("alter table shop.orders drop constraint orders_price_check", "missing constraint shop.orders.orders_price_check"),
    (
        "drop materialized view shop.by_customer; alter table shop.orders rename constraint orders_pkey to orders_primary",
        "different constraint shop.orders.orders_pkey name",
    ),
    ("select", "missing materialized-view shop.by_customer"),
    (
        "drop index shop.orders_open; create index orders_open on shop.orders (at)",
        "different index shop.orders_open definition",
    ),
    ("drop trigger touch on shop.orders", "missing trigger shop.orders.touch"),
    ("create trigger again after insert on shop.orders execute function shop.touch()", "extra trigger shop.orders.again"),
    ("alter table shop.orders disable row level security", "different table shop.orders row_security"),
    ("alter policy everyone on shop.orders using (price > 0)", "different policy shop.orders.everyone using"),
    ("create policy nobody on shop.orders as restrictive using (false)", "extra policy shop.orders.nobody"),
    (
        "drop view shop.big_orders; drop view shop.open_orders;
         create view shop.open_orders as select price, id, state from shop.orders;
         create view shop.big_orders as select id from shop.open_orders where price > 100",
        "different view shop.open_orders definition",
    ),
    ("alter table shop.events detach partition shop.events_2024", "different table shop.events_2024 partition_bound"),
    ("create index stray_kind on shop.events (kind)", "extra index shop.stray_kind"),
    ("drop table shop.empty", "missing table shop.empty"),
    ("create extension citext schema shop", "extra extension citext"),
];

fn project() -> Project {
    Project::new()
        .file("cofferdam.toml", "[diff]\nignore = [\"public.legacy_*\"]\n")
        .file("migrations/0001_shop.sql", SHOP)
        .file("migrations/0002_later.sql", "alter table shop.empty add column more text;\n")
}

/// A database of `major` as the migrations leave it.
fn migrated(project: &Project, major: u32) -> Database {
    let database = Database::new(major);
    project.cofferdam("migrate --progress none").env("DATABASE_URL", database.url()).run();
    database
}

fn diff(project: &Project, database: &Database, scratch: u32, options: &str) -> cofferdam_testkit::Cofferdam {
    project
        .cofferdam(&format!("diff {options} --scratch-url {}", server(scratch).url("postgres")))
        .env("DATABASE_URL", database.url())
}

/// `different table shop.a comment`, one for each difference.
fn told(project: &Project, database: &Database, scratch: u32) -> Vec<String> {
    let output = diff(project, database, scratch, "--format json").any_status().run();
    let found = document("diff", &output);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let line = |d: &serde_json::Value| {
        format!("{} {} {}", text(&d["kind"]), text(&d["object"]), text(&d["property"])).trim_end().to_owned()
    };
    found["differences"].as_array().unwrap_or_else(|| panic!("{output}")).iter().map(line).collect()
}

#[test]
fn what_nobody_did_is_silent_also_when_the_scratch_server_is_of_another_major() {
    let project = project();
    let (first, last) = (majors()[0], majors()[majors().len() - 1]);
    for (live, scratch) in [(first, first), (last, last), (first, last), (last, first)] {
        let database = migrated(&project, live);
        assert_eq!(told(&project, &database, scratch), Vec::<String>::new(), "{live} against {scratch}");
        for sql in INNOCENT {
            database.rows(sql);
        }
        assert_eq!(told(&project, &database, scratch), Vec::<String>::new(), "{live} against {scratch}");
        diff(&project, &database, scratch, "")
            .status(0)
            .stdout("the schema is what the applied migrations make\n")
            .run();
    }
}

#[test]
fn what_somebody_did_is_told_and_the_printed_statements_mend_it() {
    let project = project();
    let (first, last) = (majors()[0], majors()[majors().len() - 1]);
    for (live, scratch) in [(first, first), (last, last), (first, last), (last, first)] {
        let database = migrated(&project, live);
        for (sql, line) in PLANTED {
            if !line.is_empty() {
                database.rows(sql);
            }
        }
        let found = told(&project, &database, scratch);
        for (sql, line) in PLANTED.iter().filter(|(_, line)| !line.is_empty()) {
            assert!(found.iter().any(|f| f == line), "{line} after {sql}\nin {found:#?}");
        }
        let script = diff(&project, &database, scratch, "--sql").status(1).run().stdout;
        carry_out(&database, &script);
        assert_eq!(
            told(&project, &database, scratch),
            Vec::<String>::new(),
            "{live} against {scratch}\n{script}"
        );
    }
}

/// Statement by statement, as psql does; the first failure ends the test.
fn carry_out(database: &Database, script: &str) {
    let parsed = Script::parse(Dialect::Postgres, "fix.sql", script);
    let mut session = database.address().session(database.name()).expect("a session");
    for statement in &parsed.statements {
        let sql = parsed.sql(statement);
        session.run(sql).unwrap_or_else(|e| panic!("{e}\nin: {sql}\n\n{script}"));
    }
}

/// Runs on after failures, as psql does unless it is told to stop.
fn carry_on(database: &Database, script: &str) -> usize {
    let parsed = Script::parse(Dialect::Postgres, "fix.sql", script);
    let mut session = database.address().session(database.name()).expect("a session");
    parsed.statements.iter().filter(|statement| session.run(parsed.sql(statement)).is_err()).count()
}

#[test]
fn nothing_that_holds_rows_or_values_is_lost_even_by_who_goes_on_after_a_failure() {
    let project = project();
    let major = majors()[0];
    let database = migrated(&project, major);
    database.rows(
        "create schema stray; create table stray.one (id int primary key); insert into stray.one values (1);
         create table stray.two (id int references stray.one);
         create materialized view stray.kept as select 1 as one;
         create sequence stray.numbers; select nextval('stray.numbers');
         alter table shop.customers add phone text; alter table shop.customers alter name type text;
         alter table shop.customers alter email drop not null;
         insert into shop.customers (email, name, phone) values (null, repeat('x', 60), '1');
         alter table shop.orders alter weight type numeric(20, 6);
         insert into shop.orders (customer, weight) values (1, 1.234567);
         create table shop.events_2025 partition of shop.events for values from ('2025-01-01') to ('2026-01-01');
         insert into shop.events (at) values ('2025-05-05')",
    );
    let before = "select * from stray.one; select * from stray.kept; select last_value from stray.numbers;
        select name, phone, email from shop.customers; select weight from shop.orders; select * from shop.events";
    let rows = database.psql(before);
    let script = diff(&project, &database, major, "--sql").status(1).run().stdout;
    assert!(carry_on(&database, &script) > 5, "{script}");
    assert_eq!(database.psql(before), rows, "{script}");
    assert!(told(&project, &database, major).len() > 5);
}

#[test]
fn differences_are_told_by_object_with_what_comes_next() {
    let project = project();
    let major = majors()[0];
    let database = migrated(&project, major);
    database.rows(
        "alter table shop.customers add phone text; alter table shop.orders alter price drop default;
         alter table shop.orders alter price drop not null; alter type shop.state add value 'lost'",
    );
    let output = diff(&project, &database, major, "").status(1).run();
    insta::assert_snapshot!(output.stdout, @"
    type shop.state
      labels: new, paid, sent, lost, expected new, paid, sent
        by hand: Postgres removes no label from an enum (lost): make a new type, alter the columns to it through text, drop this one
    column shop.customers.phone
      extra: text
    column shop.orders.price
      default: none, expected 0
      not null: none, expected true
    4 differences, 1 to be mended by hand; cofferdam diff --sql prints what would
    mend them
    ");
    let output = diff(&project, &database, major, "--sql").status(1).run();
    insta::assert_snapshot!(output.stdout, @r#"
    -- type shop.state: Postgres removes no label from an enum (lost): make a new type, alter the columns to it through text, drop this one
    -- cofferdam:no-transaction
    alter table "shop"."orders" alter column "price" set default 0;
    alter table "shop"."orders" add constraint _cofferdam_not_null check ("price" is not null) not valid;
    alter table "shop"."orders" validate constraint _cofferdam_not_null;
    alter table "shop"."orders" alter column "price" set not null;
    alter table "shop"."orders" drop constraint _cofferdam_not_null;
    do $mend$
    begin
      perform set_config('row_security', 'off', true);
      lock table "shop"."customers" in access exclusive mode;
      if exists (select from "shop"."customers" where "phone" is not null) then
        raise exception using message = 'shop.customers.phone holds values: nothing was dropped';
      end if;
      alter table "shop"."customers" drop column "phone";
    end
    $mend$;
    "#);
    assert!(output.stderr.contains("4 differences"), "{output}");
}

#[test]
fn without_applied_migrations_nothing_is_expected() {
    let project = project();
    let major = majors()[0];
    let database = Database::new(major);
    diff(&project, &database, major, "")
        .status(2)
        .stderr_contains("nothing says what to expect")
        .stderr_contains("baseline")
        .run();
    let database = migrated(&project, major);
    std::fs::remove_file(project.path("migrations/0001_shop.sql")).expect("it is there");
    diff(&project, &database, major, "").status(2).stderr_contains("0001_shop counts as applied").run();
}

#[test]
fn the_order_of_columns_and_privileges_are_as_the_settings_say() {
    let project = project();
    let major = majors()[0];
    let database = migrated(&project, major);
    database.rows(
        "alter table shop.customers drop name; alter table shop.customers add name varchar(40) not null default '';
         create index customers_name on shop.customers (lower(name)); revoke select on shop.customers from public",
    );
    assert_eq!(told(&project, &database, major), ["different table shop.customers privileges"]);
    project.write("cofferdam.toml", "[diff]\ncolumn_order = true\nprivileges = false\n");
    assert_eq!(told(&project, &database, major), ["different table shop.customers column_order"]);
}

#[test]
fn a_server_of_its_own_serves_where_none_is_named() {
    let project = project();
    let database = migrated(&project, majors()[0]);
    database.rows("drop table shop.empty");
    project
        .cofferdam("diff")
        .env("DATABASE_URL", database.url())
        .status(1)
        .stdout_contains("table shop.empty")
        .run();
}

#[test]
fn sqlite_is_compared_too() {
    let project = Project::new()
        .file("migrations/0001_notes.sql", "create table notes (id integer primary key, body text);\n");
    let cofferdam = |line: &str| project.cofferdam(line).env("DATABASE_URL", "sqlite:notes.db");
    cofferdam("migrate --progress none").run();
    cofferdam("diff").status(0).run();
    let db = rusqlite::Connection::open(project.path("notes.db")).expect("a database");
    db.execute_batch("create index stray on notes (body); alter table notes add column more text")
        .expect("SQL");
    let output = cofferdam("diff").status(1).run();
    insta::assert_snapshot!(output.stdout, @"
    column notes.more
      extra: text
        by hand: SQLite has no statement that looks whether a column is empty and drops it in one: look into it, and drop it when nothing in it is wanted
    index stray
      extra: (body)
    2 differences, 1 to be mended by hand; cofferdam diff --sql prints what would
    mend them
    ");
}

/// What somebody did to a SQLite database, the line that tells it, and whether a statement mends it.
const PLANTED_LITE: &[(&str, &str, bool)] = &[
    ("drop table tags", "missing table tags", true),
    ("drop index notes_body", "missing index notes_body", true),
    (
        "drop index notes_open; create index notes_open on notes (id)",
        "different index notes_open definition",
        true,
    ),
    ("create index stray on notes (body desc, id)", "extra index stray", true),
    ("drop view \"Order\"", "missing view \"Order\"", true),
    ("drop view titles; create view titles as select 1 as one", "different view titles definition", true),
    ("create view more as select * from notes", "extra view more", true),
    ("drop trigger seen", "missing trigger notes.seen", true),
    (
        "drop trigger kept; create trigger kept after delete on notes begin select 2; end",
        "different trigger notes.kept definition",
        true,
    ),
    ("create trigger late after insert on notes begin select 1; end", "extra trigger notes.late", true),
    ("alter table marks drop column note", "missing column marks.note", true),
    ("alter table marks drop column level", "missing column marks.level", true),
    ("alter table marks drop column loud", "missing column marks.loud", true),
    ("alter table marks drop column at", "missing column marks.at", false),
    (
        "alter table notes add column more text; update notes set more = 'kept'",
        "extra column notes.more",
        false,
    ),
    ("create table own (x); insert into own values ('mine')", "extra table own", false),
];

const LITE: &str = "create table notes (id integer primary key autoincrement, body text);
create index notes_body on notes (body) -- looked up;
;
create unique index notes_open on notes (body, id) where body is not null;
create view \"Order\" as select id from notes;
create view titles as select id, body from notes;
create trigger into_titles instead of insert on titles begin insert into notes (body) values (new.body); end;
create trigger seen after insert on notes begin select 1; end;
create trigger kept after delete on notes begin select 1; end;
create table marks (id integer primary key, note text default 'a (b', -- why, it is so
  level int not null default -1 check (level < 9), loud text as (upper(note)) virtual, at text default current_timestamp);
create table tags (\"select\" text primary key, \"a b\" int) strict, without rowid;
create index tags_ab on tags (\"a b\");
create trigger tagged after insert on tags begin select 1; end;
insert into notes (body) values ('one'), ('two');
insert into marks (note) values ('m');
";

fn lite() -> (Project, rusqlite::Connection) {
    let project = Project::new().file("migrations/0001_notes.sql", LITE);
    project.cofferdam("migrate --progress none").env("DATABASE_URL", "sqlite:notes.db").run();
    let db = rusqlite::Connection::open(project.path("notes.db")).expect("a database");
    // Generated first: it stands on the column that goes.
    db.execute_batch("alter table marks drop column loud").expect("SQL");
    for (sql, line, _) in PLANTED_LITE.iter().filter(|(_, line, _)| !line.ends_with("loud")) {
        db.execute_batch(sql).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
    (project, db)
}

fn told_lite(project: &Project) -> Vec<String> {
    let output =
        project.cofferdam("diff --format json").env("DATABASE_URL", "sqlite:notes.db").any_status().run();
    let found = document("diff", &output);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let line = |d: &serde_json::Value| {
        format!("{} {} {}", text(&d["kind"]), text(&d["object"]), text(&d["property"])).trim_end().to_owned()
    };
    found["differences"].as_array().unwrap_or_else(|| panic!("{output}")).iter().map(line).collect()
}

fn left_by_hand() -> Vec<&'static str> {
    let mut left: Vec<&str> =
        PLANTED_LITE.iter().filter(|(_, _, mended)| !mended).map(|(_, line, _)| *line).collect();
    left.sort_unstable();
    left
}

fn rows_lite(db: &rusqlite::Connection) -> String {
    let sql = "select group_concat(id || body || more) || (select group_concat(id) from marks)
               || (select x from own) from notes";
    db.query_row(sql, [], |row| row.get(0)).expect("rows")
}

#[test]
fn what_somebody_did_to_sqlite_is_told_and_the_printed_statements_mend_it_without_touching_rows() {
    let (project, db) = lite();
    let found = told_lite(&project);
    for (sql, line, _) in PLANTED_LITE {
        assert!(found.iter().any(|f| f == line), "{line} after {sql}\nin {found:#?}");
    }
    let rows = rows_lite(&db);
    let output = project.cofferdam("diff --sql").env("DATABASE_URL", "sqlite:notes.db").status(1).run();
    db.execute_batch(&output.stdout).unwrap_or_else(|e| panic!("{e}\n{}", output.stdout));
    assert_eq!(rows_lite(&db), rows);
    let mut left = told_lite(&project);
    left.sort_unstable();
    assert_eq!(left, left_by_hand(), "{}", output.stdout);
}

#[test]
fn what_mends_sqlite_is_a_migration_file_too() {
    let (project, db) = lite();
    let rows = rows_lite(&db);
    let script =
        project.cofferdam("diff --sql").env("DATABASE_URL", "sqlite:notes.db").status(1).run().stdout;
    project.write("migrations/0002_mend.sql", &script);
    project.cofferdam("migrate --progress none").env("DATABASE_URL", "sqlite:notes.db").run();
    assert_eq!(rows_lite(&db), rows);
    let made: i64 = db
        .query_row(
            "select count(*) from sqlite_schema where name in ('tags', 'Order', 'tagged', 'seen')",
            [],
            |r| r.get(0),
        )
        .expect("a count");
    assert_eq!(made, 4);
}
