use std::fs;

use super::*;
use crate::folder::{Folder, Format};

fn folder(files: &[(&str, &str)], placeholders: &[(&str, &str)]) -> Result<Folder> {
    let root = tempfile::tempdir().expect("a folder");
    for (file, text) in files {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let values = placeholders.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Folder::read_with(root.path(), None, &values)
}

fn read(files: &[(&str, &str)]) -> Folder {
    folder(files, &[]).expect("a folder")
}

fn titles(folder: &Folder) -> Vec<String> {
    folder.migrations.iter().map(Migration::title).collect()
}

fn name(file: &str) -> Option<(Kind, String, String)> {
    match parse(file) {
        Named::Migration(name) => Some((name.kind, name.version.to_string(), name.name)),
        Named::Callback | Named::TooLong | Named::Nothing => None,
    }
}

#[test]
fn names_are_read_as_flyway_reads_them() {
    let is = |file, kind, version: &str, text: &str| {
        assert_eq!(name(file), Some((kind, version.to_owned(), text.to_owned())), "{file}");
    };
    is("V1__init.sql", Kind::Versioned, "1", "init");
    is("V1_2__add_note.SQL", Kind::Versioned, "1.2", "add_note");
    is("V20240101120000__x.sql", Kind::Versioned, "20240101120000", "x");
    is("V2.sql", Kind::Versioned, "2", "");
    is("R__all_views.sql", Kind::Repeatable, "R__all_views", "all_views");
    is("U1.0__back.sql", Kind::Undo, "1.0", "back");
    is("B10__base.sql", Kind::Baseline, "10", "base");
    for strange in
        ["v1__x.sql", "V__x.sql", "V1x__y.sql", "R1__x.sql", "R__.sql", "V1__x.txt", "x.sql", ".sql"]
    {
        assert_eq!(parse(strange), Named::Nothing, "{strange}");
    }
    assert_eq!(parse("beforeMigrate.sql"), Named::Callback);
    assert_eq!(parse("afterMigrate__grants.sql"), Named::Callback);
    assert_eq!(parse("V99999999999999999999999999999999999999999__x.sql"), Named::TooLong);
}

/// By the definition of CRC-32; the check value of "123456789" is 0xCBF43926.
#[test]
fn checksums_are_crc_32_of_the_lines_without_their_ends() {
    assert_eq!(checksum("123456789"), 0xCBF4_3926_u32.cast_signed().to_string());
    assert_eq!(checksum(""), "0");
    for same in ["create table a (id int);\n", "create table a (id int);", "create table a (id int);\r\n"] {
        assert_eq!(checksum(same), "-897341557", "{same:?}");
    }
    assert_eq!(checksum("12345\r6789\r\n"), checksum("123456789"));
    let with_bom = read(&[("V1__a.sql", "\u{feff}create table a (id int);\n")]);
    assert_eq!(with_bom.migrations[0].foreign.as_ref().expect("a checksum").written, "-897341557");
}

#[test]
fn folders_are_read_through_and_repeatables_come_last_by_description() {
    let read = read(&[
        ("2.0/V2__b.sql", ""),
        ("2.0/more/V10__c.sql", ""),
        ("V1_9__a.sql", ""),
        ("R__b_view.sql", ""),
        ("R__a_view.sql", ""),
        ("beforeMigrate.sql", ""),
        ("readme.txt", ""),
        ("V5__Java.java", ""),
    ]);
    assert_eq!(read.format, Format::Flyway);
    assert_eq!(titles(&read), ["1.9_a", "2_b", "5_Java", "10_c", "R__a_view", "R__b_view"]);
    assert_eq!(read.migrations[1].tag, "2.0/V2__b.sql");
    assert!(read.migrations[2].is_program() && !read.migrations[1].is_program());
    assert_eq!(read.notes.len(), 2, "{:?}", read.notes);
    for same in ["1_9", "1.9.0", "01.9", "1.9_a"] {
        assert_eq!(read.find(same).map(Migration::title).as_deref(), Some("1.9_a"), "{same}");
    }
    assert_eq!(read.find("R__a_view").map(Migration::title).as_deref(), Some("R__a_view"));
}

#[test]
fn a_stray_file_among_numbered_ones_is_not_flyways() {
    let error =
        folder(&[("1_a.sql", ""), ("2_b.sql", ""), ("V1__x.sql", "")], &[]).expect_err("a native folder");
    assert!(error.message().starts_with("V1__x.sql is no migration"), "{error}");
}

#[test]
fn versions_that_are_equal_to_flyway_are_refused() {
    let error = folder(&[("V1__a.sql", ""), ("x/V1.0__b.sql", "")], &[]).expect_err("twice");
    assert_eq!(error.message(), "V1__a.sql and V1.0__b.sql have the same version");
}

#[test]
fn an_undo_file_takes_back_its_version_and_is_no_migration() {
    let read = read(&[
        ("V1__a.sql", ""),
        ("U1.0__whatever.sql", "drop table a;"),
        ("U7__x.sql", ""),
        ("R__v.sql", ""),
    ]);
    assert_eq!(titles(&read), ["1_a", "R__v"]);
    let script =
        read.migrations[0].down_script(cofferdam_analysis::sql::Dialect::Postgres).expect("a down file");
    assert_eq!(&*script.text, "drop table a;");
    assert!(read.notes[0].starts_with("U7__x.sql takes back"), "{:?}", read.notes);
}

#[test]
fn a_baseline_counts_where_the_files_it_stands_for_are_gone() {
    let without = read(&[("B3__base.sql", ""), ("B2__base.sql", ""), ("V4__d.sql", "")]);
    assert_eq!(titles(&without), ["3_base", "4_d"]);
    assert!(is_baseline(&without.migrations[0]) && !is_baseline(&without.migrations[1]));
    let with = read(&[("B3__base.sql", ""), ("V3__c.sql", ""), ("V4__d.sql", "")]);
    assert_eq!(titles(&with), ["3_c", "4_d"]);
    assert_eq!(with.notes, ["B3__base.sql is left alone: the files that it stands for are here"]);
}

#[test]
fn a_file_of_settings_says_no_transaction_or_not_at_all() {
    let read = read(&[
        ("V1__a.sql", ""),
        ("V1__a.sql.conf", "# slow\nexecuteInTransaction = false\n"),
        ("V2__b.sql", ""),
        ("V2__b.sql.conf", "shouldExecute=false"),
        ("V3__c.sql", "select '${x}'"),
        ("V3__c.sql.conf", "placeholderReplacement=false\nencoding=utf-8"),
    ]);
    assert_eq!(titles(&read), ["1_a", "3_c"]);
    assert!(read.migrations[0].no_transaction && !read.migrations[1].no_transaction);
    assert_eq!(&*read.migrations[1].text, "select '${x}'");
    for odd in ["shouldExecute=${env}==prod", "encoding=ISO-8859-1"] {
        assert!(folder(&[("V1__a.sql", ""), ("V1__a.sql.conf", odd)], &[]).is_err(), "{odd}");
    }
}

#[test]
fn placeholders_are_replaced_and_only_repeatables_count_their_values() {
    let files = [("V1__a.sql", "select '${x}'"), ("U1__a.sql", "-- ${x}"), ("R__r.sql", "select '${x}'")];
    let error = folder(&files, &[]).expect_err("no value");
    assert!(error.message().ends_with("line 1: the placeholder ${x} has no value"), "{error}");
    let (one, two) =
        (folder(&files, &[("x", "1")]).expect("one"), folder(&files, &[("x", "2")]).expect("two"));
    assert_eq!(&*one.migrations[0].text, "select '1'");
    assert_eq!(one.migrations[0].checksum, two.migrations[0].checksum);
    assert_eq!(one.migrations[0].foreign, two.migrations[0].foreign);
    assert_ne!(one.migrations[1].checksum, two.migrations[1].checksum);
    let foreign = one.migrations[1].foreign.as_ref().expect("a checksum");
    assert_eq!(foreign.written, checksum("select '1'"));
    assert!(foreign.accepts(&checksum("select '${x}'")));
    let down =
        one.migrations[0].down_script(cofferdam_analysis::sql::Dialect::Postgres).expect("a down file");
    assert_eq!(&*down.text, "-- 1");
}
