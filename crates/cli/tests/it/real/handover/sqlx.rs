//! The program of sqlx-cli.

use super::{Migration, Predecessor, Scene};
use crate::real::Dialect;
use cofferdam_testkit::{Cofferdam, Output};

const SQLX: Predecessor = Predecessor {
    program: "sqlx",
    source: "sqlx",
    folder: "migrations",
    ledger: "_sqlx_migrations",
    rows: "select version, description, success, checksum from _sqlx_migrations order by version",
    migrations,
    apply,
    pending,
};

fn migrations(dialect: Dialect) -> Vec<Migration> {
    let index = match dialect {
        Dialect::Postgres => "-- no-transaction\ncreate index concurrently notes_body on notes (body);\n",
        Dialect::Sqlite => "-- no-transaction\ncreate index notes_body on notes (body);\n",
    };
    vec![
        Migration::new(
            "20240101000000",
            &[
                (
                    "migrations/20240101000000_take_notes.up.sql",
                    "create table notes (id integer primary key, body text not null);\n",
                ),
                ("migrations/20240101000000_take_notes.down.sql", "drop table notes;\n"),
            ],
        ),
        Migration::new(
            "20240102000000",
            &[
                ("migrations/20240102000000_note_index.up.sql", index),
                ("migrations/20240102000000_note_index.down.sql", "drop index notes_body;\n"),
            ],
        ),
        // As an editor on Windows leaves it, and without a way back.
        Migration::new(
            "20240103000000",
            &[(
                "migrations/20240103000000_people.sql",
                "create table people (id integer primary key);\r\nalter table notes add column by_whom integer;\r\n",
            )],
        ),
        Migration::new(
            "20240104000000",
            &[
                ("migrations/20240104000000_next.up.sql", "alter table people add column name text;\n"),
                ("migrations/20240104000000_next.down.sql", "alter table people drop column name;\n"),
            ],
        ),
    ]
}

fn sqlx(scene: &Scene<'_>, line: &str) -> Cofferdam {
    let command = scene.tool.command(&scene.project.path("")).args(line.split(' '));
    command.env("DATABASE_URL", scene.url())
}

fn apply(scene: &Scene<'_>) -> Output {
    sqlx(scene, "database create").run();
    sqlx(scene, "migrate run").run()
}

fn pending(scene: &Scene<'_>) -> bool {
    let info = sqlx(scene, "migrate info").run().stdout;
    assert!(!info.contains("different checksum"), "{info}");
    info.contains("/pending ")
}

#[test]
fn sqlx_hands_over_and_sees_nothing_pending() {
    SQLX.hands_over();
}
