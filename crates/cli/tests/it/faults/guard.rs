//! kill -9 while the guard is put up or taken out, and while a guarded run is at work.

use cofferdam::crash::CrashPoint;
use cofferdam_testkit::crash::{self, Crash};
use cofferdam_testkit::postgres;

use super::scene::{Kind, Scene};

/// Points that only `guard` comes to.
pub(super) const OF_GUARD: [CrashPoint; 6] = [
    CrashPoint::GuardDeclared,
    CrashPoint::GuardCommitted,
    CrashPoint::GuardSpread,
    CrashPoint::GuardGathered,
    CrashPoint::GuardDropped,
    CrashPoint::GuardGone,
];

const FILES: [(&str, &str); 1] = [(
    "0001_create.sql",
    "create table notes (id integer primary key, body text); insert into notes values (1, 'a');
     create table tags (a integer); create view recent as select id from notes;",
)];

fn scene(major: u32) -> Scene {
    let scene = Scene::new(Kind::Postgres(major), &FILES);
    scene.run("migrate").run();
    scene
}

/// Everything of the guard in the database: event triggers, truncate triggers, schemas, owners.
fn stands(scene: &Scene) -> String {
    scene.sql(
        "select (select count(*) from pg_event_trigger), (select count(*) from pg_trigger where tgname like 'cofferdam%'),
                (select count(*) from pg_namespace where nspname = 'cofferdam_guard'),
                (select string_agg(distinct pg_get_userbyid(relowner), ' ') from pg_class where relname in ('notes', 'tags', 'recent')),
                (select count(*) from pg_default_acl)",
    )
}

fn visit(install: &str, whole: &str) {
    for major in postgres::majors() {
        let app = |scene: &Scene| format!("app_{}", scene.postgres().name());
        let prepared = || {
            let scene = scene(major);
            scene.sql(&format!("create role {}", app(&scene)));
            scene
        };
        let line = |scene: &Scene| install.replace("APP", &app(scene));
        for point in OF_GUARD {
            let name = point.name();
            let removing =
                [CrashPoint::GuardGathered, CrashPoint::GuardDropped, CrashPoint::GuardGone].contains(&point);
            let scene = prepared();
            if removing {
                scene.run(&line(&scene)).run();
            }
            let command = if removing { "guard remove".to_owned() } else { line(&scene) };
            let what = format!("{command} on {major} killed at {name}");
            let Crash::Killed(_) = crash::at(name, scene.run(&command)) else {
                panic!("{what}: not reached")
            };
            // Between the two the database serves, and a migration goes on.
            scene
                .project
                .write("migrations/0002_more.sql", "create table more (a integer); drop table more;");
            scene.run("migrate").run();
            scene.run(&command).run();
            if removing {
                assert_eq!(stands(&scene), "0|0|0|postgres|0", "{what}, then again");
            } else {
                assert_eq!(stands(&scene), whole, "{what}, then again");
                scene.run("guard status").stdout_lacks("warning").run();
                scene.run("guard remove").run();
                assert_eq!(stands(&scene), "0|0|0|postgres|0", "{what}, then removed");
            }
            assert_eq!(scene.sql("select count(*) from notes"), "1", "{what}");
            scene.run("audit --verify").run();
            scene.sql(&format!("drop owned by {0}; drop role {0}", app(&scene)));
        }
    }
}

#[test]
fn killed_at_any_point_of_the_event_triggers_the_same_command_makes_it_whole_or_gone() {
    visit("guard install", "5|8|1|postgres|0");
}

#[test]
fn killed_at_any_point_of_the_privileges_the_same_command_makes_it_whole_or_gone() {
    visit("guard install --level privileges --app-role APP", "0|0|1|cofferdam_owner|3");
}

#[test]
fn a_guarded_migration_that_is_killed_goes_on_and_its_permit_opens_nothing() {
    for major in postgres::majors() {
        for point in
            ["lease-taken", "step-begun", "statement-done", "step-recorded", "step-committed", "steps-done"]
        {
            let scene = scene(major);
            scene.run("guard install").run();
            scene.project.write(
                "migrations/0002_drop.sql",
                "-- cofferdam:allow drop-table it is empty\ndrop table tags;\ncreate table labels (a integer);",
            );
            let Crash::Killed(_) = crash::at(point, scene.run("migrate")) else {
                panic!("{point}: not reached")
            };
            let refused = scene.postgres().address().run(scene.postgres().name(), "drop table notes cascade");
            assert!(
                refused.expect_err("refused").message().contains("cofferdam guard"),
                "{point} on {major}"
            );
            scene.run("migrate").run();
            assert_eq!(
                scene.sql("select to_regclass('tags') is null, count(*) from cofferdam_guard.permit"),
                "t|0"
            );
        }
    }
}
