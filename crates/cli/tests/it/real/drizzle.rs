//! Folders of Drizzle in both layouts and its ledgers, as drizzle-kit 0.31 and 1.0 write them.

use super::fresh::Fresh;
use super::taken_over::{Migration, TakenOver, databases, sha256};
use crate::project::document;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Journal,
    Folders,
}

const LAYOUTS: [Layout; 2] = [Layout::Journal, Layout::Folders];

/// The times of the journal.
const WHEN: [i64; 4] = [1_767_258_000_324, 1_767_344_400_994, 1_767_430_800_001, 1_767_517_200_500];
const FOLDERS: [&str; 4] =
    ["20260101090000_init", "20260102090000_slimy_screwball", "20260103090000_note", "20260104090000_more"];

const POSTGRES: [Migration; 3] = [
    (
        "0000_init",
        "CREATE TYPE \"public\".\"mood\" AS ENUM('good', 'bad');--> statement-breakpoint\n\
         CREATE TABLE \"users\" (\n\t\"id\" serial PRIMARY KEY NOT NULL,\n\t\"email\" text NOT NULL,\n\t\
         \"mood\" \"mood\",\n\tCONSTRAINT \"users_email_unique\" UNIQUE(\"email\")\n);\n",
    ),
    (
        "0001_slimy_screwball",
        "CREATE TABLE \"posts\" (\n\t\"id\" serial PRIMARY KEY NOT NULL,\n\t\"user_id\" integer\n);\n\
         --> statement-breakpoint\n\
         ALTER TABLE \"posts\" ADD CONSTRAINT \"posts_user_id_users_id_fk\" FOREIGN KEY (\"user_id\") \
         REFERENCES \"public\".\"users\"(\"id\") ON DELETE no action ON UPDATE no action;",
    ),
    // Written by hand: drizzle sends the pieces one by one, so no semicolon is needed.
    (
        "0002_note",
        "-- Custom SQL migration file, put your code below! --\nALTER TABLE \"users\" ADD COLUMN \"note\" text\n\
         --> statement-breakpoint\nCOMMENT ON COLUMN \"users\".\"note\" IS 'for us'",
    ),
];

const SQLITE: [Migration; 3] = [
    (
        "0000_init",
        "CREATE TABLE `users` (\n\t`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,\n\t`email` text NOT NULL\n);\n\
         --> statement-breakpoint\nCREATE UNIQUE INDEX `users_email_unique` ON `users` (`email`);",
    ),
    (
        "0001_slimy_screwball",
        "CREATE TABLE `posts` (\n\t`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,\n\t`user_id` integer,\n\t\
         FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action\n);\n",
    ),
    (
        "0002_note",
        "PRAGMA foreign_keys=OFF;--> statement-breakpoint\nCREATE TABLE `__new_users` (\n\t\
         `id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,\n\t`email` text NOT NULL,\n\t`note` text DEFAULT ''\n);\n\
         --> statement-breakpoint\nINSERT INTO `__new_users`(\"id\", \"email\") SELECT \"id\", \"email\" FROM `users`;\
         --> statement-breakpoint\nDROP TABLE `users`;--> statement-breakpoint\n\
         ALTER TABLE `__new_users` RENAME TO `users`;--> statement-breakpoint\nPRAGMA foreign_keys=ON;\
         --> statement-breakpoint\nCREATE UNIQUE INDEX `users_email_unique` ON `users` (`email`);",
    ),
];

const ROWS: [&str; 3] = [
    "insert into users (email) values ('a@example.org')",
    "insert into posts (user_id) values (1)",
    "select 1",
];

fn migrations(database: &Fresh) -> &'static [Migration] {
    match database {
        Fresh::Sqlite(_) => &SQLITE,
        Fresh::Postgres(_) => &POSTGRES,
    }
}

fn ledger(database: &Fresh, layout: Layout) -> &'static str {
    match (database, layout) {
        (Fresh::Postgres(_), Layout::Journal) => {
            "create schema drizzle;
             create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)"
        }
        (Fresh::Postgres(_), Layout::Folders) => {
            "create schema drizzle;
             create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint,
                 name text, applied_at timestamp with time zone default now())"
        }
        (Fresh::Sqlite(_), Layout::Journal) => {
            "CREATE TABLE \"__drizzle_migrations\" (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)"
        }
        (Fresh::Sqlite(_), Layout::Folders) => {
            "CREATE TABLE \"__drizzle_migrations\" (id INTEGER PRIMARY KEY, hash text NOT NULL, created_at numeric,
                 name text, applied_at TEXT)"
        }
    }
}

fn table(database: &Fresh) -> &'static str {
    match database {
        Fresh::Postgres(_) => "drizzle.__drizzle_migrations",
        Fresh::Sqlite(_) => "__drizzle_migrations",
    }
}

