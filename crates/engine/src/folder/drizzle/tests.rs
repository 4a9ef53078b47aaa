use super::super::{Folder, Format, Key};
use super::*;

fn folder(files: &[(&str, &str)]) -> Result<Folder> {
    let root = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = root.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    Folder::read(root.path(), None)
}

const JOURNAL: &str = r#"{"version":"7","dialect":"postgresql","entries":[
    {"idx":0,"version":"7","when":1795264302324,"tag":"0001_later_number","breakpoints":true},
    {"idx":1,"version":"7","when":1795264302994,"tag":"0000_init","breakpoints":true},
    {"idx":2,"version":"7","when":1795264302000,"tag":"0000_merged","breakpoints":true}]}"#;

fn journal() -> Vec<(&'static str, &'static str)> {
    vec![
        ("meta/_journal.json", JOURNAL),
        ("0000_init.sql", "select 1;"),
        ("0001_later_number.sql", "select 2;"),
        ("0001_later_number.down.sql", "select -2;"),
        ("0000_merged.sql", "select 3;"),
        ("0009_nobody.sql", "select 4;"),
    ]
}

#[test]
fn the_journal_gives_the_order_and_files_beside_it_are_left_alone() {
    let folder = folder(&journal()).expect("a folder");
    assert_eq!((folder.format, folder.dialect), (Format::Drizzle, Some(Dialect::Postgres)));
    let told: Vec<_> = folder
        .migrations
        .iter()
        .map(|m| (m.version.as_str(), m.name.as_str(), m.stamp, m.down.is_some()))
        .collect();
    assert_eq!(
        told,
        [
            ("0001", "later_number", Some(1_795_264_302_324), true),
            ("0000_init", "", Some(1_795_264_302_994), false),
            ("0000_merged", "", Some(1_795_264_302_000), false),
        ]
    );
    assert!(
        folder.notes.join("\n").starts_with("0009_nobody.sql is not in the journal"),
        "{:?}",
        folder.notes
    );
    assert!(folder.goes_by_stamps());
    for migration in &folder.migrations {
        assert_eq!(migration.version.key(), &Key::Text(migration.tag.clone()));
    }
}

#[test]
fn what_does_not_fit_the_journal_is_named() {
    let said = |change: &dyn Fn(&mut Vec<(&'static str, &'static str)>)| {
        let mut files = journal();
        change(&mut files);
        folder(&files).map(|_| ()).expect_err("refused").message().to_owned()
    };
    let missing = said(&|files| files.retain(|(name, _)| *name != "0000_merged.sql"));
    assert!(missing.contains("names 0000_merged, and"), "{missing}");
    let merge = said(&|files| files[0].1 = "<<<<<<< HEAD\n{}");
    assert!(merge.contains("_journal.json is not a journal of drizzle"), "{merge}");
    let twice = said(&|files| {
        files[0].1 = r#"{"entries":[{"when":1,"tag":"0000_init"},{"when":2,"tag":"0000_init"}]}"#;
    });
    assert!(twice.ends_with("names 0000_init twice"), "{twice}");
    let mysql = said(&|files| files[0].1 = r#"{"dialect":"mysql","entries":[]}"#);
    assert!(mysql.contains("is for mysql"), "{mysql}");
    let both = said(&|files| files.extend([("1_init/migration.sql", ""), ("1_init/snapshot.json", "")]));
    assert!(both.contains("two layouts"), "{both}");
}

#[test]
fn folders_of_1_0_go_by_name_and_their_stamp_is_that_of_the_name() {
    let folder = folder(&[
        ("20261121123226_hard_cammi/migration.sql", "select 2;"),
        ("20261121123226_hard_cammi/snapshot.json", r#"{"version":"8","dialect":"sqlite","ddl":[]}"#),
        ("20261121123224_init/migration.sql", "select 1;"),
        ("20261121123224_init/down.sql", "select -1;"),
        ("20261121123224_init/snapshot.json", "{}"),
        ("assets/logo.svg", ""),
    ])
    .expect("a folder");
    assert_eq!((folder.format, folder.dialect), (Format::Drizzle, Some(Dialect::Sqlite)));
    let told: Vec<_> =
        folder.migrations.iter().map(|m| (m.version.as_str(), m.stamp, m.down.is_some())).collect();
    // Drizzle 1.0 wrote these for such names.
    assert_eq!(
        told,
        [
            ("20261121123224", Some(1_795_264_344_000), true),
            ("20261121123226", Some(1_795_264_346_000), false)
        ]
    );
    assert_eq!(folder.notes, ["assets has no migration.sql and is left alone, as drizzle does"]);
    assert!(!folder.goes_by_stamps());
    assert_eq!(stamp("19700101000000_x"), Some(0));
    assert_eq!(stamp("20000229235959"), Some(951_868_799_000));
    assert_eq!((stamp("2026_short"), stamp("20261399000000_x")), (None, None));
}

#[test]
fn a_breakpoint_ends_a_statement_and_no_byte_moves() {
    let cases = [
        ("a;\n--> statement-breakpoint\nb;", "a;\n--> statement-breakpoint\nb;"),
        ("a\n--> statement-breakpoint\nb;", "a\n;-- statement-breakpoint\nb;"),
        ("a --> statement-breakpoint\r\nb", "a ;-- statement-breakpoint\r\nb"),
        (
            "a; --> statement-breakpoint\nb;--> statement-breakpoint",
            "a; --> statement-breakpoint\nb;--> statement-breakpoint",
        ),
        (
            "-- ours\n--> statement-breakpoint\na;\n-- so\n--> statement-breakpoint\nb",
            "-- ours\n--> statement-breakpoint\na;\n-- so\n--> statement-breakpoint\nb",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(separated(text), expected);
    }
    for dialect in [Dialect::Postgres, Dialect::Sqlite] {
        let text = separated(
            "select 1\n--> statement-breakpoint\nselect 2; -- x\n--> statement-breakpoint\nselect 3",
        );
        let script = cofferdam_analysis::sql::Script::parse(dialect, "x.sql", &text);
        assert_eq!(script.statements.len(), 3, "{dialect:?}");
        assert!(script.statements.iter().all(|s| s.damage.is_none()), "{dialect:?}");
    }
}

#[test]
fn a_checksum_is_drizzles_and_line_ends_do_not_count() {
    let unix =
        folder(&[("meta/_journal.json", r#"{"entries":[{"when":1,"tag":"a"}]}"#), ("a.sql", "a;\nb;")]);
    let unix = unix.expect("a folder").migrations.remove(0).foreign.expect("a checksum");
    assert_eq!(unix.written, checksum::sha256(b"a;\nb;"));
    assert!(unix.accepts(&checksum::sha256(b"a;\r\nb;")));
    assert!(!unix.accepts(&checksum::sha256(b"a;\n\nb;")));
}
