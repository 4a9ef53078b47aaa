//! dbmate itself.

use super::{Migration, Predecessor, Scene};
use crate::real::Dialect;
use cofferdam_testkit::{Cofferdam, Output};

const DBMATE: Predecessor = Predecessor {
    program: "dbmate",
    source: "dbmate",
    folder: "db/migrations",
    ledger: "schema_migrations",
    rows: "select version from schema_migrations order by version",
    migrations,
    apply,
    pending,
};

fn migrations(dialect: Dialect) -> Vec<Migration> {
    let index = match dialect {
        Dialect::Postgres => {
            "-- migrate:up transaction:false\ncreate index concurrently notes_body on notes (body);\n\n\
             -- migrate:down transaction:false\ndrop index concurrently notes_body;\n"
        }
        Dialect::Sqlite => {
            "-- migrate:up\ncreate index notes_body on notes (body);\n-- migrate:down\ndrop index notes_body;\n"
        }
    };
    let one = |version, path, text: &str| Migration::new(version, &[(path, text)]);
    vec![
        one(
            "20240101000000",
            "db/migrations/20240101000000_take_notes.sql",
            "-- migrate:up\ncreate table notes (id integer primary key, body text not null);\n\n\
             -- migrate:down\ndrop table notes;\n",
        ),
        one("20240102000000", "db/migrations/20240102000000_note_index.sql", index),
        one(
            "20240103000000",
            "db/migrations/20240103000000_people.sql",
            "-- migrate:up\r\ncreate table people (id integer primary key);\r\n\
             alter table notes add column by_whom integer;\r\n-- migrate:down\r\ndrop table people;\r\n",
        ),
        one(
            "20240104000000",
            "db/migrations/20240104000000_next.sql",
            "-- migrate:up\nalter table people add column name text;\n-- migrate:down\n",
        ),
    ]
}

fn dbmate(scene: &Scene<'_>, line: &str) -> Cofferdam {
    let mut url = scene.url();
    if url.starts_with("postgres") {
        url += "?sslmode=disable";
    }
    let command = scene.tool.command(&scene.project.path("")).args(["--no-dump-schema"]);
    command.args(line.split(' ')).env("DATABASE_URL", url)
}

fn apply(scene: &Scene<'_>) -> Output {
    dbmate(scene, "up").run()
}

fn pending(scene: &Scene<'_>) -> bool {
    match dbmate(scene, "status --exit-code").any_status().run() {
        output if output.code() == Some(0) => false,
        output if output.code() == Some(1) => true,
        output => panic!("{output}"),
    }
}

#[test]
fn dbmate_hands_over_and_sees_nothing_pending() {
    DBMATE.hands_over();
}