/// The journal of these entries: tags with their times.
fn journal(dialect: &str, entries: &[(&str, i64)]) -> String {
    let entries: Vec<String> = entries
        .iter()
        .enumerate()
        .map(|(at, (tag, when))| {
            format!(r#"{{"idx":{at},"version":"7","when":{when},"tag":"{tag}","breakpoints":true}}"#)
        })
        .collect();
    format!(r#"{{"version":"7","dialect":"{dialect}","entries":[{}]}}"#, entries.join(","))
}

/// `created_at` of the migration: the journal's time, or that of the folder's name.
fn created_at(layout: Layout, at: usize) -> i64 {
    match layout {
        Layout::Journal => WHEN[at],
        Layout::Folders => WHEN[at] / 1_000 * 1_000,
    }
}

fn file(layout: Layout, at: usize) -> String {
    match layout {
        Layout::Journal => format!("{}.sql", SQLITE[at].0),
        Layout::Folders => format!("{}/migration.sql", FOLDERS[at]),
    }
}

/// Runs a file as Drizzle does: in pieces, in one session.
fn run_plainly(database: &Fresh, text: &str) {
    match database {
        Fresh::Sqlite(_) => _ = database.sql(text),
        Fresh::Postgres(_) => {
            text.split("--> statement-breakpoint").for_each(|piece| _ = database.sql(piece));
        }
    }
}

fn ran(scene: &TakenOver, layout: Layout, at: usize, hash: &str) {
    let (table, when) = (table(&scene.database), created_at(layout, at));
    scene.database.sql(&match layout {
        Layout::Journal => format!("insert into {table} (hash, created_at) values ('{hash}', {when})"),
        Layout::Folders => format!(
            "insert into {table} (hash, created_at, name, applied_at)
             values ('{hash}', {when}, '{}', '2026-01-05T12:34:48.877Z')",
            FOLDERS[at]
        ),
    });
}

/// The project with all files, of which Drizzle has applied the first `done`.
fn after(database: Fresh, layout: Layout, done: usize) -> TakenOver {
    let scene = TakenOver::new("drizzle", database);
    let all = migrations(&scene.database);
    for (at, (_, text)) in all.iter().enumerate() {
        scene.write(&file(layout, at), text);
    }
    match layout {
        Layout::Journal => {
            let dialect = if scene.is_sqlite() { "sqlite" } else { "postgresql" };
            let entries: Vec<_> = all.iter().zip(WHEN).map(|((tag, _), when)| (*tag, when)).collect();
            scene.write("meta/_journal.json", journal(dialect, &entries));
            scene.write("meta/0000_snapshot.json", "{}");
        }
        Layout::Folders => {
            let dialect = if scene.is_sqlite() { "sqlite" } else { "postgres" };
            for folder in &FOLDERS[..3] {
                let snapshot = format!(r#"{{"version":"8","dialect":"{dialect}","ddl":[]}}"#);
                scene.write(&format!("{folder}/snapshot.json"), snapshot);
            }
        }
    }
    scene.database.sql(ledger(&scene.database, layout));
    for (at, (_, text)) in all[..done].iter().enumerate() {
        run_plainly(&scene.database, text);
        scene.database.sql(ROWS[at]);
        ran(&scene, layout, at, &sha256(text));
    }
    scene
}

fn again(database: &Fresh) -> Fresh {
    match database {
        Fresh::Sqlite(_) => Fresh::sqlite(),
        Fresh::Postgres(database) => Fresh::postgres(database.major()),
    }
}

fn with_all(test: impl Fn(Fresh, Layout)) {
    for layout in LAYOUTS {
        databases().into_iter().for_each(|database| test(database, layout));
    }
}

fn versions(layout: Layout) -> [&'static str; 3] {
    match layout {
        Layout::Journal => ["0000", "0001", "0002"],
        Layout::Folders => ["20260101090000", "20260102090000", "20260103090000"],
    }
}

fn drizzles_rows(scene: &TakenOver) -> String {
    scene.database.sql(&format!("select * from {} order by created_at", table(&scene.database)))
}

#[test]
fn a_history_of_drizzle_is_taken_over_wherever_it_stopped() {
    with_all(|database, layout| {
        let plain = again(&database);
        plain.sql(ledger(&plain, layout));
        for (_, text) in migrations(&plain) {
            run_plainly(&plain, text);
        }
        for done in 0..=3 {
            let scene = after(again(&database), layout, done);
            let init = document("init", &scene.run("init").run());
            assert_eq!((&init["format"], &init["files"]), (&"drizzle".into(), &3.into()));
            let refused = scene.refused("migrate", 3);
            assert!(refused.contains("cofferdam adopt"), "{refused}");
            let theirs = drizzles_rows(&scene);
            assert_eq!(scene.versions("adopt", "adopted"), versions(layout)[..done]);
            assert_eq!(scene.versions("migrate", "applied"), versions(layout)[done..]);
            scene.assert_clean();
            scene.database.assert_like(&plain.catalog(), &format!("{layout:?} after {done} of Drizzle"));
            assert_eq!(drizzles_rows(&scene), theirs, "Drizzle's ledger was touched");
            if done > 1 {
                assert_eq!(scene.database.sql("select count(*) from posts"), "1");
            }
        }
    });
}

#[test]
fn kept_in_step_drizzle_finds_rows_like_its_own_and_loses_them_when_they_are_taken_back() {
    with_all(|database, layout| {
        let all = migrations(&database);
        let straight = after(again(&database), layout, 3);
        let scene = after(database, layout, 1);
        scene.told("adopt --keep-in-step");
        scene.told("migrate");
        scene.assert_clean();
        let name = match layout {
            Layout::Journal => "''",
            Layout::Folders => "name",
        };
        let rows = |scene: &TakenOver| {
            let table = table(&scene.database);
            scene
                .database
                .sql(&format!("select id, hash, created_at, {name} from {table} order by created_at"))
        };
        assert_eq!(rows(&scene), rows(&straight));
        if layout == Layout::Folders {
            let form = match &scene.database {
                Fresh::Sqlite(_) => {
                    "applied_at glob '20[0-9][0-9]-*T*:*.[0-9][0-9][0-9]Z' and length(applied_at) = 24"
                }
                Fresh::Postgres(_) => "applied_at <= now()",
            };
            let count = format!("select count(*) from {} where {form}", table(&scene.database));
            assert_eq!(scene.database.sql(&count), "3");
        }
        let down = match layout {
            Layout::Journal => format!("{}.down.sql", all[2].0),
            Layout::Folders => format!("{}/down.sql", FOLDERS[2]),
        };
        scene.write(&down, "alter table users drop column note;");
        scene.told("rollback --discard-writes");
        let left = scene.database.sql(&format!("select max(created_at) from {}", table(&scene.database)));
        assert_eq!(left, created_at(layout, 1).to_string());
        assert_eq!(scene.versions("migrate", "applied"), [versions(layout)[2]]);
    });
}

#[test]
fn an_edited_file_is_refused_with_the_statement_that_says_it_is_meant_and_line_ends_do_not_count() {
    with_all(|database, layout| {
        let scene = after(database, layout, 2);
        let text = migrations(&scene.database)[0].1;
        let edited = format!("{text}\n-- later\n");
        scene.write(&file(layout, 0), &edited);
        let refused = scene.refused("adopt", 3);
        assert!(refused.contains("was edited after drizzle applied it"), "{refused}");
        let update = format!(
            "update {} set hash = '{}' where created_at = {}",
            table(&scene.database),
            sha256(&edited),
            created_at(layout, 0)
        );
        assert!(refused.contains(&update), "{refused}");
        scene.database.sql(&update);
        scene.write(&file(layout, 1), migrations(&scene.database)[1].1.replace('\n', "\r\n"));
        assert_eq!(scene.versions("adopt", "adopted").len(), 2);
        scene.told("migrate");
        scene.assert_clean();
    });
}

#[test]
fn one_that_drizzle_skips_is_named_and_runs_only_when_it_is_asked_for() {
    for database in databases() {
        let scene = after(database, Layout::Journal, 2);
        let dialect = if scene.is_sqlite() { "sqlite" } else { "postgresql" };
        // Merged from another branch: last in the journal, older than what has run.
        let entries = [
            ("0000_init", WHEN[0]),
            ("0001_slimy_screwball", WHEN[1]),
            ("0002_note", WHEN[2]),
            ("0002_merged", WHEN[1] - 5),
        ];
        scene.write("meta/_journal.json", journal(dialect, &entries));
        scene.write("0002_merged.sql", "CREATE TABLE merged (id integer PRIMARY KEY NOT NULL);");
        let said = scene.problems("status");
        let skipped = |problems: &[(String, String)]| {
            problems
                .iter()
                .any(|(severity, said)| severity == "warning" && said.contains("never ran 0002_merged"))
        };
        assert!(skipped(&said), "{said:?}");
        let adopted = scene.problems("adopt");
        assert!(skipped(&adopted), "{adopted:?}");
        let refused = scene.refused("migrate", 3);
        for said in ["0002_merged.sql is older than 0001", "drizzle would never run it", "out_of_order"] {
            assert!(refused.contains(said), "{refused}");
        }
        scene.project.write("cofferdam.toml", "[migrations]\nout_of_order = \"apply\"\n");
        assert_eq!(scene.versions("migrate", "applied"), ["0002_note", "0002_merged"]);
        scene.assert_clean();
    }
}

#[test]
fn what_we_ran_ourselves_out_of_the_times_order_can_be_gone_on_with() {
    let scene = after(Fresh::sqlite(), Layout::Journal, 0);
    let entries = [("0000_init", 3), ("0001_slimy_screwball", 2), ("0002_note", 1)];
    scene.write("meta/_journal.json", journal("sqlite", &entries));
    scene.told("adopt --keep-in-step");
    assert_eq!(scene.versions("migrate --to 0000", "applied"), ["0000"]);
    assert_eq!(scene.versions("migrate", "applied"), ["0001", "0002"]);
    scene.assert_clean();
}

#[test]
fn an_older_folder_of_1_0_is_applied_as_drizzle_does() {
    for database in databases() {
        let scene = after(database, Layout::Folders, 3);
        scene.told("adopt --keep-in-step");
        scene.write(
            "20260101100000_late/migration.sql",
            "CREATE TABLE late (id integer PRIMARY KEY NOT NULL);",
        );
        assert_eq!(scene.versions("migrate", "applied"), ["20260101100000"]);
        scene.assert_clean();
    }
}

#[test]
fn a_ledger_of_0_x_is_taken_over_with_folders_of_1_0_but_not_kept_in_step() {
    for database in databases() {
        let old = after(database, Layout::Journal, 2);
        let new = after(again(&old.database), Layout::Folders, 0);
        let url = old.database.url();
        let refused = new.run_on(&url, "adopt --keep-in-step").status(3).run();
        assert!(refused.stdout.contains("the ledger still of 0.x"), "{refused}");
        let adopted = document("adopt", &new.run_on(&url, "adopt").run());
        assert_eq!(adopted["adopted"].as_array().map(Vec::len), Some(2), "{adopted:#}");
        new.run_on(&url, "migrate").run();
    }
}

#[test]
fn a_missing_file_and_a_row_of_no_entry_are_named() {
    for database in databases() {
        let scene = after(database, Layout::Journal, 2);
        let dialect = if scene.is_sqlite() { "sqlite" } else { "postgresql" };
        scene
            .write("meta/_journal.json", journal(dialect, &[("0000_init", WHEN[0]), ("0002_note", WHEN[2])]));
        let refused = scene.refused("adopt", 3);
        let row = format!("drizzle applied the migration of created_at {}, and its file is not in", WHEN[1]);
        assert!(refused.contains(&row), "{refused}");
        scene.remove("0002_note.sql");
        let refused = scene.refused("adopt", 2);
        assert!(refused.contains("names 0002_note, and drizzle/0002_note.sql is not there"), "{refused}");
        scene.write("meta/_journal.json", "<<<<<<< HEAD\n{}");
        let refused = scene.refused("status", 2);
        assert!(refused.contains("is not a journal of drizzle"), "{refused}");
    }
    for database in databases() {
        let scene = after(database, Layout::Folders, 2);
        scene.remove(&file(Layout::Folders, 0));
        let refused = scene.refused("adopt", 3);
        assert!(refused.contains("drizzle applied 20260101090000_init, and its file is not in"), "{refused}");
    }
}

#[test]
fn a_folder_of_another_database_is_named_before_anything_is_done() {
    with_all(|database, layout| {
        let other = match &database {
            Fresh::Sqlite(_) => {
                Fresh::postgres(*cofferdam_testkit::postgres::majors().last().expect("a major"))
            }
            Fresh::Postgres(_) => Fresh::sqlite(),
        };
        other.sql("select 1");
        let scene = after(database, layout, 0);
        for line in ["adopt", "migrate", "status"] {
            let refused = scene.run_on(&other.url(), line).status(2).run();
            assert!(refused.stdout.contains("is drizzle's folder for"), "{line}: {refused}");
        }
    });
}

#[test]
fn a_folder_of_two_tools_is_refused() {
    let scene = TakenOver::new("changes", Fresh::sqlite());
    scene.write("meta/_journal.json", journal("sqlite", &[]));
    scene.write("migration_lock.toml", "provider = \"sqlite\"\n");
    let refused = scene.refused("status", 2);
    assert!(refused.contains("holds migrations of two tools: prisma and drizzle"), "{refused}");
}

#[test]
fn new_names_the_command_of_drizzle_that_also_writes_the_snapshot() {
    for layout in LAYOUTS {
        let scene = after(Fresh::sqlite(), layout, 0);
        let refused = scene.refused("new Add-Note", 2);
        assert!(refused.contains("npx drizzle-kit generate --custom --name add_note"), "{refused}");
    }
}
