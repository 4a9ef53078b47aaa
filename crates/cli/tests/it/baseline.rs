//! `baseline`, from the outside.

use cofferdam_testkit::postgres::{Database, majors, programs};
use cofferdam_testkit::{Cofferdam, checkout, sqlite};
use serde_json::Value;

use crate::project::{Project, document};

/// Roles belong to the server, which tests share.
const ROLES: &str = "
    do $$ begin create role torture_reader; exception when duplicate_object or unique_violation then end $$;
    do $$ begin create role torture_writer; exception when duplicate_object or unique_violation then end $$";

/// What the catalog's own tests do not have: owners that differ, their privileges, a secret.
const MORE: &str = "
    create table public.hers (a int);
    alter table public.hers owner to torture_writer;
    revoke all on public.hers from torture_writer;
    grant select on public.hers to torture_writer, torture_reader;
    alter default privileges for role torture_writer grant select on tables to torture_reader;
    create user mapping for torture_writer server there options (password 'hunter3');
    create policy alone on public.hers to torture_reader using (a > 0);
    comment on policy alone on public.hers is 'it IS one';
    alter table public.hers enable row level security;
    create table public.schema_info (v int)";

/// A database with one of everything.
fn torture(major: u32) -> Database {
    let database = Database::new(major);
    let folder = checkout::root().join("crates/engine/tests/it/catalog");
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).expect("the catalog's tests have it");
    database.rows(ROLES);
    database.rows(&text("torture.sql"));
    if major >= 18 {
        database.rows(&text("torture_18.sql"));
    }
    database.rows(MORE);
    database.rows("insert into app.base (id) values (1), (2)");
    database
}

/// The program on a database; `None` where no pg_dump can read it.
fn on(project: &Project, database: &Database, line: &str) -> Option<Cofferdam> {
    let path = programs(database.major())?;
    Some(project.cofferdam(line).env("PATH", path).env("DATABASE_URL", database.url()))
}

fn ledger(database: &Database) -> String {
    database.psql("select count(*) from pg_namespace where nspname = 'cofferdam'")
}

fn details(document: &Value) -> String {
    document["error"]["details"].to_string()
}

#[test]
fn one_of_everything_is_taken_over_and_made_again_to_the_letter() {
    for major in majors() {
        let (database, project) = (torture(major), Project::new());
        let Some(run) = on(&project, &database, "baseline --format json") else { continue };
        let taken = document("baseline", &run.run());
        assert_eq!(taken["outcome"], "written");
        assert_eq!(taken["baseline"]["file"], "migrations/0001_baseline.sql");
        assert_eq!(taken["roles"], serde_json::json!(["postgres", "torture_reader", "torture_writer"]));
        let text = project.read("migrations/0001_baseline.sql");
        assert!(!text.contains("hunter") && !text.contains("OWNER TO"), "{text}");
        assert_eq!(database.psql("select count(*) from app.base"), "2");
        // Nothing is wrong with it, and nothing is pending.
        on(&project, &database, "check migrations/0001_baseline.sql").expect("as above").run();
        let status = on(&project, &database, "status --format json").expect("as above").run();
        assert_eq!(document("status", &status)["applied"][0]["name"], "baseline");
        let again = on(&project, &database, "baseline --format json").expect("as above").run();
        assert_eq!(document("baseline", &again)["outcome"], "already");

        // Another environment with the same schema counts the file, and one without a table does not.
        let staging = torture(major);
        let counted = on(&project, &staging, "baseline --format json").expect("as above").run();
        assert_eq!(document("baseline", &counted)["outcome"], "counted");
        let other = torture(major);
        other.rows("drop table public.schema_info; alter table public.hers add b int");
        let differs = on(&project, &other, "baseline --format json").expect("as above").status(1).run();
        let differs = details(&document("baseline", &differs));
        assert!(differs.contains("table public.schema_info: the file makes it"), "{differs}");
        assert!(differs.contains("column public.hers.b: only the database has it"), "{differs}");
        assert_eq!(ledger(&other), "0");

        // Written once more it is the same to the byte; a new database takes it as any migration.
        let (twin, elsewhere) = (torture(major), Project::new());
        on(&elsewhere, &twin, "baseline").expect("as above").run();
        assert_eq!(elsewhere.read("migrations/0001_baseline.sql"), text);
        let new = Database::new(major);
        on(&project, &new, "migrate").expect("as above").run();
        let tables = "select count(*) from pg_class where relnamespace = 'app'::regnamespace";
        assert_eq!(new.psql(tables), database.psql(tables));
    }
}

