//! The mark: who leaves it, that it is audited, and how it is taken off.

use super::*;

#[test]
fn every_command_that_writes_leaves_the_mark_once_and_no_reader_does() {
    for scene in Scene::all() {
        scene.plainly("migrate --to 0001").run();
        for line in ["status", "plan", "check", "audit", "diff", "migrate --dry-run", "uninstall --dry-run"] {
            scene.production(line).any_status().run();
        }
        assert_eq!(scene.audited("protect"), "0");
        says(scene.production("migrate"), "is marked as protected from now on");
        assert_eq!(scene.audited("protect"), "1");
        scene.production("migrate").stderr_lacks("marked").run();
        scene.production(&format!("rollback --confirm {}", scene.name())).run();
        scene.production("migrate").run();
        assert_eq!(scene.audited("protect"), "1");
        scene.production("audit --verify").run();
        let entry = scene.sql(&format!("select seq from {} where action = 'protect'", scene.ledger("audit")));
        let told = scene.protection(scene.production("status --format json"));
        let expected = json!({
            "protected": true, "database": scene.name(), "configured": "[env.production] in cofferdam.toml",
            "marked": {"audit": entry.parse::<i64>().expect("a number")}, "copy_of": null, "unknown": [],
        });
        assert_eq!(told, expected);
        let status = scene.production("status").run();
        let said = format!("needs --confirm {}", scene.name());
        assert!(
            flat(&status.stdout).contains(&said) && flat(&status.stdout).contains("[env.production]"),
            "{status}"
        );
    }
}

#[test]
fn a_rollback_and_a_start_with_nothing_pending_leave_the_mark_too() {
    for scene in Scene::all() {
        scene.plainly("migrate").run();
        says(scene.production("migrate"), "is marked as protected");
        assert_eq!(scene.audited("protect"), "1");
    }
    for scene in Scene::all() {
        scene.plainly("migrate").run();
        let back = scene.production(&format!("rollback --confirm {}", scene.name()));
        says(back, "is marked as protected");
        assert_eq!(scene.audited("protect"), "1");
    }
}

#[test]
fn adopting_and_baselining_leave_the_mark() {
    for line in ["adopt --none", "baseline"] {
        for scene in Scene::all() {
            let program = scene.database.as_ref().map(|database| postgres::programs(database.major()));
            let run = match program {
                // Without a pg_dump there is no baseline.
                Some(None) if line == "baseline" => continue,
                Some(Some(path)) => scene.production(line).env("PATH", path),
                Some(None) | None => scene.production(line),
            };
            match &scene.database {
                Some(database) => _ = database.psql("create table old (id integer primary key)"),
                None => {
                    let db = rusqlite::Connection::open(scene.project.path("notes.db")).expect("a file");
                    db.execute_batch("create table old (id integer primary key)").expect("valid");
                }
            }
            if line == "baseline" {
                for file in scene.project.files().iter().filter(|file| file.starts_with("migrations/")) {
                    std::fs::remove_file(scene.project.path(file)).expect("removed");
                }
            }
            run.run();
            assert_eq!(scene.audited("protect"), "1", "{line}");
            scene.plainly("uninstall").status(3).run();
            scene.plainly("audit --verify").run();
        }
    }
}

#[test]
fn installing_the_guard_and_opening_a_window_leave_the_mark() {
    for major in majors() {
        let scene = Scene::on_postgres(major);
        scene.plainly("migrate").run();
        scene.production("guard install --dry-run").run();
        assert_eq!(scene.audited("protect"), "0");
        says(scene.production("guard install"), "is marked as protected");
        assert_eq!(scene.audited("protect"), "1");
        says(scene.plainly("guard remove"), "cannot remove the guard of the protected database");

        let scene = Scene::on_postgres(major);
        scene.plainly("migrate").run();
        scene.plainly("guard install").run();
        // What fails leaves nothing, and no mark either.
        scene.production("guard allow --for 1m --reason x --role nobody_such").status(2).run();
        assert_eq!(scene.audited("protect"), "0");
        scene.production("guard allow --for 1m --reason x").run();
        assert_eq!(scene.audited("protect"), "1");
        scene.production("guard allow --end").run();
        assert_eq!(scene.audited("protect"), "1");
        says(scene.plainly("guard remove"), "cannot remove the guard of the protected database");
        scene.plainly("audit --verify").run();
    }
}

#[test]
fn the_mark_is_taken_off_by_one_command_which_needs_the_name_and_is_audited() {
    for scene in Scene::all() {
        let name = scene.name();
        scene.production("migrate").run();
        // While the configuration protects, the next command would set it again.
        let line = format!("uninstall --protection --confirm {name}");
        says(scene.production(&line), "take `protected = true` out");
        let refused = scene.plainly("rollback").status(3).run();
        assert!(flat(&refused.stderr).contains("cofferdam uninstall --protection"), "{refused}");
        let said = format!("cannot take the protection off the protected database {name}");
        says(scene.plainly("uninstall --protection"), &said);
        let shown = scene.plainly("uninstall --protection --dry-run --format json").run();
        assert_eq!(document("uninstall", &shown)["dropped"][0]["object"], "mark of protection");
        assert_eq!(scene.audited("unprotect"), "0");
        let gone = document("uninstall", &scene.plainly(&format!("{line} --format json")).run());
        assert_eq!(gone["dropped"], json!([{"object": "mark of protection", "rows": null}]));
        assert_eq!(scene.audited("unprotect"), "1");
        says(scene.plainly("uninstall --protection"), "no mark of protection");
        assert_eq!(scene.protection(scene.plainly("status --format json"))["protected"], false);
        scene.plainly("rollback").run();
        scene.plainly("audit --verify").run();
    }
}

#[test]
fn a_start_with_nothing_pending_by_a_role_that_may_not_write_goes_on_without_the_mark() {
    for major in majors() {
        let scene = Scene::on_postgres(major);
        let database = scene.database.as_ref().expect("Postgres");
        scene.plainly("migrate").run();
        let role = format!("reader_of_{}", database.name());
        database.psql(&format!(
            "create role {role} login; grant usage on schema cofferdam to {role};
             grant select on all tables in schema cofferdam to {role}"
        ));
        let url = database.url().replacen("postgres@", &format!("{role}@"), 1);
        assert!(url.contains(&role), "{url}");
        let run = scene.production("migrate").env("PROD_URL", &url).run();
        assert!(flat(&run.stderr).contains("could not be marked as protected"), "{run}");
        assert!(flat(&run.stderr).contains("0 applied, 2 already"), "{run}");
        assert_eq!(scene.audited("protect"), "0");
        database.psql(&format!("drop owned by {role}; drop role {role}"));
    }
}

#[test]
fn a_mark_that_makes_no_sense_is_damage_and_not_a_way_around() {
    for scene in Scene::all() {
        scene.production("migrate").run();
        let meta = scene.ledger("meta");
        let sql = format!("update {meta} set value = 'no' where key = 'protected' returning 1");
        scene.sql(&sql);
        for line in ["migrate", "rollback", "uninstall", "status"] {
            let damaged = scene.plainly(line).status(6).run();
            assert!(flat(&damaged.stderr).contains("mark of protection"), "{damaged}");
        }
    }
}
