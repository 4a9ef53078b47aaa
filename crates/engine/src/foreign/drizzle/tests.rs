use super::*;

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Folder) {
    let root = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = root.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    let folder = Folder::read(root.path(), Some(Format::Drizzle)).expect("a folder");
    (root, folder)
}

fn journal() -> (tempfile::TempDir, Folder) {
    let journal = r#"{"dialect":"sqlite","entries":[
        {"when":1000,"tag":"0000_a"},{"when":3000,"tag":"0001_b"},{"when":2000,"tag":"0002_merged"},
        {"when":4000,"tag":"0003_d"}]}"#;
    folder(&[
        ("meta/_journal.json", journal),
        ("0000_a.sql", "a"),
        ("0001_b.sql", "b"),
        ("0002_merged.sql", "c"),
        ("0003_d.sql", "d"),
    ])
}

fn hash(folder: &Folder, tag: &str) -> String {
    let migration = folder.find(tag).expect("a migration");
    migration.foreign.as_ref().expect("a checksum").written.clone()
}

fn old(at: i64, hash: &str) -> Row {
    vec![Some(at.to_string()), Some(hash.to_owned()), None, Some("0".to_owned())]
}

fn new(at: Option<i64>, hash: &str, name: Option<&str>) -> Row {
    vec![at.map(|at| at.to_string()), Some(hash.to_owned()), name.map(str::to_owned), Some("1".to_owned())]
}

fn versions(told: &Told) -> Vec<&str> {
    told.entries.iter().map(|entry| entry.version.as_str()).collect()
}

#[test]
fn rows_are_known_by_their_time_and_what_is_older_than_the_newest_was_skipped() {
    let (_root, folder) = journal();
    let told = Drizzle.history(&[old(1000, "x"), old(3000, "y")], &folder);
    assert_eq!(versions(&told), ["0000_a", "0001_b"]);
    let [skipped] = told.problems.as_slice() else { panic!("{:?}", told.problems) };
    assert_eq!(skipped.severity, Severity::Warning);
    assert!(skipped.message.starts_with("drizzle never ran 0002_merged"), "{}", skipped.message);
    let none = Drizzle.history(&[], &folder);
    assert!(none.entries.is_empty() && none.problems.is_empty());
}

#[test]
fn a_row_of_another_time_is_known_by_its_hash_and_else_described() {
    let (_root, folder) = journal();
    let told = Drizzle.history(&[old(999, &hash(&folder, "0000_a")), old(3001, "nobody's")], &folder);
    assert_eq!(versions(&told), ["0000_a", "the migration of created_at 3001"]);
}

#[test]
fn folders_are_known_by_name_and_before_that_by_the_second_and_the_hash() {
    let (_root, folder) = folder(&[
        ("19700101000001_a/migration.sql", "a"),
        ("19700101000002_b/migration.sql", "b"),
        ("19700101000002_c/migration.sql", "c"),
    ]);
    let named = [new(Some(5), "x", Some("19700101000002_c")), new(None, "x", Some("19700101000003_gone"))];
    let told = Drizzle.history(&named, &folder);
    assert_eq!(versions(&told), ["19700101000002_c", "19700101000003_gone"]);
    assert!(told.problems.is_empty(), "1.0 runs what has no row: {:?}", told.problems);
    let unnamed = [old(1_324, "x"), old(2_994, &hash(&folder, "19700101000002_c"))];
    assert_eq!(versions(&Drizzle.history(&unnamed, &folder)), ["19700101000001_a", "19700101000002_c"]);
    assert!(Drizzle.cannot_keep_in_step(&unnamed, &folder).is_some());
    assert!(Drizzle.cannot_keep_in_step(&named, &folder).is_none());
}

#[test]
fn what_is_written_has_the_columns_of_the_layout() {
    let columns = |folder: &Folder| -> Vec<&'static str> {
        let writes = Drizzle.applied(&folder.migrations()[0], folder, Dialect::Sqlite).expect("a row");
        let [Write::Insert(row)] = writes.as_slice() else { panic!("{writes:?}") };
        row.iter().map(|(name, _)| *name).collect()
    };
    assert_eq!(columns(&journal().1), ["hash", "created_at"]);
    let (_root, folder) = folder(&[("19700101000001_a/migration.sql", "a")]);
    assert_eq!(columns(&folder), ["hash", "created_at", "name", "applied_at"]);
}

#[test]
fn one_of_two_rows_of_the_same_time_is_taken_back_by_its_hash_as_well() {
    let journal = r#"{"entries":[{"when":1,"tag":"a"},{"when":1,"tag":"b"},{"when":2,"tag":"c"}]}"#;
    let (_root, folder) =
        folder(&[("meta/_journal.json", journal), ("a.sql", "a"), ("b.sql", "b"), ("c.sql", "c")]);
    let conditions = |tag: &str| {
        let migration = folder.find(tag).expect("a migration");
        match Drizzle.taken_back(migration, &folder, Dialect::Postgres).expect("writes").remove(0) {
            Write::Delete(conditions) => conditions.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((conditions("a"), conditions("c")), (2, 1));
}
