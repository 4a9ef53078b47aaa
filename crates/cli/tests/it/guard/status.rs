//! Installing, repairing, removing; and what other commands see of the guard: nothing.

use cofferdam_testkit::postgres;
use serde_json::json;

use super::Scene;
use crate::project::{Project, document};

/// Everything that the guard could leave behind.
const LEFT: &str = "select (select count(*) from pg_event_trigger where evtname like 'cofferdam%')
    + (select count(*) from pg_trigger where tgname like 'cofferdam%')
    + (select count(*) from pg_namespace where nspname = 'cofferdam_guard')";

#[test]
fn it_is_installed_repaired_and_removed_and_says_what_it_is() {
    for major in postgres::majors() {
        let scene = Scene::new(major);
        let status = || document("guard", &scene.run("guard status --format json").run());
        let none = status();
        assert_eq!((&none["installed"], &none["level"]), (&false.into(), &"none".into()));
        let dry = document("guard", &scene.run("guard install --dry-run --format json").run());
        assert!(dry["sql"].as_array().is_some_and(|sql| sql.len() == 21), "{dry:#}");
        assert_eq!(scene.database.psql(LEFT), "0");
        let installed = document("guard", &scene.run("guard install --format json").run());
        assert_eq!((&installed["installed"], &installed["complete"]), (&true.into(), &true.into()));
        assert_eq!((&installed["level"], &installed["tables"]), (&"event-trigger".into(), &json!(5)));

        scene.database.psql(
            "drop event trigger cofferdam_guard_drop; alter event trigger cofferdam_guard_new_table disable;
             create table late (a integer); drop trigger cofferdam_guard_truncate on tags;
             alter table events disable trigger cofferdam_guard_truncate;
             create or replace function cofferdam_guard.refuse_drop() returns event_trigger language plpgsql as 'begin end';
             update cofferdam_guard.state set value = '0' where key = 'version'",
        );
        let broken = status();
        assert_eq!(broken["uncovered"], json!(["public.events", "public.late", "public.tags"]));
        let missing = broken["missing"].to_string();
        for what in ["cofferdam_guard_drop is gone", "cofferdam_guard_new_table is disabled", "version 0"] {
            assert!(missing.contains(what), "{what} in {missing}");
        }
        scene
            .run("guard status")
            .stdout_contains("guard install repairs it")
            .stdout_lacks("guarded by")
            .run();
        scene.run("guard install").run();
        let whole = status();
        assert_eq!(
            (&whole["complete"], &whole["uncovered"], &whole["missing"]),
            (&true.into(), &json!([]), &json!([]))
        );
        assert!(scene.said("postgres", "drop table tags").expect("refused").by_guard());

        scene.run("guard remove").stdout_contains("no guard").run();
        assert_eq!(scene.database.psql(LEFT), "0");
        assert!(scene.said("postgres", "drop table tags").is_none());
        scene.run("guard remove").stdout_contains("no guard").run();
        scene.run("audit --verify").run();
    }
}

