//! diesel itself.

use super::{Migration, Predecessor, Scene};
use crate::real::Dialect;
use cofferdam_testkit::{Cofferdam, Output};

const DIESEL: Predecessor = Predecessor {
    program: "diesel",
    source: "diesel",
    folder: "migrations",
    ledger: "__diesel_schema_migrations",
    rows: "select version from __diesel_schema_migrations order by version",
    migrations,
    apply,
    pending,
};

fn migrations(dialect: Dialect) -> Vec<Migration> {
    let (index, back, metadata) = match dialect {
        Dialect::Postgres => (
            "create index concurrently notes_body on notes (body);\n",
            "drop index concurrently notes_body;\n",
            "run_in_transaction = false\n",
        ),
        Dialect::Sqlite => (
            "create index notes_body on notes (body);\n",
            "drop index notes_body;\n",
            "run_in_transaction = true\n",
        ),
    };
    vec![
        Migration::new(
            "20240101000000",
            &[
                // It looks for the project that the folder belongs to.
                ("Cargo.toml", "[package]\nname = \"notes\"\nversion = \"0.1.0\"\n"),
                ("migrations/.keep", ""),
                (
                    "migrations/2024-01-01-000000_take_notes/up.sql",
                    "create table notes (id integer primary key, body text not null);\n",
                ),
                ("migrations/2024-01-01-000000_take_notes/down.sql", "drop table notes;\n"),
            ],
        ),
        Migration::new(
            "202401020000000000",
            &[
                ("migrations/2024-01-02-000000-0000_note_index/up.sql", index),
                ("migrations/2024-01-02-000000-0000_note_index/down.sql", back),
                ("migrations/2024-01-02-000000-0000_note_index/metadata.toml", metadata),
            ],
        ),
        Migration::new(
            "20240103000000",
            &[(
                "migrations/2024-01-03-000000_people/up.sql",
                "create table people (id integer primary key);\r\nalter table notes add column by_whom integer;\r\n",
            )],
        ),
        Migration::new(
            "20240104000000",
            &[("migrations/2024-01-04-000000_next/up.sql", "alter table people add column name text;\n")],
        ),
    ]
}

fn diesel(scene: &Scene<'_>, line: &str) -> Cofferdam {
    let mut url = scene.url();
    if url.starts_with("postgres") {
        url += "?sslmode=disable";
    }
    let url = url.strip_prefix("sqlite:").map_or(url.clone(), str::to_owned);
    scene.tool.command(&scene.project.path("")).args(line.split(' ')).env("DATABASE_URL", url)
}

fn apply(scene: &Scene<'_>) -> Output {
    diesel(scene, "migration run").run()
}

fn pending(scene: &Scene<'_>) -> bool {
    match diesel(scene, "migration pending").run().stdout.trim() {
        "true" => true,
        "false" => false,
        said => panic!("{said}"),
    }
}

#[test]
fn diesel_hands_over_and_sees_nothing_pending() {
    DIESEL.hands_over();
}