#[test]
fn a_named_server_lends_a_database_and_gets_it_back() {
    for major in majors() {
        let (database, project) = (torture(major), Project::new());
        let scratch = database.address().url("postgres");
        let config = "scratch_url = \"env:SCRATCH\"\n[migrations]\ndir = \"db\"\nformat = \"flyway\"\n";
        project.write("cofferdam.toml", config);
        let line = "baseline --no-privileges --exclude app.hashed --exclude *.schema_i* --format json";
        let Some(run) = on(&project, &database, line) else { continue };
        let taken = document("baseline", &run.env("SCRATCH", scratch).run());
        let excluded = ["app.hashed", "app.hashed_0", "public.schema_info"];
        assert_eq!(taken["excluded"], serde_json::json!(excluded));
        let text = project.read("db/V1__baseline.sql");
        assert!(
            !text.contains("GRANT") && !text.contains("hashed") && !text.contains("schema_info"),
            "{text}"
        );
        assert!(text.contains("CREATE POLICY own"), "{text}");
        on(&project, &database, "status").expect("as above").stdout_contains("1 applied, 0 pending").run();
    }
}

#[test]
fn what_is_managed_empty_or_in_use_is_refused_and_nothing_is_written() {
    let major = majors()[0];
    let project = Project::new();
    let fails = |database: &Database, line: &str, status: i32, says: &str| {
        let line = format!("baseline --format json {line}");
        let Some(run) = on(&project, database, &line) else { return };
        let error = document("baseline", &run.status(status).run())["error"].to_string();
        assert!(error.contains(says), "{error}");
        assert_eq!(project.files(), Vec::<String>::new(), "{says}");
        assert_eq!(ledger(database), "0", "{says}");
    };
    let empty = Database::new(major);
    fails(&empty, "", 2, "is empty: there is nothing to take over");

    let database = Database::new(major);
    database.rows(
        "create table artist (id int primary key); create table album (artist int references artist);
         create view both_of_them as select * from album; create index broken on album (artist)",
    );
    fails(&database, "--exclude nothing*", 2, "--exclude nothing* matches no table");
    fails(&database, "--exclude artist", 3, "constraint public.album.album_artist_fkey stays and needs");
    fails(&database, "--exclude public.album", 3, "view public.both_of_them stays and needs");
    fails(&database, "--scratch-url sqlite:a.db", 2, "names a SQLite database");
    // A dump does not hold an invalid index.
    database.rows("update pg_index set indisvalid = false where indexrelid = 'broken'::regclass");
    fails(&database, "", 1, "index public.broken: only the database has it");

    database.rows("drop index broken; create table alembic_version (version_num varchar(32) primary key)");
    fails(&database, "", 3, "has the ledger alembic_version of alembic");
    if let Some(run) = on(&project, &database, "baseline --exclude alembic_version") {
        run.stdout_contains("left out: public.alembic_version").run();
        on(&project, &database, "new more").expect("as above").run();
        on(&project, &database, "migrate").expect("as above").run();
        on(&project, &database, "baseline")
            .expect("as above")
            .status(3)
            .stderr_contains("under management")
            .run();
    }

    let theirs = Project::new().file("migrations/0001_first.sql", "create table artist (id int);");
    let unmanaged = Database::new(major);
    unmanaged.rows("create table artist (id int)");
    if let Some(run) = on(&theirs, &unmanaged, "baseline") {
        run.status(3).stderr_contains("0001_first.sql").run();
    }
}