#[test]
fn a_guard_that_something_was_taken_from_is_called_incomplete() {
    for major in postgres::majors() {
        let scene = Scene::guarded(major);
        for (harm, missing) in [
            ("drop event trigger cofferdam_guard_drop", "the event trigger cofferdam_guard_drop is gone"),
            ("drop event trigger cofferdam_guard_self", "the event trigger cofferdam_guard_self is gone"),
            (
                "alter event trigger cofferdam_guard_drop disable",
                "the event trigger cofferdam_guard_drop is disabled",
            ),
            (
                "create or replace function cofferdam_guard.refuse_drop() returns event_trigger language plpgsql as 'begin end'",
                "the function cofferdam_guard.refuse_drop is not the one",
            ),
            (
                "create or replace function cofferdam_guard.permitted() returns boolean language sql as 'select true'",
                "the function cofferdam_guard.permitted is not the one",
            ),
            ("drop table cofferdam_guard.permit", "the table cofferdam_guard.permit is gone"),
            ("drop table cofferdam_guard.allowed", "the table cofferdam_guard.allowed is gone"),
            ("drop trigger cofferdam_guard_truncate on cofferdam.audit", "cofferdam.audit can be truncated"),
        ] {
            scene.database.psql(&format!("set session_replication_role = replica; {harm}"));
            let status = document("guard", &scene.run("guard status --format json").run());
            assert_eq!(status["complete"], json!(false), "{harm} on {major}: {status:#}");
            assert!(status["missing"].to_string().contains(missing), "{harm} on {major}: {status:#}");
            scene.run("guard status").stdout_contains("incomplete").stdout_lacks("guarded by").run();
            scene
                .run("guard install")
                .stdout_contains("guarded by event-trigger, 5 of 5 tables covered")
                .run();
        }
        scene.run("guard remove").run();
        assert_eq!(scene.database.psql(LEFT), "0");
    }
}

#[test]
fn what_a_dry_run_shows_installs_and_removes_by_hand() {
    for major in postgres::majors() {
        let scene = Scene::new(major);
        let by_hand = |line: &str| {
            let shown = scene.run(line).run().stdout;
            scene.database.psql(shown.strip_suffix("nothing was changed\n").expect("the last line"));
        };
        by_hand("guard install --dry-run");
        scene.run("guard status").stdout_contains("guarded by event-trigger, 5 of 5 tables covered").run();
        assert!(scene.said("postgres", "drop table tags").expect("refused").by_guard());
        by_hand("guard remove --dry-run");
        assert_eq!(scene.database.psql(LEFT), "0");
    }
}

#[test]
fn a_role_that_may_not_read_the_guard_is_told_who_may() {
    for major in postgres::majors() {
        let scene = Scene::guarded(major);
        let reader = format!("reader_{}", scene.database.name());
        scene.database.psql(&format!("create role {reader} login"));
        let status = || scene.as_role(&reader, "guard status");
        status().status(2).stderr_contains("only its owner, the role postgres").run();
        scene.database.psql(&format!(
            "grant usage on schema cofferdam_guard to {reader};
             grant select on cofferdam_guard.state, cofferdam_guard.allowed to {reader}"
        ));
        status().stdout_contains("guarded by event-trigger, 5 of 5 tables covered").run();
        scene.database.psql(&format!("drop owned by {reader}; drop role {reader}"));
    }
}

#[test]
fn no_other_command_sees_it() {
    for major in postgres::majors() {
        unseen(Scene::guarded(major));
        let scene = Scene::new(major);
        let app = format!("app_{}", scene.database.name());
        scene.database.psql(&format!("create role {app}; grant select on notes to {app}"));
        scene.run(&format!("guard install --app-role {app}")).run();
        let scene = unseen(scene);
        scene.run("guard remove").run();
        scene.database.psql(&format!("drop owned by {app}; drop role {app}"));
    }
}

fn unseen(scene: Scene) -> Scene {
    let major = scene.database.major();
    let command = |line: &str| {
        let run = scene.run(line).env("SCRATCH_URL", scene.database.address().url("postgres"));
        match postgres::programs(major) {
            Some(path) => run.env("PATH", path),
            None => run,
        }
    };
    let diff = document("diff", &command("diff --format json").run());
    assert_eq!(diff["differences"], json!([]), "on {major}: {diff:#}");
    command("status").stdout_contains("1 applied, 0 pending").run();
    scene.project.write("migrations/0002_more.sql", "create table more (a integer);");
    command("plan").stdout_lacks("cofferdam_guard").run();
    command("migrate").run();
    let diff = document("diff", &command("diff --format json").run());
    assert_eq!(diff["differences"], json!([]), "on {major}: {diff:#}");
    scene
}

