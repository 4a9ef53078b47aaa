//! kill -9 while somebody leaves, and between a commit and its tick.

use cofferdam::crash::CrashPoint;
use cofferdam_testkit::crash::{self, Crash};
use cofferdam_testkit::postgres;

use super::crash::OF_UNINSTALL;
use super::scene::{Database, Kind, Scene};

const FILES: [(&str, &str); 2] = [
    ("0001_create.sql", "create table notes (id integer primary key, body text);"),
    ("0002_rank.sql", "alter table notes add column rank integer;"),
];

fn has_ledger(scene: &Scene) -> bool {
    let sql = match &scene.database {
        Database::Sqlite(_) => {
            "select count(*) from sqlite_schema where name like '\\_cofferdam%' escape '\\'"
        }
        Database::Postgres(_) => {
            "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = 'cofferdam' and c.relkind = 'r'"
        }
    };
    match &*scene.sql(sql) {
        "0" => false,
        "6" => true,
        some => panic!("{some} tables of the ledger"),
    }
}

/// The export is complete, or it is not there under its name.
fn has_export(scene: &Scene) -> bool {
    if !scene.project.path("ledger.json").exists() {
        return false;
    }
    let export: serde_json::Value = serde_json::from_str(&scene.project.read("ledger.json")).expect("JSON");
    assert_eq!(export["tables"]["migration"].as_array().map(Vec::len), Some(2));
    true
}

#[test]
fn killed_while_leaving_everything_is_there_or_everything_is_gone_and_in_the_file() {
    let before = [CrashPoint::LeaseTaken, CrashPoint::UninstallDropped, CrashPoint::ExportWritten];
    for kind in Kind::all() {
        for point in OF_UNINSTALL.into_iter().chain([CrashPoint::LeaseTaken]) {
            let scene = Scene::new(kind, &FILES);
            scene.run("migrate").run();
            let leave = || scene.run("uninstall --export ledger.json");
            let what = format!("{kind:?} killed at {}", point.name());
            let Crash::Killed(_) = crash::at(point.name(), leave()) else { panic!("{what}: not reached") };
            let gone = point == CrashPoint::UninstallCommitted;
            // A server may still be at the end of a transaction whose client is gone.
            assert_eq!(has_ledger(&scene), !gone, "{what}: the ledger");
            assert_eq!(has_export(&scene), !before.contains(&point), "{what}: the file");
            if !gone {
                scene.run("audit --verify").run();
                leave().run();
            }
            leave().stdout_contains("nothing to do").run();
            assert!(!has_ledger(&scene) && has_export(&scene), "{what}, then again");
            assert_eq!(scene.sql("select count(*) from notes"), "0");
        }
    }
}

#[test]
fn a_live_runner_is_not_left_without_its_ledger() {
    for kind in [Kind::Sqlite, Kind::Postgres(*postgres::majors().last().expect("a major"))] {
        let scene = Scene::new(kind, &FILES);
        scene.run("migrate").run();
        let lease = scene.ledger("lease");
        let (pid, expires) = match kind {
            Kind::Sqlite => (std::process::id().to_string(), "'2999-01-01T00:00:00.000Z'"),
            Kind::Postgres(_) => ("null".to_owned(), "'2999-01-01'"),
        };
        scene.sql(&format!(
            "update {lease} set owner = 'somebody@host', fence = 99, pid = {pid}, expires = {expires}"
        ));
        let blocked = scene.run("uninstall --lease-wait 300ms").status(4).run();
        assert!(blocked.stderr.contains("somebody@host"), "{blocked}");
        assert!(has_ledger(&scene), "{kind:?}");
    }
}

#[test]
fn a_tick_that_a_kill_prevented_is_made_good_by_whoever_asks_next() {
    for kind in Kind::all() {
        for (point, next) in
            [("step-committed", "status"), ("run-closed", "status"), ("step-committed", "migrate")]
        {
            let scene = Scene::new(kind, &FILES);
            scene.run("plan --checklist deploy.md").run();
            let Crash::Killed(_) = crash::at(point, scene.run("migrate")) else { panic!("not reached") };
            assert!(!scene.project.read("deploy.md").contains("[x]"));
            scene.run(next).run();
            let text = scene.project.read("deploy.md");
            assert!(text.contains("- [x] 0001: "), "{kind:?} {point} {next}: {text}");
            let rest = point == "run-closed" || next == "migrate";
            assert_eq!(text.contains("- [x] 0002: "), rest, "{kind:?} {point} {next}: {text}");
        }
    }
}
