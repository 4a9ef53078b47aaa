//! What was true when a command began to wait, and is not when it goes on.

use super::*;

impl Scene {
    /// Somebody of another machine is at work.
    fn hold_the_lease(&self) {
        self.sql(&format!(
            "update {} set owner = 'ann@elsewhere, process 1', expires = '2999-01-01T00:00:00.000Z' returning 1",
            self.ledger("lease")
        ));
    }

    fn free_the_lease(&self) {
        self.sql(&format!("update {} set owner = null, expires = null returning 1", self.ledger("lease")));
    }

    fn drop_the_ledger(&self) {
        match &self.database {
            Some(database) => _ = database.psql("drop schema cofferdam cascade"),
            None => {
                let db = rusqlite::Connection::open(self.project.path("notes.db")).expect("the database");
                let tables = ["step", "migration", "audit", "run", "lease", "meta"];
                let drops: String = tables.map(|table| format!("drop table _cofferdam_{table};")).concat();
                db.execute_batch(&format!("begin immediate; {drops} commit")).expect("dropped");
            }
        }
    }
}

/// Waits with `line` for the lease, and has the database protected meanwhile.
#[track_caller]
fn is_refused_once_the_mark_is_set(scene: &Scene, line: &str) {
    scene.hold_the_lease();
    let mut waiting = scene.plainly(&format!("{line} --lease-wait 60s")).status(3).spawn();
    waiting.wait_for_stderr("ann@elsewhere");
    // With nothing pending this needs no lease.
    says(scene.production("migrate"), "is marked as protected");
    scene.free_the_lease();
    let refused = waiting.wait();
    assert!(flat(&refused.stderr).contains(&format!("the protected database {}", scene.name())), "{refused}");
    assert!(!flat(&refused.stderr).contains("about to drop"), "{refused}");
    // Everything is there, and the lease is free.
    assert_eq!(scene.sql(&format!("select count(*) from {}", scene.ledger("migration"))), "2");
    scene.plainly("audit --verify").run();
    scene.plainly(&format!("{line} --lease-wait 0s --confirm {}", scene.name())).run();
}

#[test]
fn a_mark_that_is_set_while_uninstall_waits_keeps_the_ledger() {
    for scene in Scene::all() {
        scene.plainly("migrate").run();
        is_refused_once_the_mark_is_set(&scene, "uninstall --no-export");
    }
}

#[test]
fn a_mark_that_is_set_while_that_of_another_database_is_being_taken_off_stays() {
    for scene in Scene::all() {
        scene.production("migrate").run();
        let of_another = match &scene.database {
            Some(_) => r#"{"kind":"postgres","database":"other","oid":1,"system":"1","audit":1}"#,
            None => r#"{"kind":"sqlite","path":"/other.db","device":1,"inode":1,"audit":1}"#,
        };
        let meta = scene.ledger("meta");
        scene.sql(&format!("update {meta} set value = '{of_another}' where key = 'protected' returning 1"));
        is_refused_once_the_mark_is_set(&scene, "uninstall --protection");
    }
}

#[test]
fn a_mark_that_is_set_without_the_lease_while_the_ledger_is_being_locked_keeps_it() {
    for major in majors() {
        let scene = Scene::on_postgres(major);
        let database = scene.database.as_ref().expect("Postgres");
        scene.production("migrate").run();
        let mark = scene.sql("delete from cofferdam.meta where key = 'protected' returning value");
        let mark = mark.lines().next().expect("a mark");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let client = runtime.block_on(database.client());
        let set = format!("begin; insert into cofferdam.meta (key, value) values ('protected', '{mark}')");
        runtime.block_on(client.batch_execute(&set)).expect("set, and not committed");
        let leaving = scene.plainly("uninstall --no-export").status(4).spawn();
        let waits = "select exists (select from pg_locks
                     where not granted and relation = 'cofferdam.meta'::regclass)";
        let waits = || runtime.block_on(client.query_one(waits, &[])).expect("a row").get::<_, bool>(0);
        assert!((0..200_000).any(|_| waits()), "it waits for the tables");
        runtime.block_on(client.batch_execute("commit")).expect("set");
        let kept = leaving.wait();
        assert!(flat(&kept.stderr).contains("somebody changed the mark of protection"), "{kept}");
        says(scene.plainly("uninstall"), "cannot uninstall from the protected database");
    }
}

#[test]
fn a_ledger_that_goes_while_migrate_waits_is_told_and_nothing_is_run() {
    for scene in Scene::all() {
        scene.plainly("migrate --to 0001").run();
        scene.hold_the_lease();
        let mut waiting = scene.plainly("migrate --lease-wait 60s").status(7).spawn();
        waiting.wait_for_stderr("ann@elsewhere");
        scene.drop_the_ledger();
        let told = waiting.wait();
        let said = "another program took the ledger out of the database meanwhile (uninstall)";
        assert!(flat(&told.stderr).contains(said), "{told}");
        assert!(flat(&told.stderr).contains("cofferdam adopt"), "{told}");
        let status = document("status", &scene.plainly("status --format json").any_status().run());
        assert_eq!(status["ledger"], false, "{status:#}");
    }
}
