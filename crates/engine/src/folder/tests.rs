use std::fs;

use super::*;

fn folder(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Result<Folder>) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, content) in files {
        fs::write(dir.path().join(name), content).expect("a file in it");
    }
    let read = Folder::read(dir.path(), None);
    (dir, read)
}

fn error(files: &[(&str, &[u8])]) -> String {
    folder(files).1.err().map(|e| e.to_string()).unwrap_or_default()
}

#[test]
fn order_is_numeric_and_down_files_find_their_migration() {
    let (_dir, read) =
        folder(&[("10_c.sql", b""), ("9_b.sql", b""), ("0001_a.sql", b""), ("9_b.down.sql", b"")]);
    let read = read.expect("a good folder");
    let versions: Vec<_> = read.migrations.iter().map(|m| m.version.as_str()).collect();
    assert_eq!(versions, ["0001", "9", "10"]);
    assert!(read.migrations[1].down.is_some() && read.migrations[0].down.is_none());
    assert_eq!(read.format, Format::Native);
}

#[test]
fn two_files_of_one_version_are_refused_zeros_ignored() {
    assert_eq!(
        error(&[("1_a.sql", b""), ("0001_b.sql", b"")]),
        "0001_b.sql and 1_a.sql have the same version"
    );
}

#[test]
fn a_file_without_version_is_named() {
    assert!(error(&[("schema.sql", b"")]).starts_with("schema.sql is no migration"));
}

#[test]
fn latin_1_is_named_with_its_line() {
    assert!(error(&[("1_a.sql", b"select 1;\n-- caf\xe9\n")]).ends_with("is not UTF-8: byte 16, in line 2"));
}

#[test]
fn a_down_file_without_its_migration_is_refused() {
    assert!(error(&[("1_a.sql", b""), ("1_b.down.sql", b"")]).contains("not there"));
}

#[test]
fn sqlx_shows_itself_by_up_files_or_by_its_marker() {
    let up =
        folder(&[("1_a.up.sql", b""), ("1_a.down.sql", b""), ("notes.sql", b"")]).1.expect("a sqlx folder");
    assert_eq!((up.format, up.notes.len()), (Format::Sqlx, 1));
    let marked = folder(&[("1_a.sql", b"-- no-transaction\nvacuum;")]).1.expect("a sqlx folder");
    assert!(marked.migrations[0].no_transaction);
}

#[test]
fn a_byte_order_mark_is_not_part_of_the_text() {
    let (_dir, read) = folder(&[("1_a.sql", b"\xef\xbb\xbfselect 1;\r\n")]);
    let with = &read.expect("a good folder").migrations[0];
    assert_eq!(&*with.text, "select 1;\r\n");
    assert_eq!(with.checksum, Checksum::of_text("select 1;\n"));
}