#[test]
fn uninstall_takes_the_guard_out_as_well() {
    for major in postgres::majors() {
        let scene = Scene::guarded(major);
        let rows = scene.rows();
        let shown = document("uninstall", &scene.run("uninstall --dry-run --format json").run());
        assert_eq!(shown["dropped"][0]["object"], "schema cofferdam_guard, the guard of level event-trigger");
        let left = document("uninstall", &scene.run("uninstall --no-export --format json").run());
        let objects = |report: &serde_json::Value| {
            let objects = report["dropped"].as_array().expect("a list");
            objects.iter().map(|gone| gone["object"].to_string()).collect::<Vec<_>>()
        };
        assert_eq!(objects(&left), objects(&shown));
        assert_eq!(scene.database.psql(LEFT), "0");
        assert_eq!(
            scene.database.psql("select count(*) from pg_namespace where nspname like 'cofferdam%'"),
            "0"
        );
        assert_eq!(scene.rows(), rows);
    }
}

#[test]
fn without_a_ledger_there_is_nothing_to_guard_for() {
    let scene = Scene::empty(postgres::majors()[0]);
    scene.run("guard install").status(2).stderr_contains("has no ledger").run();
    scene.run("guard status").stdout_contains("no guard").run();
}

#[test]
fn a_table_in_use_is_waited_for_and_named() {
    let scene = Scene::new(*postgres::majors().last().expect("a major"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client = runtime.block_on(scene.database.client());
    runtime.block_on(client.batch_execute("begin; insert into tags values (1, 'w')")).expect("a writer");
    let blocked = scene.run("guard install --lock-budget 500ms").status(4).run();
    assert!(blocked.stderr.contains("a lock on tags"), "{blocked}");
    // What stands guards already.
    assert!(scene.said("postgres", "drop table events").expect("refused").by_guard());
    scene.run("guard status").stdout_contains("did not come to its end").run();
    runtime.block_on(client.batch_execute("commit")).expect("an end");
    scene.run("guard install").stdout_contains("5 of 5 tables covered").run();
}

#[test]
fn a_protected_database_must_be_named() {
    let scene = Scene::guarded(postgres::majors()[0]);
    let name = scene.database.name().to_owned();
    let config = "[env.production]\ndatabase_url = \"env:DATABASE_URL\"\nprotected = true\n";
    scene.project.write("cofferdam.toml", config);
    scene.run("guard remove --env production").status(3).stderr_contains("--confirm").run();
    scene.run("guard remove --env production --confirm other").status(3).run();
    scene.run("guard remove --env production --dry-run").run();
    assert_ne!(scene.database.psql(LEFT), "0");
    scene.run(&format!("guard remove --env production --confirm {name}")).run();
    assert_eq!(scene.database.psql(LEFT), "0");
}

#[test]
fn on_sqlite_it_is_said_that_nothing_can_refuse_a_drop() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = Project::new().file("cofferdam.toml", "database_url = \"sqlite:notes.db\"\n");
    project.write("migrations/0001_create.sql", "create table notes (id integer primary key);");
    project.cofferdam("migrate").run();
    project.cofferdam("guard install").status(2).stderr_contains("nothing that can refuse a drop").run();
    project.cofferdam("guard allow --for 1m --reason x").status(2).run();
    let mode = |mode| {
        std::fs::set_permissions(project.path("notes.db"), std::fs::Permissions::from_mode(mode))
            .expect("a mode");
        document("guard", &project.cofferdam("guard status --format json").run())
    };
    let open = mode(0o666);
    assert_eq!((&open["installed"], &open["level"]), (&false.into(), &"none".into()));
    assert_eq!((&open["file"]["mode"], &open["file"]["world_writable"]), (&"0666".into(), &true.into()));
    assert!(open["missing"].to_string().contains("every user of this machine may write"), "{open:#}");
    let closed = mode(0o600);
    assert_eq!(closed["missing"], json!(["SQLite has nothing that can refuse a drop"]));
    project.cofferdam("guard remove").run();
}
