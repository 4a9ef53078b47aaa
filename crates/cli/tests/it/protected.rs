//! Protected databases: what asks for the name, and by whatever way the database is reached.

mod copies;
mod mark;
mod races;

use cofferdam_testkit::Cofferdam;
use cofferdam_testkit::postgres::{self, majors};
use rusqlite::types::Value as Sql;
use serde_json::{Value, json};

use crate::project::{Project, document};

const CREATE: &str = "create table notes (id integer primary key, body text);\ncreate table legacy (id integer primary key);\n";
const MORE: &str = "alter table notes add column rank integer;\n";
const DROP: &str = "-- cofferdam:allow drop-table nobody reads it\ndrop table legacy;\n";

/// A project of which `[env.production]` is protected, and its database.
struct Scene {
    project: Project,
    database: Option<postgres::Database>,
}

impl Scene {
    fn on_sqlite() -> Self {
        Self { project: files(Project::new()), database: None }
    }

    fn on_postgres(major: u32) -> Self {
        Self { project: files(Project::new()), database: Some(postgres::Database::new(major)) }
    }

    /// SQLite, and the Postgres majors under test.
    fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::on_sqlite()).chain(majors().into_iter().map(Self::on_postgres))
    }

    /// What a confirmation must name.
    fn name(&self) -> &str {
        self.database.as_ref().map_or("notes.db", postgres::Database::name)
    }

    fn url(&self) -> String {
        self.database.as_ref().map_or_else(|| "sqlite:notes.db".to_owned(), postgres::Database::url)
    }

    /// With the configuration that protects.
    fn production(&self, line: &str) -> Cofferdam {
        self.project.cofferdam(line).env("PROD_URL", self.url()).env("COFFERDAM_ENV", "production")
    }

    /// By the URL alone, with a configuration that knows nothing of it.
    fn plainly(&self, line: &str) -> Cofferdam {
        self.at(&self.url(), line)
    }

    fn at(&self, url: &str, line: &str) -> Cofferdam {
        self.project.cofferdam(line).env("DATABASE_URL", url).env("COFFERDAM_CONFIG", "plain.toml")
    }

    fn sql(&self, sql: &str) -> String {
        match &self.database {
            Some(database) => database.psql(sql),
            None => {
                let db = rusqlite::Connection::open(self.project.path("notes.db")).expect("the database");
                let value = db.query_row(sql, [], |row| row.get::<_, Sql>(0)).expect("a row");
                match value {
                    Sql::Integer(number) => number.to_string(),
                    Sql::Text(text) => text,
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    /// A ledger's table as this database names it.
    fn ledger(&self, table: &str) -> String {
        if self.database.is_some() { format!("cofferdam.{table}") } else { format!("_cofferdam_{table}") }
    }

    /// How often the audit tells of it.
    fn audited(&self, action: &str) -> String {
        self.sql(&format!("select count(*) from {} where action = '{action}'", self.ledger("audit")))
    }

    fn protection(&self, run: Cofferdam) -> Value {
        document("status", &run.any_status().run())["protection"].clone()
    }
}

/// What was printed, without the lines that a terminal of 80 columns makes of it.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn says(run: Cofferdam, text: &str) {
    let ran = run.any_status().run();
    assert!(flat(&ran.stderr).contains(text) || flat(&ran.stdout).contains(text), "{text} in {ran}");
}

fn files(project: Project) -> Project {
    project
        .file("cofferdam.toml", "[env.production]\ndatabase_url = \"env:PROD_URL\"\nprotected = true\n")
        .file("plain.toml", "")
        .file("migrations/0001_create.sql", CREATE)
        .file("migrations/0002_more.sql", MORE)
        .file("migrations/0002_more.down.sql", "alter table notes drop column rank;\n")
}

#[test]
fn what_an_allow_lets_through_needs_the_name_and_nothing_else_does() {
    for scene in Scene::all() {
        let name = scene.name();
        scene.production("migrate").run();
        scene.project.write("migrations/0003_drop.sql", DROP);
        scene.project.write("migrations/0004_empty.sql", "delete from notes;\n");
        let allow = "--allow dml-without-where --reason tidy";
        let shown = document("plan", &scene.production("plan --format json").any_status().run());
        assert_eq!(shown["confirm"]["database"], name);
        let because = shown["confirm"]["because"][0].as_str().expect("a reason");
        assert!(because.starts_with("0003_drop.sql: ") && because.contains("nobody reads it"), "{because}");
        says(scene.production("plan"), &format!("migrate needs --confirm {name}"));
        let refused = scene.production(&format!("migrate {allow} --format json")).status(3).run();
        let error = document("migrate", &refused)["error"].clone();
        let message = error["message"].as_str().expect("a message");
        assert!(
            message.starts_with(&format!("cannot apply 0003_drop.sql to the protected database {name}: "))
        );
        assert!(message.contains("legacy") && message.ends_with("(allowed: nobody reads it)"), "{message}");
        let hint = format!(
            "if {name} is the database that you mean: cofferdam migrate {allow} --format json --confirm {name}"
        );
        assert_eq!(error["hint"], hint);
        let details = error["details"].to_string();
        assert!(details.contains("0004_empty.sql: ") && details.contains("(allowed: tidy)"), "{details}");
        assert!(details.contains("[env.production] in cofferdam.toml"), "{details}");
        assert_eq!((&error["kind"], &error["place"]["line"]), (&json!("refused"), &json!(2)));
        // Nothing happened, and a dry run needs no name.
        let applied = format!("select count(*) from {}", scene.ledger("migration"));
        assert_eq!(scene.sql(&applied), "2");
        scene.production(&format!("migrate {allow} --dry-run")).run();
        scene.production(&format!("migrate {allow} --confirm {name}x")).status(3).run();
        assert_eq!(scene.sql(&applied), "2");
        scene.production(&format!("migrate {allow} --confirm {name}")).run();
        assert_eq!(scene.sql(&applied), "4");
        scene.production("migrate").stderr_contains("0 applied, 4 already").run();
    }
}

#[test]
fn what_refuses_by_itself_is_said_first_and_a_name_allows_nothing() {
    for scene in Scene::all() {
        scene.production("migrate").run();
        scene.project.write("migrations/0003_drop.sql", "drop table notes;\n");
        for line in ["migrate".to_owned(), format!("migrate --confirm {}", scene.name())] {
            let refused = scene.production(&line).status(3).run();
            assert!(
                !flat(&refused.stderr).contains("protected") && flat(&refused.stderr).contains("notes"),
                "{refused}"
            );
        }
    }
}

#[test]
fn a_rollback_needs_the_name() {
    for scene in Scene::all() {
        let name = scene.name();
        scene.production("migrate").run();
        let said = format!("cannot roll back the protected database {name}");
        let refused = scene.production("rollback --discard-writes").status(3).run();
        assert!(flat(&refused.stderr).contains(&said), "{refused}");
        let hint = format!("cofferdam rollback --discard-writes --confirm {name}");
        assert!(flat(&refused.stderr).contains(&hint), "{refused}");
        says(scene.plainly("rollback"), "has the mark");
        assert_eq!(scene.sql(&format!("select count(*) from {}", scene.ledger("migration"))), "2");
        scene.production(&format!("rollback --confirm {name}")).run();
        assert_eq!(scene.sql(&format!("select count(*) from {}", scene.ledger("migration"))), "1");
    }
}

#[test]
fn uninstalling_needs_the_name_however_the_database_is_reached() {
    for scene in Scene::all() {
        let name = scene.name();
        scene.production("migrate").run();
        let said = format!("cannot uninstall from the protected database {name}");
        says(scene.production("uninstall"), &said);
        says(scene.plainly("uninstall"), &said);
        scene.plainly("uninstall --dry-run").run();
        scene.plainly(&format!("uninstall --no-export --confirm {name}")).run();
        scene.plainly("uninstall").stdout_contains("nothing to do").run();
    }
}

#[test]
fn a_name_of_another_database_refuses_also_where_none_is_needed() {
    for scene in Scene::all() {
        let wrong = |line: &str| {
            let refused = scene.plainly(&format!("{line} --confirm prod")).status(3).run();
            let said = format!("--confirm names prod, and this database is {}", scene.name());
            assert!(flat(&refused.stderr).contains(&said), "{refused}");
            assert!(flat(&refused.stderr).contains("nothing was done"), "{refused}");
        };
        wrong("migrate");
        wrong("migrate --dry-run");
        // Not even an empty file is made.
        assert!(!scene.project.path("notes.db").exists());
        scene.plainly(&format!("migrate --confirm {}", scene.name())).run();
        for line in ["migrate", "rollback", "uninstall", "uninstall --dry-run", "uninstall --protection"] {
            wrong(line);
        }
        scene.plainly(&format!("rollback --confirm {}", scene.name())).run();
    }
}

#[test]
fn a_protected_file_that_is_yet_to_be_made_is_refused_before_it_is_made() {
    let scene = Scene::on_sqlite();
    // Lost rows of a new file are nobody's; this is refused on any.
    let some = "-- cofferdam:allow sqlite-writable-schema a repair\npragma writable_schema = on;\n";
    scene.project.write("migrations/0003_repair.sql", some);
    let refused = scene.production("migrate").status(3).run();
    assert!(
        flat(&refused.stderr).contains("cannot apply 0003_repair.sql to the protected database notes.db")
    );
    assert!(!scene.project.path("notes.db").exists(), "{refused}");
    scene.production("migrate --confirm notes.db").run();
}

#[test]
fn a_variable_that_is_not_set_keeps_nobody_from_another_database_and_is_told() {
    for scene in Scene::all() {
        // [env.production] may be this very database, and nobody can tell.
        let unset = |line: &str| scene.project.cofferdam(line).env("DATABASE_URL", scene.url());
        unset("migrate").run();
        let told = scene.protection(unset("status --format json"));
        assert_eq!(told["protected"], false);
        let unknown = told["unknown"][0].as_str().expect("one");
        assert!(unknown.contains("[env.production]") && unknown.contains("PROD_URL is not set"), "{unknown}");
        says(unset("status -v"), "PROD_URL is not set");
        unset("status").stdout_lacks("PROD_URL").run();
        // Once it is known, the mark remembers.
        says(scene.production("migrate"), "is marked as protected");
        says(unset("rollback"), "has the mark");
        let told = scene.protection(unset("status --format json"));
        assert_eq!((&told["protected"], &told["configured"]), (&json!(true), &Value::Null));
    }
}

#[test]
fn environments_that_do_not_exist_or_name_nothing_are_told() {
    let scene = Scene::on_sqlite();
    let run = |line: &str| scene.project.cofferdam(line).status(2);
    run("migrate --env prod").stderr_contains("there is no environment `prod`").run();
    let wrong = run("migrate").env("COFFERDAM_ENV", "prod");
    wrong
        .stderr_contains("COFFERDAM_ENV: there is no environment `prod`")
        .stderr_contains("production")
        .run();
    run("migrate --env production").stderr_contains("PROD_URL is not set").run();
    scene.project.write("cofferdam.toml", "[env.production]\nprotected = true\n");
    let bare = run("migrate --env production").stderr_contains("has no database_url");
    bare.stderr_contains("env:NAME").run();
    // With a URL beside it the environment that was named counts.
    scene.project.cofferdam("migrate --env production --database-url sqlite:notes.db").run();
    scene.plainly("rollback").status(3).run();
    assert!(!scene.project.files().iter().any(|file| file.contains("ledger")));
}
