//! Who gets past the guard, and for how long.

use cofferdam_testkit::postgres;

use super::Scene;

/// What is refused to everybody else.
const LOSSES: &str = "-- cofferdam:allow drop-table it is empty by now
drop table tags;
-- cofferdam:allow drop-column nobody reads it
alter table notes drop column status;
";

#[test]
fn migrations_and_rollbacks_get_past() {
    for major in postgres::majors() {
        let scene = Scene::guarded(major);
        scene.project.write("migrations/0002_losses.sql", LOSSES);
        scene.project.write(
            "migrations/0002_losses.down.sql",
            "create table tags (note_id bigint, tag text); alter table notes add column status text;",
        );
        scene.project.write(
            "migrations/0003_truncate.sql",
            "-- cofferdam:allow truncate it is rebuilt\ntruncate shop.orders;\n",
        );
        // Settings of the session, and with them the permit, are taken back half way.
        scene.project.write(
            "migrations/0004_reset.sql",
            "create table short (a integer);\nreset all;\ndrop table short;\n",
        );
        scene.project.write("migrations/0004_reset.down.sql", "select 1;");
        scene.project.write(
            "migrations/0005_outside.sql",
            "-- cofferdam:no-transaction\nvacuum notes;\ncreate view gone as select 1;\ndrop view gone;\n",
        );
        scene.run("migrate").stderr_contains("4 applied, 1 already").run();
        assert_eq!(scene.database.psql("select count(*) from shop.orders"), "0");
        assert_eq!(scene.database.psql("select count(*) from cofferdam_guard.permit"), "0");
        // The session has nothing left of it, and everybody else is refused as before.
        assert!(scene.said("postgres", "drop table notes cascade").expect("refused").by_guard());
        scene.project.write("migrations/0005_outside.down.sql", "create table t (a integer); drop table t;");
        scene.run("rollback").run();
        scene.run("guard status").stdout_contains("tables covered").stdout_lacks("warning").run();
    }
}

#[test]
fn a_permit_opens_to_its_own_backend_while_the_lease_lives_and_to_nobody_else() {
    for major in postgres::majors() {
        let scene = Scene::guarded(major);
        let issue = "insert into cofferdam_guard.permit (hash, fence, pid, expires, grace)
            select sha256('secret'), fence, pg_backend_pid(), now() + interval '1 hour', interval '1 minute' from cofferdam.lease;
            update cofferdam.lease set owner = 'me', expires = now() + interval '15 seconds';
            set cofferdam_guard.permit = 'secret';";
        let attempt = |change: &str| {
            scene.said("postgres", &format!("{issue} {change}; drop table tags; truncate events"))
        };
        assert!(attempt("select 1").is_none(), "on {major}");
        // A lease that was renewed late, as on a server at its limits.
        assert!(attempt("update cofferdam.lease set expires = now() - interval '30 seconds'").is_none());
        for (what, change) in [
            (
                "a zombie whose lease has expired",
                "update cofferdam.lease set expires = now() - interval '2 minutes'",
            ),
            ("a zombie whose lease was taken over", "update cofferdam.lease set fence = fence + 1"),
            ("a run that gave its lease back", "update cofferdam.lease set owner = null"),
            (
                "a permit that has expired",
                "update cofferdam_guard.permit set expires = now() - interval '1 second'",
            ),
            ("another backend", "update cofferdam_guard.permit set pid = pid + 1"),
            ("a wrong secret", "set cofferdam_guard.permit = 'Secret'"),
            ("no secret", "set cofferdam_guard.permit = ''"),
        ] {
            let said = attempt(change);
            assert!(said.as_ref().is_some_and(super::Said::by_guard), "{what} on {major}: {said:?}");
        }
    }
}

#[test]
fn others_read_no_permit_and_write_none() {
    for major in postgres::majors() {
        let scene = Scene::guarded(major);
        let role = format!("reader_{}", scene.database.name());
        scene
            .database
            .psql(&format!("create role {role}; grant all on all tables in schema public to {role}"));
        for sql in [
            "select * from cofferdam_guard.permit",
            "insert into cofferdam_guard.allowed (reason, actor, expires) values ('', '', now() + interval '1 day')",
            "select cofferdam_guard.permitted()",
            "truncate tags",
        ] {
            let said = scene.said(&role, sql).expect("refused");
            assert!(said.state == "42501" || said.by_guard(), "{sql}: {said:?}");
        }
        // The refusal of the guard, not of a right: emptiness is looked at with the guard's rights.
        assert!(scene.said(&role, "truncate tags").expect("refused").by_guard());
        assert!(scene.said(&role, "truncate tags, notes").expect("refused").by_guard());
        scene.database.psql(&format!("drop owned by {role}; drop role {role}"));
    }
}

#[test]
fn two_runs_at_once_both_get_past_one_after_the_other() {
    let scene = Scene::guarded(*postgres::majors().last().expect("a major"));
    scene.project.write("migrations/0002_losses.sql", LOSSES);
    let one = scene.run("migrate").any_status().spawn();
    let two = scene.run("migrate").any_status().spawn();
    let (one, two) = (one.wait(), two.wait());
    assert_eq!((one.code(), two.code()), (Some(0), Some(0)), "{one}\n{two}");
    assert_eq!(scene.database.psql("select to_regclass('tags') is null"), "t");
}

#[test]
fn a_superuser_guards_and_an_ordinary_role_migrates() {
    for major in postgres::majors() {
        let scene = Scene::empty(major);
        let role = format!("migrator_{}", scene.database.name());
        let name = scene.database.name();
        scene.database.psql(&format!("create role {role} login; alter database \"{name}\" owner to {role}; grant create on schema public to {role}"));
        scene.project.write("migrations/0001_create.sql", "create table notes (id bigint, body text);");
        scene.as_role(&role, "migrate").run();
        let refused = scene.as_role(&role, "guard install").status(2).run();
        assert!(refused.stderr.contains("--level privileges --app-role"), "{refused}");
        assert_eq!(
            scene.database.psql("select count(*) from pg_namespace where nspname = 'cofferdam_guard'"),
            "0"
        );
        scene.run("guard install").run();
        scene.project.write(
            "migrations/0002_drop.sql",
            "-- cofferdam:allow drop-column nobody reads it\nalter table notes drop column body;",
        );
        scene.as_role(&role, "migrate").stderr_contains("1 applied").run();
        scene.as_role(&role, "guard allow --for 1m --reason tidy").run();
        scene.as_role(&role, "guard remove").status(2).stderr_contains("belongs to the role postgres").run();
        scene.as_role(&role, "uninstall --no-export").status(2).run();
        scene.run("guard remove").run();
        scene.as_role(&role, "uninstall --no-export").run();
        scene
            .database
            .psql(&format!("reassign owned by {role} to postgres; drop owned by {role}; drop role {role}"));
    }
}
