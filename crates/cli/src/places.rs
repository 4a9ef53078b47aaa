//! Where a project keeps its migrations.

use std::path::{Path, PathBuf};

use cofferdam_analysis::Error;

/// Where migrations usually lie, seen from a project's root.
const USUAL: [&str; 2] = ["migrations", "db/migrations"];

/// The folder that `new` makes when there is none.
pub(crate) const DEFAULT: &str = USUAL[0];

/// The migrations folder below `root`, if there is one.
///
/// # Errors
/// `Invalid` naming both, when two could be meant: applying the wrong one cannot be taken back.
pub(crate) fn find(root: &Path) -> Result<Option<PathBuf>, Error> {
    let mut found: Vec<&str> = USUAL.into_iter().filter(|dir| root.join(dir).is_dir()).collect();
    if found.len() > 1 {
        found.retain(|dir| holds_sql(&root.join(dir)));
    }
    match found[..] {
        [] if USUAL.iter().filter(|dir| root.join(dir).is_dir()).count() > 1 => Err(ambiguous(&USUAL)),
        [] => Ok(None),
        [one] => Ok(Some(PathBuf::from(one))),
        _ => Err(ambiguous(&found)),
    }
}

fn ambiguous(found: &[&str]) -> Error {
    Error::invalid(format!("there are several migrations folders: {}", found.join(", ")))
        .hint("name the one you mean with --dir, or write `dir` under [migrations] in cofferdam.toml")
}

/// A folder of a tool whose migrations are programs holds none.
fn holds_sql(dir: &Path) -> bool {
    std::fs::read_dir(dir).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.path().extension().is_some_and(|e| e.eq_ignore_ascii_case("sql")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn project(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, "").expect("a file");
        }
        root
    }

    #[test]
    fn the_only_folder_is_found_even_when_empty_of_sql() {
        assert_eq!(find(project(&["README"]).path()).expect("one"), None);
        let empty = project(&["migrations/.keep"]);
        assert_eq!(find(empty.path()).expect("one"), Some("migrations".into()));
        let nested = project(&["db/migrations/1_a.sql"]);
        assert_eq!(find(nested.path()).expect("one"), Some("db/migrations".into()));
    }

    #[test]
    fn a_folder_of_programs_does_not_stand_beside_one_of_sql() {
        let both = project(&["migrations/0001_initial.py", "db/migrations/1_a.sql"]);
        assert_eq!(find(both.path()).expect("one"), Some("db/migrations".into()));
    }

    #[test]
    fn two_folders_are_named_and_none_is_chosen() {
        for files in [["migrations/1_a.sql", "db/migrations/1_a.sql"], ["migrations/x", "db/migrations/x"]] {
            let error = find(project(&files).path()).expect_err("two");
            assert!(error.message().contains("migrations, db/migrations"), "{}", error.message());
        }
    }
}
