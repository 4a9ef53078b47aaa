//! What README tells people to type works, and what documents say of formats is so.

use cofferdam::folder::{Folder, Format};
use cofferdam::ledger::audit;

use super::page::{document, sections};
use super::typist::Typist;
use crate::project::Project;

const NOTES: &str = "create table notes (id integer primary key, title text not null);\n";
const COLOUR: &str = "alter table notes add column colour text;\n";

/// The project that a reader of this part has.
fn project(heading: &str) -> Project {
    match heading {
        "A new project" => Project::new(),
        "An existing project" => adopted_from_sqlx(),
        "Every day" => {
            let project = Project::new()
                .file("cofferdam.toml", "database_url = \"sqlite:notes.db\"\n")
                .file("migrations/0001_notes.sql", NOTES)
                .file("migrations/0002_colour.sql", COLOUR)
                .file("migrations/0002_colour.down.sql", "alter table notes drop column colour;\n");
            project.cofferdam("migrate").run();
            project
        }
        _ => panic!("`{heading}` has commands; say here which project they are typed in"),
    }
}

/// A database that sqlx migrated, with one file that came since.
fn adopted_from_sqlx() -> Project {
    let project = Project::new().file("migrations/20260101000000_notes.sql", NOTES);
    let folder = Folder::read(&project.path("migrations"), Some(Format::Sqlx)).expect("a folder of sqlx");
    let checksum = folder.migrations()[0].foreign.as_ref().expect("sqlx has checksums").written.as_str();
    let db = rusqlite::Connection::open(project.path("notes.db")).expect("a database");
    db.execute_batch(NOTES).expect("a table");
    db.execute_batch(
        "create table _sqlx_migrations (version bigint primary key, description text not null,
           installed_on timestamp not null default current_timestamp, success boolean not null,
           checksum blob not null, execution_time bigint not null)",
    )
    .expect("a ledger of sqlx");
    let row =
        "insert into _sqlx_migrations values (20260101000000, 'notes', '2026-01-01', true, unhex(?1), 1)";
    db.execute(row, [checksum]).expect("its row");
    project.write("migrations/20260201000000_colour.sql", COLOUR);
    project
}

#[test]
fn every_command_of_the_readme_works() {
    let mut ran = 0;
    // Under no heading stands what builds the program and what runs this test.
    for section in sections(&document("README.md")).iter().skip(1) {
        if section.commands().next().is_none() {
            continue;
        }
        let project = project(&section.heading);
        let existing = section.heading == "An existing project";
        let typist = Typist::new(&project);
        let typist = if existing { typist.env("DATABASE_URL", "sqlite:notes.db") } else { typist };
        typist.follows(section);
        ran += section.commands().count();
        if existing {
            // Read as the native format's, sqlx's history would not have been compared by its checksums.
            let db = rusqlite::Connection::open(project.path("notes.db")).expect("a database");
            let source = "select group_concat(distinct source) from _cofferdam_migration";
            let source: String = db.query_row(source, [], |row| row.get(0)).expect("a ledger");
            assert_eq!(source, "sqlx");
        }
    }
    assert!(ran >= 12, "the README lost its commands: {ran}");
}

#[test]
fn the_readme_leads_with_two_commands() {
    let sections = sections(&document("README.md"));
    let commands: Vec<&str> = sections[0].commands().collect();
    assert_eq!(commands, ["cargo run --release -- demo", "./test"]);
}

#[test]
fn exit_codes_are_told_alike_everywhere() {
    let table = |path: &str| -> Vec<String> {
        let text = document(path);
        let rows = text.lines().skip_while(|line| !line.starts_with("| exit |"));
        rows.take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
    };
    assert_eq!(table("README.md").len(), 11);
    assert_eq!(table("README.md"), table("docs/output.md"));
}

#[test]
fn the_hash_worked_out_in_the_ledgers_document_is_ours() {
    let text = document("docs/ledger.md");
    let hash = audit::hash(
        1,
        "2026-11-20T09:00:00.000000Z",
        "app@host",
        "create-ledger",
        "{\"ledger_version\":1,\"program\":\"0.1.0\"}",
        &audit::ROOT,
    );
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(text.contains(&hex), "docs/ledger.md should work out {hex}");
}
