//! Every accident of the list in docs/guard.md: refused, or said to be out of reach.

use cofferdam_testkit::{checkout, postgres};

use super::Scene;
use super::privileges::App;

/// What becomes of an accident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Refused,
    OutOfReach,
}
use End::{OutOfReach, Refused};

/// Name, SQL, by event triggers, by privileges.
type Accident = (&'static str, &'static str, End, End);

const ACCIDENTS: [Accident; 52] = [
    ("drop table", "drop table tags", Refused, Refused),
    (
        "drop table cascade (Hibernate create-drop, Sequelize sync force)",
        "drop table if exists notes cascade",
        Refused,
        Refused,
    ),
    (
        "Rails schema:load with force: :cascade",
        r#"DROP TABLE IF EXISTS "notes" CASCADE; CREATE TABLE "notes" ("id" bigserial primary key)"#,
        Refused,
        Refused,
    ),
    ("alter table drop column", "alter table notes drop column body cascade", Refused, Refused),
    (
        "drop and add a column in one statement",
        "alter table notes drop column status, add column status integer",
        Refused,
        Refused,
    ),
    ("drop schema cascade", "drop schema shop cascade", Refused, Refused),
    (
        "drop schema public cascade (prisma migrate reset)",
        "drop schema public cascade; create schema public",
        Refused,
        Refused,
    ),
    ("drop type cascade", "drop type mood cascade", Refused, Refused),
    ("drop attribute of a composite type", "alter type pair drop attribute b cascade", Refused, Refused),
    ("drop domain cascade", "drop domain email cascade", Refused, Refused),
    ("drop sequence", "drop sequence loose", Refused, Refused),
    ("drop sequence of a column, cascade", "drop sequence shop.orders_id_seq cascade", Refused, Refused),
    ("drop view", "drop view recent", Refused, Refused),
    ("drop materialized view", "drop materialized view totals", Refused, Refused),
    ("drop partition", "drop table events_2026", Refused, Refused),
    ("drop partitioned table", "drop table events", Refused, Refused),
    ("drop foreign table", "drop foreign table far", Refused, Refused),
    ("drop function cascade that takes a column", "drop function shout(text) cascade", Refused, Refused),
    ("drop owned by", "drop owned by KEEPER cascade", Refused, Refused),
    ("drop owned by oneself", "drop owned by current_user cascade", Refused, OutOfReach),
    ("drop extension cascade that takes a column", "drop extension citext cascade", Refused, OutOfReach),
    ("drop in a do block", "do $$ begin execute 'drop table tags'; end $$", Refused, Refused),
    (
        "drop in a function",
        "create function pg_temp.oops() returns void language plpgsql as 'begin drop table tags; end'; select pg_temp.oops()",
        Refused,
        Refused,
    ),
    ("drop behind a savepoint", "savepoint a; drop table tags; release savepoint a", Refused, Refused),
    ("truncate", "truncate tags", Refused, Refused),
    ("truncate cascade", "truncate notes cascade", Refused, Refused),
    ("truncate restart identity", "truncate only tags restart identity", Refused, Refused),
    ("truncate partitioned table", "truncate events", Refused, Refused),
    ("truncate of a partition", "truncate events_2026", Refused, Refused),
    ("Django flush", r#"TRUNCATE "tags", "notes";"#, Refused, Refused),
    (
        "an old dump made with --clean",
        "DROP VIEW IF EXISTS public.recent; DROP TABLE IF EXISTS public.tags; CREATE TABLE public.tags (note_id bigint)",
        Refused,
        Refused,
    ),
    ("drop schema cofferdam cascade", "drop schema cofferdam cascade", Refused, Refused),
    ("drop the ledger's audit", "drop table cofferdam.audit", Refused, Refused),
    ("drop the guard's trigger", "drop trigger cofferdam_guard_truncate on tags", Refused, Refused),
    ("truncate the ledger", "truncate cofferdam.migration, cofferdam.audit", Refused, Refused),
    ("drop the guard's schema", "DROP SCHEMA Cofferdam_Guard CASCADE", Refused, Refused),
    ("drop the guard's schema in a list", "drop schema shop, cofferdam_guard cascade", Refused, Refused),
    (
        "drop a function of the guard",
        "drop function cofferdam_guard.refuse_drop() cascade; drop table tags",
        Refused,
        Refused,
    ),
    (
        "drop constraint (a key, a foreign key, a check)",
        "alter table notes drop constraint notes_pkey cascade",
        Refused,
        Refused,
    ),
    (
        "drop unique index",
        "create unique index one_tag on tags (note_id, tag); drop index one_tag",
        Refused,
        Refused,
    ),
    ("drop database", "drop database NAME", OutOfReach, Refused),
    ("alter table rename", "alter table tags rename to labels", OutOfReach, Refused),
    ("alter table set schema", "alter table tags set schema shop", OutOfReach, Refused),
    (
        "alter column type that shortens values",
        "alter table tags alter column tag type text using left(tag, 0)",
        OutOfReach,
        Refused,
    ),
    ("set unlogged", "alter table tags set unlogged", OutOfReach, Refused),
    ("drop index, function or policy", "drop index totals_total", OutOfReach, Refused),
    ("delete without where", "delete from tags", OutOfReach, OutOfReach),
    ("update without where", "update notes set status = ''", OutOfReach, OutOfReach),
    (
        "drop event trigger first",
        "drop event trigger cofferdam_guard_drop; drop table tags",
        OutOfReach,
        Refused,
    ),
    (
        "disable the triggers first",
        "alter table tags disable trigger all; truncate tags",
        OutOfReach,
        Refused,
    ),
    (
        "session_replication_role = replica",
        "set session_replication_role = replica; drop table tags",
        OutOfReach,
        Refused,
    ),
    ("another role's window", "set cofferdam_guard.permit = '0'; drop table tags", Refused, Refused),
];

/// Objects that only a superuser can make, and roles with names of their own.
fn prepare(scene: &Scene, owner: &str) -> String {
    let keeper = format!("keeper_{}", scene.database.name());
    scene.database.psql(&format!(
        "create role {keeper}; create table kept (a integer); alter table kept owner to {keeper};
         create foreign data wrapper nothing; create server nowhere foreign data wrapper nothing;
         grant usage on foreign server nowhere to \"{owner}\";
         grant create on database \"{}\" to \"{owner}\";
         set role \"{owner}\";
         create foreign table far (a integer) server nowhere;
         create extension citext; create table shop.words (word citext); insert into shop.words values ('a')",
        scene.database.name()
    ));
    keeper
}

fn befall(scene: &Scene, role: &str, keeper: &str, end: fn(&Accident) -> End) {
    let before = scene.rows();
    let mut wrong = Vec::new();
    for accident in &ACCIDENTS {
        let (name, sql, ..) = accident;
        let sql = sql.replace("KEEPER", keeper).replace("NAME", &format!("\"{}\"", scene.database.name()));
        let said = scene.said(role, &sql);
        let ended = match &said {
            // Refused by the guard or by a right, or because there is nothing of that name to drop,
            // or by the server: a superuser's own things are the server's.
            Some(said) if said.by_guard() || ["42501", "42704", "2BP01"].contains(&&*said.state) => Refused,
            // Its own session stands in the way; there is no other reason.
            Some(_) | None => OutOfReach,
        };
        let known = ["42501", "42704", "2BP01", "55006"];
        let unexpected = said.as_ref().is_some_and(|s| !s.by_guard() && !known.contains(&&*s.state));
        if ended != end(accident) || unexpected {
            wrong.push(format!("{name}: {ended:?}, {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "on {}:\n{}", scene.database.major(), wrong.join("\n"));
    assert_eq!(scene.rows(), before);
}

#[test]
fn every_accident_is_refused_by_event_triggers_or_out_of_reach_as_the_guide_says() {
    for major in postgres::majors() {
        let scene = Scene::new(major);
        let keeper = prepare(&scene, "postgres");
        scene.run("guard install").run();
        // A superuser is refused as well: this is what tools log in as on a developer's machine.
        befall(&scene, "postgres", &keeper, |accident| accident.2);
        scene.database.psql(&format!(
            "drop event trigger cofferdam_guard_drop; drop owned by {keeper}; drop role {keeper}"
        ));
    }
}

#[test]
fn every_accident_is_refused_by_privileges_or_out_of_reach_as_the_guide_says() {
    for major in postgres::majors() {
        let app = App::new(major);
        let keeper = prepare(&app.scene, &app.role);
        app.install();
        befall(&app.scene, &app.role, &keeper, |accident| accident.3);
        app.scene.run("guard remove").run();
        app.scene.database.psql(&format!("drop owned by {keeper} cascade; drop role {keeper}"));
    }
}

#[test]
fn the_guide_has_every_accident_with_its_end() {
    let guide = std::fs::read_to_string(checkout::root().join("docs/guard.md")).expect("the page");
    let words = |end: End| match end {
        Refused => "refused",
        OutOfReach => "out of reach",
    };
    let lines: Vec<String> = ACCIDENTS
        .iter()
        .map(|(name, _, event, rights)| format!("| {name} | {} | {} |", words(*event), words(*rights)))
        .collect();
    let missing: Vec<&String> = lines.iter().filter(|line| !guide.contains(line.as_str())).collect();
    assert!(
        missing.is_empty(),
        "docs/guard.md lacks:\n{}",
        missing.iter().map(|l| l.as_str()).collect::<Vec<_>>().join("\n")
    );
    let rows =
        guide.lines().filter(|l| l.ends_with("| refused |") || l.ends_with("| out of reach |")).count();
    assert_eq!(rows, ACCIDENTS.len(), "docs/guard.md has lines that no test checks");
}

#[test]
fn constraints_of_every_kind_are_kept_with_their_names() {
    for major in postgres::majors() {
        let scene = Scene::new(major);
        scene.database.psql(
            "alter table tags add constraint once unique (note_id, tag), add constraint filled check (tag <> '');
             create table keyed (at date primary key, what text) partition by range (at)",
        );
        scene.run("guard install").run();
        let notes =
            scene.said("postgres", "alter table notes drop constraint notes_pkey cascade").expect("refused");
        assert_eq!(
            notes.message,
            "cofferdam guard: drop constraint notes_pkey on public.notes refused: this session runs no migration"
        );
        assert!(notes.detail.contains("tags_note_id_fkey on public.tags"), "{notes:?}");
        for (table, name) in
            [("tags", "once"), ("tags", "filled"), ("tags", "tags_note_id_fkey"), ("keyed", "keyed_pkey")]
        {
            let sql = format!("do $$ begin execute 'alter table {table} drop constraint {name}'; end $$");
            assert!(scene.said("postgres", &sql).expect("refused").by_guard(), "{name} on {major}");
        }
    }
}

#[test]
fn the_guards_owner_drops_what_it_owns_by_no_other_name_either() {
    for major in postgres::majors() {
        let scene = Scene::new(major);
        let (owner, other) =
            (format!("Super_{}", scene.database.name()), format!("other_{}", scene.database.name()));
        scene.database.psql(&format!("create role \"{owner}\" superuser login; create role {other}"));
        scene.as_role(&owner, "guard install").run();
        for (role, whose) in [
            ("postgres", format!("\"{owner}\"")),
            ("postgres", format!("{other} , \"{owner}\" CASCADE")),
            (&*owner, "current_user".to_owned()),
            (&*owner, "SESSION_USER cascade".to_owned()),
            ("postgres", format!("{other}; set role \"{owner}\"; drop owned by current_role")),
        ] {
            let said = scene.said(role, &format!("drop owned by {whose}"));
            assert!(said.as_ref().is_some_and(super::Said::by_guard), "{whose} on {major}: {said:?}");
        }
        assert!(scene.said(&owner, &format!("drop owned by {other} cascade")).is_none(), "on {major}");
        scene.run("guard remove").run();
        scene.database.psql(&format!("drop owned by \"{owner}\"; drop role \"{owner}\", {other}"));
    }
}

#[test]
fn what_is_refused_says_what_where_and_what_to_do() {
    for major in postgres::majors() {
        let scene = Scene::guarded(major);
        let said = |sql: &str| scene.said("postgres", sql).expect("refused");
        let table = said("drop table public.tags");
        assert_eq!(
            table.message,
            "cofferdam guard: drop table public.tags refused: this session runs no migration"
        );
        assert_eq!((&*table.state, &*table.detail), ("ZG001", "nothing was dropped"));
        assert_eq!(
            table.hint,
            "write a migration and run cofferdam migrate; or: cofferdam guard allow --for 10m --reason TEXT"
        );
        let column = said("alter table notes drop column status");
        assert!(column.message.contains("drop column public.notes.status refused"), "{column:?}");
        let schema = said("drop schema shop cascade");
        assert!(schema.message.contains("drop schema shop refused"), "{schema:?}");
        assert!(schema.detail.contains("table shop.orders"), "{schema:?}");
        let truncate = said("truncate tags");
        assert_eq!(
            truncate.message,
            "cofferdam guard: truncate public.tags refused: this session runs no migration"
        );
    }
}
