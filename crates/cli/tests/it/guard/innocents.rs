//! What a guard must not disturb.

use cofferdam_testkit::postgres;

use super::Scene;

/// Each runs alone, in autocommit, as a tool or an application would.
const INNOCENTS: [(&str, &str); 48] = [
    (
        "temporary table",
        "create temp table t (a int); insert into t values (1); truncate t; alter table t drop column a; drop table t",
    ),
    (
        "temporary table of a transaction",
        "begin; create temp table t on commit drop as select 1 as a; commit",
    ),
    (
        "temporary view, sequence and type",
        "create temp view v as select 1; create temp sequence s; drop view v; drop sequence s; create type pg_temp.m as enum ('a'); drop type pg_temp.m",
    ),
    ("select into a temporary table", "select * into temp t from notes; drop table t"),
    (
        "default",
        "alter table notes alter column status drop default; alter table notes alter column status set default 'new'",
    ),
    (
        "not null",
        "alter table notes alter column body drop not null; alter table notes alter column body set not null",
    ),
    (
        "identity",
        "alter table notes alter column id drop identity; alter table notes alter column id add generated always as identity",
    ),
    ("expression of a column", "alter table notes alter column loud drop expression"),
    ("index", "create index on notes (body); drop index notes_body_idx"),
    ("index concurrently", "create index concurrently soon on notes (body)"),
    ("drop index concurrently", "drop index concurrently soon"),
    ("reindex concurrently", "reindex table concurrently notes"),
    (
        "constraint",
        "alter table tags add constraint c check (tag <> '') not valid; alter table tags validate constraint c; alter table tags rename constraint c to d",
    ),
    ("foreign key", "alter table tags alter constraint tags_note_id_fkey deferrable"),
    (
        "index that is not unique, of a schema",
        "create index soon on shop.orders (total); drop index shop.soon",
    ),
    (
        "constraints of a temporary table",
        "create temp table t (a int primary key, check (a > 0)); alter table t drop constraint t_a_check; alter table t drop constraint t_pkey",
    ),
    (
        "constraint of a domain",
        "alter domain email drop constraint email_check; alter domain email add check (value like '%@%')",
    ),
    (
        "detach and attach a partition that keys point at",
        "create table k (a int primary key) partition by range (a); create table k1 partition of k for values from (0) to (9); create table r (a int references k, b int references notes) partition by range (a); create table r1 partition of r for values from (0) to (9); alter table k detach partition k1; alter table k attach partition k1 for values from (0) to (9); alter table r detach partition r1; alter table r attach partition r1 for values from (0) to (9)",
    ),
    (
        "trigger of somebody",
        "create function f() returns trigger language plpgsql as 'begin return null; end'; create trigger t after insert on tags execute function f(); drop trigger t on tags; drop function f()",
    ),
    (
        "function",
        "create function g() returns int language sql as 'select 1'; create or replace function g() returns int language sql as 'select 2'; drop function g()",
    ),
    ("create or replace view", "create or replace view recent as select id, body, status from notes"),
    ("refresh", "refresh materialized view totals"),
    ("refresh concurrently", "refresh materialized view concurrently totals"),
    ("vacuum full", "vacuum full notes"),
    ("cluster", "cluster notes using notes_pkey"),
    ("analyze", "analyze"),
    (
        "detach and attach",
        "alter table events detach partition events_2026; alter table events attach partition events_2026 for values from ('2026-01-01') to ('2027-01-01')",
    ),
    ("detach concurrently", "alter table events detach partition events_2026 concurrently"),
    (
        "new column",
        "alter table notes add column extra text; alter table notes alter column extra type varchar(20)",
    ),
    ("rewrite", "alter table shop.orders alter column id type bigint"),
    ("rename", "alter table tags rename column tag to label; alter table tags rename column label to tag"),
    ("policy", "create policy p on tags using (true); drop policy p on tags"),
    ("rule", "create rule r as on insert to recent do instead nothing; drop rule r on recent"),
    ("publication", "create publication p for table notes; drop publication p"),
    ("statistics", "create statistics st on id, body from notes; drop statistics st"),
    ("extension", "create extension citext; drop extension citext"),
    // Its updates drop their own view and functions and make them anew.
    ("extension of an older version", "create extension pg_stat_statements version '1.4'"),
    ("extension update", "alter extension pg_stat_statements update"),
    ("drop extension that nothing uses", "drop extension pg_stat_statements"),
    ("discard", "discard all"),
    ("truncate of an empty table", "create table empty (a int); truncate empty"),
    (
        "replication applies a truncate",
        "begin; set local session_replication_role = replica; truncate tags; rollback",
    ),
    (
        "drop owned by a role with temporary things",
        "create role r_NAME; grant temp on database \"NAME\" to r_NAME; set role r_NAME; create temp table mine (a int); drop owned by r_NAME; reset role; revoke all on database \"NAME\" from r_NAME; drop role r_NAME",
    ),
    ("grants", "create role g_NAME; grant select on notes to g_NAME; drop owned by g_NAME; drop role g_NAME"),
    ("enum value", "alter type mood add value 'fair'"),
    (
        "a table of a view's shape",
        "create table copied (like notes including all); insert into copied (body) values ('x')",
    ),
    ("rows", "insert into tags values (2, 'y'); update tags set tag = 'z'; delete from tags where tag = 'z'"),
    ("comment", "comment on table notes is 'kept'"),
];

#[test]
fn innocents_pass() {
    for major in postgres::majors() {
        let scene = Scene::guarded(major);
        let mut wrong = Vec::new();
        for (name, sql) in INNOCENTS {
            let sql = sql.replace("NAME", scene.database.name());
            let mut session = scene.database.address().session(scene.database.name()).expect("a session");
            if let Err(error) = session.run(&sql) {
                wrong.push(format!("{name}: {error}"));
            }
        }
        assert!(wrong.is_empty(), "on {major}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn new_tables_are_covered_however_they_come_and_temporary_ones_are_not() {
    for major in postgres::majors() {
        let scene = Scene::guarded(major);
        for sql in [
            "create table n1 (a int)",
            "create unlogged table n2 (a int)",
            "create table n3 as select 1 as a",
            "select 1 as a into n4",
            "create table n5 (like n1)",
            "create table n6 () inherits (n1)",
            "create table n7 partition of events for values from ('2027-01-01') to ('2028-01-01')",
            "create schema made create table made.n8 (a int)",
            "do $$ begin create table n9 (a int); end $$",
            "create table if not exists \"N.10\" (a int)",
            "create temp table t1 (a int)",
        ] {
            scene.database.psql(sql);
        }
        let bare = "select coalesce(string_agg(relname, ' '), '') from pg_class c
            where relkind in ('r', 'p') and relname ~* '^n[.0-9]+$'
              and not exists (select from pg_trigger t where t.tgrelid = c.oid and tgname = 'cofferdam_guard_truncate')";
        assert_eq!(scene.database.psql(bare), "", "on {major}");
        let count = "select count(*) from pg_trigger where tgname = 'cofferdam_guard_truncate' and tgrelid in
            (select oid from pg_class where relname ~* '^n[.0-9]+$')";
        assert_eq!(scene.database.psql(count), "10", "on {major}");
        scene.database.psql("insert into made.n8 values (1)");
        assert!(scene.said("postgres", "truncate made.n8").expect("refused").by_guard());
        scene.run("guard status").stdout_contains("15 of 15 tables covered").run();
    }
}
