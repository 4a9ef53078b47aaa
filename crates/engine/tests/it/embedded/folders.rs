//! What is embedded is read as it is from disk.

use std::path::Path;

use cofferdam::folder::{Folder, Format, Migration};
use cofferdam::{Dialect, Migrations, migrations};

macro_rules! folder {
    ($name:literal, $path:tt) => {
        ($name, migrations!($path))
    };
}

fn all() -> Vec<(&'static str, Migrations)> {
    vec![
        folder!("native", "$CARGO_MANIFEST_DIR/tests/it/embedded/folders/native"),
        folder!("sqlx", "$CARGO_MANIFEST_DIR/tests/it/embedded/folders/sqlx"),
        folder!("golang_migrate", "$CARGO_MANIFEST_DIR/tests/it/embedded/folders/golang_migrate"),
        folder!("prisma", "$CARGO_MANIFEST_DIR/tests/it/embedded/folders/prisma"),
        folder!("drizzle", "$CARGO_MANIFEST_DIR/tests/it/embedded/folders/drizzle"),
        folder!("drizzle_folders", "$CARGO_MANIFEST_DIR/tests/it/embedded/folders/drizzle_folders"),
        folder!("flyway", "$CARGO_MANIFEST_DIR/tests/it/embedded/folders/flyway"),
        folder!("refinery", "$CARGO_MANIFEST_DIR/tests/it/embedded/folders/refinery"),
        folder!("dbmate", "$CARGO_MANIFEST_DIR/tests/it/embedded/folders/dbmate"),
        folder!("goose", "$CARGO_MANIFEST_DIR/tests/it/embedded/folders/goose"),
        folder!("diesel", "$CARGO_MANIFEST_DIR/tests/it/embedded/folders/diesel"),
    ]
}

/// Everything that a run, a rollback or another tool's ledger takes from a migration.
fn shown(migration: &Migration) -> String {
    let down =
        migration.down_script(Dialect::Sqlite).map(|script| (script.file, script.text.to_string())).ok();
    let Migration { version, name, tag, path, text, checksum, foreign, stamp, .. } = migration;
    let Migration { no_transaction, down_no_transaction, only_by_tool, any_order, .. } = migration;
    format!(
        "{version} {name} {tag} {path:?} {text:?} {checksum} {foreign:?} {stamp:?} {no_transaction} \
         {down_no_transaction} {only_by_tool:?} {any_order} {} {down:?}",
        migration.has_no_way_forward()
    )
}

#[test]
fn every_format_is_read_from_the_program_as_from_disk() {
    for (name, migrations) in all() {
        let embedded = migrations.placeholder("column", "name").folder().unwrap();
        let path = format!("tests/it/embedded/folders/{name}");
        let values = [("column".to_owned(), "name".to_owned())].into();
        let disk = Folder::read_with(Path::new(&path), None, &values).unwrap();
        assert_eq!((embedded.format, embedded.dialect), (disk.format, disk.dialect), "{name}");
        assert_eq!(embedded.notes, disk.notes, "{name}");
        let all = |folder: &Folder| folder.migrations().iter().map(shown).collect::<Vec<_>>();
        assert_eq!(all(&embedded), all(&disk), "{name}");
        assert!(embedded.migrations().iter().any(|one| one.down.is_some()), "{name}");
    }
}

#[test]
fn the_fixtures_are_of_ten_formats_and_keep_their_line_ends() {
    let mut formats: Vec<Format> = all()
        .into_iter()
        .map(|(_, migrations)| migrations.placeholder("column", "name").folder().unwrap().format)
        .collect();
    formats.sort();
    formats.dedup();
    assert_eq!(formats.len(), Format::ALL.len() - 1);
    let native = migrations!("$CARGO_MANIFEST_DIR/tests/it/embedded/folders/native").folder().unwrap();
    assert!(native.migrations()[1].text.contains("\r\n"));
}

#[test]
fn a_folder_in_the_program_is_read_again_in_the_format_of_the_history() {
    let native = migrations!("$CARGO_MANIFEST_DIR/tests/it/embedded/folders/native").folder().unwrap();
    let sqlx = native.read_again_as(Format::Sqlx).unwrap().unwrap();
    assert_eq!(sqlx.migrations().len(), 3);
    assert!(sqlx.migrations()[0].foreign.is_some());
}

#[test]
fn a_file_that_cannot_be_read_is_named_before_anything_is_connected() {
    let broken = migrations!("$CARGO_MANIFEST_DIR/tests/it/embedded/folders/broken");
    let error = broken.run_blocking("postgres://nobody@127.0.0.1:1/none").unwrap_err();
    assert_eq!(
        error.to_string(),
        "tests/it/embedded/folders/broken/0001_a.sql is not UTF-8: byte 16, in line 2\n  \
         hint: save the file as UTF-8 (an editor may have saved Latin-1 or UTF-16)"
    );
}

#[test]
fn the_rules_judge_without_a_database() {
    let dangerous = migrations!("$CARGO_MANIFEST_DIR/tests/it/embedded/folders/dangerous");
    assert!(migrations!().check(Dialect::Postgres).unwrap().iter().all(|finding| !finding.refuses()));
    let path = "tests/it/embedded/folders/dangerous/0002_drop_text.sql";
    let from_disk = Migrations::of_folder("tests/it/embedded/folders/dangerous");
    assert_eq!(dangerous.check(Dialect::Sqlite).unwrap(), from_disk.check(Dialect::Sqlite).unwrap());
    let findings = dangerous.check(Dialect::Sqlite).unwrap();
    assert!(
        findings.iter().any(|f| f.place.as_ref().is_some_and(|place| place.file == path)),
        "{findings:?}"
    );
}
