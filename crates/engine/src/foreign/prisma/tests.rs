use super::*;

fn row(name: &str, checksum: &str, finished: bool, rolled_back: bool) -> Row {
    let flag = |is: bool| Some(u8::from(is).to_string());
    vec![Some(name.to_owned()), Some(checksum.to_owned()), flag(finished), flag(rolled_back)]
}

fn folder() -> (tempfile::TempDir, Folder) {
    let root = tempfile::tempdir().expect("a directory");
    for name in ["1_a", "2_b"] {
        std::fs::create_dir(root.path().join(name)).expect("a folder");
        std::fs::write(root.path().join(name).join("migration.sql"), "select 1;").expect("a file");
    }
    let folder = Folder::read(root.path(), None).expect("a folder");
    (root, folder)
}

fn told(rows: &[Row]) -> (Vec<(String, String)>, Vec<(Severity, String)>) {
    let (_root, folder) = folder();
    let told = Prisma.history(rows, &folder);
    let entries = told.entries.into_iter().map(|e| (e.version, e.checksum.unwrap_or_default())).collect();
    (entries, told.problems.into_iter().map(|p| (p.severity, p.message)).collect())
}

#[test]
fn a_name_counts_when_one_of_its_rows_is_finished_and_stands() {
    let tried_twice = [
        row("2_b", "first", false, true),
        row("1_a", "x", true, false),
        row("2_b", "second", true, false),
        row("1_a", "y", true, false),
    ];
    let (entries, problems) = told(&tried_twice);
    let said = |text: &[(&str, &str)]| -> Vec<(String, String)> {
        text.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    assert_eq!(entries, said(&[("1_a", "y"), ("2_b", "second")]));
    assert!(problems.is_empty(), "{problems:?}");
}

#[test]
fn an_open_row_is_an_error_even_beside_a_finished_one() {
    let rows = [row("2_b", "x", true, false), row("2_b", "x", false, false), row("2_b", "x", false, false)];
    let (entries, problems) = told(&rows);
    assert_eq!(entries.len(), 1);
    assert!(matches!(problems.as_slice(), [(Severity::Error, said)] if said.contains("left 2_b unfinished")));
}

#[test]
fn one_that_was_rolled_back_is_pending_and_said_to_be_only_while_its_file_is_there() {
    let (entries, problems) = told(&[row("2_b", "x", false, true), row("9_gone", "x", false, true)]);
    assert!(entries.is_empty());
    assert!(
        matches!(problems.as_slice(), [(Severity::Warning, said)] if said.contains("2_b")),
        "{problems:?}"
    );
}