#[test]
fn a_role_that_may_not_make_the_ledger_is_told_what_to_grant() {
    let database = Database::new(majors()[0]);
    database.rows(
        "do $$ begin create role baseline_poor login; exception when duplicate_object or unique_violation then end $$;
         create table notes (id int)",
    );
    let url = database.url().replace("postgres@", "baseline_poor@");
    let output = Project::new().cofferdam("baseline --format json").env("DATABASE_URL", url).status(2).run();
    let hint = document("baseline", &output)["error"]["hint"].to_string();
    let grant = format!("grant create on database \\\"{}\\\" to \\\"baseline_poor\\\"", database.name());
    assert!(hint.contains(&grant), "{hint}");
}

const SQLITE: &str = r#"
    create table users (id integer primary key autoincrement, email text unique collate nocase,
      lower_name text as (lower(email)) stored);
    create table notes (id integer not null, user_id int references users (id), body text,
      primary key (id, user_id)) without rowid, strict;
    create table "odd ""name""" (a int -- the last word is a comment
      ) -- here too
    ;
    create index notes_body on notes (body) where body <> '';
    create view later as select * from sooner;
    create view sooner as select * from notes;
    create trigger touch after update on notes begin update users set email = 'x;y' where id = new.user_id; end;
    create trigger redirect instead of insert on later begin select 1; end;
    create virtual table search using fts5 (body, content='notes');
    create virtual table places using rtree (id, min_x, max_x);
    create table leftover (a int); create table leftover_child (b int references leftover (a));
    create table schema_info (v int);
    insert into users (email) values ('a'), ('b'); insert into places values (1, 0, 1); analyze"#;

#[test]
fn on_sqlite_its_own_texts_make_it_again() {
    let (database, project) = (sqlite::Database::new(), Project::new());
    database.connection().execute_batch(SQLITE).expect("a schema");
    let run = |line: &str| project.cofferdam(line).env("DATABASE_URL", database.url());
    run("baseline --exclude LEFTOVER")
        .status(3)
        .stderr_contains("table leftover_child stays and needs leftover")
        .run();
    run("baseline --exclude users").status(3).stderr_contains("needs users").run();
    let taken = run("baseline --exclude leftover* --format json").run();
    let taken = document("baseline", &taken);
    assert_eq!((&taken["outcome"], &taken["baseline"]["objects"]), (&"written".into(), &8.into()));
    assert_eq!(project.files(), ["migrations/0001_baseline.sql"]);
    run("check migrations/0001_baseline.sql").run();
    run("status").stdout_contains("1 applied, 0 pending").run();
    assert_eq!(database.sql("select count(*) from users"), "2");
    let new = sqlite::Database::new();
    project.cofferdam("migrate").env("DATABASE_URL", new.url()).run();
    new.sql("insert into places values (1, 0, 1); insert into users (email) values ('A')");
    assert_eq!(new.sql("select count(*) from places"), "1");

    let other = sqlite::Database::new();
    other.connection().execute_batch(SQLITE).expect("a schema");
    other.sql("drop view later; drop table leftover_child; drop table leftover");
    let differs =
        project.cofferdam("baseline --format json").env("DATABASE_URL", other.url()).status(1).run();
    let differs = details(&document("baseline", &differs));
    assert!(differs.contains("view later: the file makes it, the database lacks it"), "{differs}");
    assert_eq!(
        other.sql("select count(*) from sqlite_schema where name like '\\_cofferdam%' escape '\\'"),
        "0"
    );
}

/// The server of a killed run goes with it, files and all.
#[test]
fn a_run_that_is_killed_in_its_proof_leaves_no_server_behind() {
    let major = majors()[0];
    let database = Database::new(major);
    database.rows("create table notes (id int)");
    let project = Project::new().file("migrations/0001_baseline.sql", "select pg_sleep(600);");
    // While the cluster is made, and when its server runs.
    for seen in ["data", ".s.PGSQL.5432"] {
        let Some(run) = on(&project, &database, "baseline") else { return };
        let running = run.killed().spawn();
        let directory = std::path::PathBuf::from(format!("/tmp/cofferdam-{}-0", running.pid()));
        eventually(|| directory.join(seen).exists());
        running.kill();
        eventually(|| !directory.exists());
        assert_eq!(ledger(&database), "0");
    }
}

fn eventually(is: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !is() {
        assert!(std::time::Instant::now() < deadline, "it never was");
        std::thread::yield_now();
    }
}
