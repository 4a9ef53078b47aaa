//! What the documents tell people to type works, and what they say of formats is so.

use std::collections::BTreeMap;

use cofferdam::folder::{Folder, Format};
use cofferdam::ledger::audit;
use cofferdam_testkit::checkout;

use crate::project::Project;

/// A command that a reader types, and the heading that it stands under.
#[derive(Debug)]
struct Typed {
    heading: String,
    command: String,
}

/// The lines of all fenced `sh` and `console` blocks; in `console`, those behind `$`.
fn typed(text: &str) -> Vec<Typed> {
    let (mut heading, mut fence, mut found) = (String::new(), None, Vec::new());
    for line in text.lines() {
        match (fence, line.strip_prefix("```")) {
            (None, Some(language)) => fence = Some(language),
            (Some(_), Some(_)) => fence = None,
            (None, None) => {
                if let Some(title) = line.strip_prefix("## ") {
                    heading = title.to_owned();
                }
            }
            (Some("sh"), None) => found.push((heading.clone(), line)),
            (Some("console"), None) => found.extend(line.strip_prefix("$ ").map(|l| (heading.clone(), l))),
            (Some(_), None) => {}
        }
    }
    let command = |line: &str| line.split(" #").next().unwrap_or_default().trim().to_owned();
    found
        .into_iter()
        .map(|(heading, line)| Typed { heading, command: command(line) })
        .filter(|typed| !typed.command.is_empty())
        .collect()
}

fn document(path: &str) -> String {
    let path = checkout::root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

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
    let checksum = folder.migrations[0].foreign.as_ref().expect("sqlx has checksums").written.as_str();
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
    let mut projects: BTreeMap<String, Project> = BTreeMap::new();
    let mut ran = 0;
    for Typed { heading, command } in typed(&document("README.md")) {
        // What builds the program and what runs this test.
        if command.starts_with("cargo ") || command == "./test" {
            continue;
        }
        let line = command.strip_prefix("cofferdam ").unwrap_or_else(|| panic!("`{command}` is not ours"));
        let project = projects.entry(heading.clone()).or_insert_with(|| project(&heading));
        let mut typed = project.cofferdam(line).any_status();
        if heading == "An existing project" {
            typed = typed.env("DATABASE_URL", "sqlite:notes.db");
        }
        let output = typed.run();
        assert_eq!(output.code(), Some(0), "{heading}: {command}\n{output}");
        ran += 1;
    }
    assert!(ran >= 12, "the README lost its commands: {ran}");
    // Read as the native format's, sqlx's history would not have been compared by its checksums.
    let db =
        rusqlite::Connection::open(projects["An existing project"].path("notes.db")).expect("a database");
    let source = "select group_concat(distinct source) from _cofferdam_migration";
    let source: String = db.query_row(source, [], |row| row.get(0)).expect("a ledger");
    assert_eq!(source, "sqlx");
}

#[test]
fn the_readme_leads_with_two_commands() {
    let commands: Vec<String> =
        typed(&document("README.md")).into_iter().map(|t| t.command).take(2).collect();
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
fn links_between_documents_lead_somewhere() {
    let root = checkout::root();
    let mut documents: Vec<_> = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "bench/README.md"]
        .iter()
        .map(|path| root.join(path))
        .collect();
    for folder in ["docs", "docs/decisions"] {
        let entries = std::fs::read_dir(root.join(folder)).expect("a folder").flatten();
        documents
            .extend(entries.map(|e| e.path()).filter(|path| path.extension().is_some_and(|e| e == "md")));
    }
    let mut dead = Vec::new();
    for path in documents {
        let text = std::fs::read_to_string(&path).expect("a document");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if !link.contains("://") && !path.with_file_name(file).exists() {
                dead.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
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
