//! kill -9 between the mark of a protected database and its commit.

use cofferdam_testkit::Cofferdam;
use cofferdam_testkit::crash::{self, Crash};

use super::crash::applied_by_sqlx;
use super::scene::{Kind, Scene};

const FILES: [(&str, &str); 2] = [
    ("0001_create.sql", "create table notes (id integer primary key, body text);"),
    ("0001_create.down.sql", "drop table notes;"),
];

fn fresh(kind: Kind) -> Scene {
    Scene::new(kind, &FILES)
}

fn applied(kind: Kind) -> Scene {
    let scene = fresh(kind);
    scene.run("migrate").run();
    scene
}

/// As `[env.production]`, which is protected.
fn production(scene: &Scene, line: &str) -> Cofferdam {
    scene.run(line).env("COFFERDAM_ENV", "production").env("COFFERDAM_CONFIG", scene.project.path("p.toml"))
}

fn counted(scene: &Scene, action: &str) -> (String, String) {
    let audit =
        scene.sql(&format!("select count(*) from {} where action = '{action}'", scene.ledger("audit")));
    let mark = scene.sql(&format!("select count(*) from {} where key = 'protected'", scene.ledger("meta")));
    (mark, audit)
}

fn name(scene: &Scene) -> String {
    match scene.database {
        super::scene::Database::Sqlite(_) => "test.db".to_owned(),
        super::scene::Database::Postgres(ref database) => database.name().to_owned(),
    }
}

#[test]
fn killed_while_it_is_marked_a_database_has_mark_and_entry_or_neither() {
    for kind in Kind::all() {
        let stories: [(&str, fn(Kind) -> Scene); 4] =
            [("migrate", fresh), ("migrate", applied), ("adopt", applied_by_sqlx), ("rollback", applied)];
        for (command, prepare) in stories {
            let scene = prepare(kind);
            let config = "[env.production]\ndatabase_url = \"env:DATABASE_URL\"\nprotected = true\n";
            scene.project.write("p.toml", config);
            let line = format!("{command} --dir {}", scene.project.path("migrations").display());
            let line =
                if command == "rollback" { format!("{line} --confirm {}", name(&scene)) } else { line };
            let what = format!("{kind:?} {command}");
            let Crash::Killed(_) = crash::at("mark-written", production(&scene, &line)) else {
                panic!("{what}: not reached")
            };
            let none = ("0".to_owned(), "0".to_owned());
            assert_eq!(counted(&scene, "protect"), none, "{what}");
            production(&scene, &line).run();
            let once = ("1".to_owned(), "1".to_owned());
            assert_eq!(counted(&scene, "protect"), once, "{what}, then again");
            // And the other way.
            scene.project.write("p.toml", config.replace("true", "false"));
            let off = format!("uninstall --protection --confirm {}", name(&scene));
            let Crash::Killed(_) = crash::at("mark-written", production(&scene, &off)) else {
                panic!("{what}: not reached")
            };
            assert_eq!(counted(&scene, "unprotect"), ("1".to_owned(), "0".to_owned()), "{what}");
            production(&scene, &off).run();
            assert_eq!(counted(&scene, "unprotect"), ("0".to_owned(), "1".to_owned()), "{what}");
            production(&scene, "audit --verify").run();
        }
    }
}
