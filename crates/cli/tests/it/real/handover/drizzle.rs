//! drizzle-kit itself, of the layout with a journal.

use super::{Migration, Predecessor, Scene};
use crate::real::Dialect;
use cofferdam_testkit::{Cofferdam, Output};

const DRIZZLE: Predecessor = Predecessor {
    program: "drizzle-kit",
    source: "drizzle",
    folder: "drizzle",
    ledger: "__drizzle_migrations",
    rows: "select id, hash, created_at from __drizzle_migrations order by created_at",
    migrations,
    apply,
    pending,
};

const TAGS: [&str; 4] = ["0000_init", "0001_slimy_screwball", "0002_by_whom", "0003_next"];
const WHEN: [i64; 4] = [1_767_258_000_324, 1_767_344_400_994, 1_767_430_800_001, 1_767_517_200_500];

/// The journal of the first `count` migrations.
fn journal(dialect: Dialect, count: usize) -> String {
    let (name, version) = match dialect {
        Dialect::Postgres => ("postgresql", 7),
        Dialect::Sqlite => ("sqlite", 6),
    };
    let entry = |(at, (tag, when)): (usize, (&str, i64))| {
        format!(r#"{{"idx":{at},"version":"{version}","when":{when},"tag":"{tag}","breakpoints":true}}"#)
    };
    let entries: Vec<String> = TAGS.into_iter().zip(WHEN).take(count).enumerate().map(entry).collect();
    format!(r#"{{"version":"7","dialect":"{name}","entries":[{}]}}"#, entries.join(","))
}

fn migrations(dialect: Dialect) -> Vec<Migration> {
    let id = match dialect {
        Dialect::Postgres => "\"id\" serial PRIMARY KEY NOT NULL",
        Dialect::Sqlite => "\"id\" integer PRIMARY KEY AUTOINCREMENT NOT NULL",
    };
    let texts = [
        format!(
            "CREATE TABLE \"notes\" (\n\t{id},\n\t\"body\" text NOT NULL\n);\n--> statement-breakpoint\n\
             CREATE INDEX \"notes_body\" ON \"notes\" (\"body\");"
        ),
        format!("CREATE TABLE \"people\" (\r\n\t{id}\r\n);\r\n"),
        // By hand, without semicolons.
        "ALTER TABLE \"notes\" ADD \"by_whom\" integer\n--> statement-breakpoint\n\
         CREATE INDEX \"notes_by\" ON \"notes\" (\"by_whom\")"
            .to_owned(),
        "ALTER TABLE \"people\" ADD \"name\" text;".to_owned(),
    ];
    let paths = [
        "drizzle/0000_init.sql",
        "drizzle/0001_slimy_screwball.sql",
        "drizzle/0002_by_whom.sql",
        "drizzle/0003_next.sql",
    ];
    let versions = ["0000", "0001", "0002", "0003"];
    let config = match dialect {
        Dialect::Postgres => "postgresql",
        Dialect::Sqlite => "sqlite",
    };
    // On Postgres, where the ledger else lies in a schema of its own.
    let config = format!(
        "module.exports = {{ dialect: \"{config}\", out: \"./drizzle\", \
         dbCredentials: {{ url: process.env.DATABASE_URL }}, migrations: {{ schema: \"public\" }} }};\n"
    );
    let one = |at: usize| {
        Migration::new(
            versions[at],
            &[
                (paths[at], texts[at].as_str()),
                ("drizzle/meta/_journal.json", &journal(dialect, at + 1)),
                ("drizzle.config.js", &config),
            ],
        )
    };
    (0..4).map(one).collect()
}

fn drizzle(scene: &Scene<'_>, line: &str) -> Cofferdam {
    let url = scene.url().replace("sqlite:", "file:");
    scene.tool.command(&scene.project.path("")).args(line.split(' ')).env("DATABASE_URL", url)
}

fn apply(scene: &Scene<'_>) -> Output {
    drizzle(scene, "migrate").stdout_contains("migrations applied successfully").run()
}

/// drizzle-kit does not say: what is newer than the newest row is pending.
fn pending(scene: &Scene<'_>) -> bool {
    let newest: i64 = scene
        .database
        .sql("select coalesce(max(created_at), 0) from __drizzle_migrations")
        .parse()
        .expect("a time");
    let journal: serde_json::Value =
        serde_json::from_str(&scene.project.read("drizzle/meta/_journal.json")).expect("a journal");
    let entries = journal["entries"].as_array().expect("entries");
    entries.iter().any(|entry| entry["when"].as_i64().expect("a time") > newest)
}

#[test]
fn drizzle_hands_over_and_sees_nothing_pending() {
    DRIZZLE.hands_over();
}
