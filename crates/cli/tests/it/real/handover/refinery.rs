//! The program of refinery.

use super::{Migration, Predecessor, Scene};
use crate::real::Dialect;
use crate::real::fresh::Fresh;
use cofferdam_testkit::{Cofferdam, Output};

const REFINERY: Predecessor = Predecessor {
    program: "refinery",
    source: "refinery",
    folder: "migrations",
    ledger: "refinery_schema_history",
    rows: "select version, name, checksum from refinery_schema_history order by version",
    migrations,
    apply,
    pending,
};

fn migrations(_: Dialect) -> Vec<Migration> {
    vec![
        Migration::new(
            "1",
            &[(
                "migrations/V1__take_notes.sql",
                "create table notes (id integer primary key, body text not null);\n",
            )],
        ),
        // A way back that refinery leaves alone.
        Migration::new(
            "2",
            &[
                ("migrations/V2__note_index.sql", "create index notes_body on notes (body);\n"),
                ("migrations/V2__note_index.down.sql", "drop index notes_body;\n"),
            ],
        ),
        // As an editor on Windows leaves it, in a folder, and free to run late.
        Migration::new(
            "03",
            &[(
                "migrations/people/U03__People.sql",
                "create table people (id integer primary key);\r\nalter table notes add column by_whom integer;\r\n",
            )],
        ),
        Migration::new("4", &[("migrations/V4__next.sql", "alter table people add column name text;\n")]),
    ]
}

/// With `-d` and `-m` it ends where files and ledger do not agree.
fn apply(scene: &Scene<'_>) -> Output {
    let command: Cofferdam = scene.tool.command(&scene.project.path("")).args(["migrate", "-d", "-m"]);
    match &scene.database {
        Fresh::Postgres(_) => command.args(["-e", "DATABASE_URL"]).env("DATABASE_URL", scene.url()),
        Fresh::Sqlite(database) => {
            // It opens a file, and makes none.
            database.sql("pragma user_version = 0");
            let path = database.path().display();
            let settings = format!("[main]\ndb_type = \"Sqlite\"\ndb_path = \"{path}\"\n");
            scene.project.write("refinery.toml", settings);
            command
        }
    }
    .run()
}

/// It says what is pending only while it applies it: files are counted against rows.
fn pending(scene: &Scene<'_>) -> bool {
    let files = scene.project.files();
    let migrations =
        files.iter().filter(|file| file.starts_with("migrations/") && !file.ends_with(".down.sql")).count();
    migrations.to_string() != scene.database.sql("select count(*) from refinery_schema_history")
}

#[test]
fn refinery_hands_over_and_finds_nothing_to_do() {
    REFINERY.hands_over();
}
