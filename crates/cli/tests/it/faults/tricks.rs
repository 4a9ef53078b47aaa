//! What a file, a role or a second operator can do to trick the runner.

use cofferdam_testkit::{Running, postgres};

use super::crash::applied_by_sqlx;
use super::scene::{Database, Kind, Scene};

fn newest() -> u32 {
    *postgres::majors().last().expect("a major")
}

fn both() -> [Kind; 2] {
    [Kind::Sqlite, Kind::Postgres(newest())]
}

const CREATE: (&str, &str) = ("0001_create.sql", "create table notes (id integer primary key, body text);");

#[test]
fn a_file_that_writes_the_ledger_is_refused_at_its_place_and_nothing_of_it_runs() {
    for kind in both() {
        let scene = Scene::new(kind, &[CREATE]);
        scene.run("migrate").run();
        let before = scene.state();
        for statement in [
            format!("update {} set fence = fence + 5", scene.ledger("lease")),
            format!("delete from {}", scene.ledger("migration")),
            format!("drop table {}", scene.ledger("audit")),
        ] {
            let text = format!("insert into notes values (1, 'a');\n{statement};");
            scene.project.write("migrations/0002_forge.sql", text);
            let output = scene.run("migrate").status(3).run();
            let said = output.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in ["0002_forge.sql:2:1", "belongs to the ledger", "the ledger is cofferdam's own"] {
                assert!(said.contains(part), "{statement}: no {part}\n{output}");
            }
            std::fs::remove_file(scene.project.path("migrations/0002_forge.sql")).expect("just written");
            scene.assert_is(&before, &statement);
        }
    }
}

#[test]
fn of_six_that_adopt_at_once_one_imports_and_nobody_fails() {
    for kind in both() {
        let scene = applied_by_sqlx(kind);
        let adopt = || scene.with_lease("adopt --format json", "15000").spawn();
        let runners: Vec<Running> = (0..6).map(|_| adopt()).collect();
        let mut imported: Vec<usize> = Vec::new();
        for runner in runners {
            let document = runner.wait().json();
            let adopted = document["adopted"].as_array().expect("a list").len();
            let already = document["already"].as_u64().expect("a number");
            assert_eq!(adopted as u64 + already, 2, "{document}");
            imported.push(adopted);
        }
        imported.sort_unstable();
        assert_eq!(imported, [0, 0, 0, 0, 0, 2]);
        scene.run("audit --verify").run();
    }
}

#[test]
fn no_file_inherits_what_another_did_to_the_connection_of_sqlite() {
    let scene = Scene::new(
        Kind::Sqlite,
        &[
            CREATE,
            (
                "0002_session.sql",
                "create table log (line text);
                 create table seen (line text);
                 create temp table mine (a integer);
                 create temp trigger spy after insert on notes begin insert into log values (new.body); end;
                 create temp trigger own after insert on mine begin insert into log values ('mine'); end;
                 pragma case_sensitive_like = on;
                 pragma full_column_names = on;
                 pragma short_column_names = off;
                 pragma locking_mode = exclusive;
                 insert into notes values (1, 'by its own file');",
            ),
            (
                "0003_next.sql",
                "insert into notes values (2, 'by the next');
                 insert into seen select 'like' where 'A' like 'a';
                 insert into seen select locking_mode from pragma_locking_mode;
                 create table copied as select notes.body from notes;
                 insert into seen select name from pragma_table_info('copied');",
            ),
        ],
    );
    scene.run("migrate").run();
    assert_eq!(scene.sql("select line from log"), "by its own file");
    assert_eq!(scene.sql("select line from seen"), "like\nnormal\nbody");
}

#[test]
fn a_login_that_is_configured_to_act_as_the_owner_does_so_in_every_file() {
    let cluster = postgres::cluster(newest());
    let database = postgres::Database::on(newest(), cluster.address().clone());
    let who = "insert into who values (current_user, session_user);";
    let switches = format!(
        "create table who (acting name, login name); grant all on who to deploy; {who} set role none; {who}"
    );
    let scene = Scene::on(
        Database::Postgres(database),
        &[CREATE, ("0002_who.sql", switches.as_str()), ("0003_again.sql", who)],
    );
    let name = scene.postgres().name().to_owned();
    scene.sql(&format!(
        "create role owner nologin; create role deploy login noinherit in role owner;
         alter role deploy set role = owner;
         grant create on database {name} to owner; grant create on schema public to owner"
    ));
    let url = scene.url().replace("postgres@", "deploy@").replace("user=postgres", "user=deploy");
    assert!(url.contains("deploy"), "{url}");
    let run = |line: &str| scene.with_lease(line, "600000").env("DATABASE_URL", &url);
    run("migrate --to 1").run();
    // A runner that died is known to be gone long before its lease ends.
    run("migrate --to 2").env("COFFERDAM_CRASH_AT", "step-recorded").killed().run();
    run("migrate --lease-wait 20s").run();
    assert_eq!(
        scene.sql("select acting, login from who order by ctid"),
        "owner|deploy\ndeploy|deploy\nowner|deploy"
    );
    assert_eq!(
        scene.sql("select distinct tableowner from pg_tables where schemaname = 'cofferdam'"),
        "owner"
    );
    run("audit --verify").run();
    let actors = scene.sql("select distinct actor like '%@% as deploy' from cofferdam.audit");
    assert_eq!(actors, "t");
}

#[test]
fn a_statement_that_a_statement_timeout_ends_has_failed_and_is_not_to_be_tried_again() {
    let scene = Scene::new(
        Kind::Postgres(newest()),
        &[CREATE, ("0002_slow.sql", "set statement_timeout = '50ms';\nselect pg_sleep(60);")],
    );
    let output = scene.run("migrate").status(1).run();
    let said = output.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["0002_slow.sql:2", "statement_timeout of the server, the database or the role"] {
        assert!(said.contains(part), "no {part}\n{output}");
    }
    assert_eq!(scene.sql("select count(*) from cofferdam.migration"), "1");
}
