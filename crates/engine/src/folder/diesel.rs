//! diesel's folders: `<version>_<name>/up.sql`, with `down.sql` and `metadata.toml` beside
//! it. Source: diesel_cli 2.3 and diesel_migrations 2.3, run and read.
//!
//! The version is what stands before the first `_`, with its dashes taken out; the order is
//! that of the version as text. Refused as diesel refuses it: a folder without `up.sql`.

use cofferdam_analysis::{Error, Result};

use super::Contents;
use super::listing::Listing;
use super::migration::Migration;
use super::version::Version;

const UP: &str = "up.sql";
const DOWN: &str = "down.sql";
const METADATA: &str = "metadata.toml";
/// `YYYYMMDDhhmmss`.
const TIME: usize = 14;

pub(super) fn owns(listing: &Listing) -> bool {
    listing.has_in_folders(UP)
}

pub(super) fn read(listing: &Listing) -> Result<Contents> {
    let mut contents = Contents::default();
    for (folder, files) in &listing.folders {
        contents.migrations.push(migration(listing, folder, files)?);
    }
    contents.migrations.sort_by(|a, b| a.version.cmp(&b.version));
    contents.notes.extend(
        listing
            .sql()
            .map(|file| format!("{file} lies in no folder of its own and is left alone, as diesel does")),
    );
    Ok(contents)
}

fn migration(listing: &Listing, folder: &str, files: &[String]) -> Result<Migration> {
    let has = |wanted: &str| files.iter().any(|file| file == wanted);
    let at = |file: &str| format!("{folder}/{file}");
    if !has(UP) {
        return Err(Error::invalid(format!(
            "{} has no {UP}, and diesel refuses the whole folder so",
            listing.path(folder).display()
        ))
        .hint("write it, or move the folder away: diesel takes every folder here for a migration"));
    }
    let name = folder.split_once('_').map_or("", |(_, name)| name);
    let text = listing.text(&at(UP))?;
    let mut migration = Migration::of_file(version(folder), name, listing.path(&at(UP)), &text);
    folder.clone_into(&mut migration.tag);
    migration.down = has(DOWN).then(|| listing.down(&at(DOWN))).transpose()?;
    if has(METADATA) {
        let path = listing.path(&at(METADATA));
        let transaction = runs_in_transaction(&listing.text(&at(METADATA))?.text).ok_or_else(|| {
            Error::invalid(format!("{} does not say `run_in_transaction = true` or `false`", path.display()))
        })?;
        migration.no_transaction = !transaction;
        migration.down_no_transaction = !transaction;
    }
    Ok(migration)
}

/// As diesel forms it, of a folder's name or of what stands before the name's first `_`.
pub(super) fn version(folder: &str) -> Version {
    let version = folder.split('_').next().unwrap_or(folder);
    Version::text(&version.replace('-', ""))
}

/// The name of a new migration's folder: times are written with dashes, `2024-01-02-030405`,
/// and since 2.2 with four more digits behind them.
pub(super) fn folder_name(version: &str, name: &str) -> String {
    let is_time = version.len() >= TIME && version.bytes().take(TIME).all(|b| b.is_ascii_digit());
    if !is_time {
        return format!("{version}_{name}");
    }
    let (time, behind) = version.split_at(TIME);
    let dash = if behind.is_empty() { "" } else { "-" };
    format!("{}-{}-{}-{}{dash}{behind}_{name}", &time[..4], &time[4..6], &time[6..8], &time[8..])
}

/// What `metadata.toml` says. A file without the key means no transaction: so does diesel.
fn runs_in_transaction(toml: &str) -> Option<bool> {
    let mut values = toml.lines().filter_map(|line| {
        let (key, value) = line.split('#').next()?.split_once('=')?;
        (key.trim() == "run_in_transaction").then(|| value.trim())
    });
    match values.next_back() {
        None => Some(false),
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::folder::{Folder, Format};

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Folder>) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, content).expect("a file in it");
        }
        let read = Folder::read(dir.path(), None);
        (dir, read)
    }

    #[test]
    fn versions_are_folder_names_without_dashes_in_the_order_of_text() {
        let (_dir, read) = folder(&[
            ("2024-01-03-000000_c/up.sql", "select 1;"),
            ("2024-01-02-000000-0000_idx/up.sql", "select 1;"),
            ("00000000000000_diesel_initial_setup/up.sql", "select 1;"),
            ("00000000000000_diesel_initial_setup/down.sql", "select 2;"),
            ("nov/up.sql", "select 1;"),
            (".keep", ""),
            (".hidden/x", ""),
            ("x.sql", ""),
        ]);
        let read = read.expect("a folder of diesel's");
        let seen: Vec<_> = read.migrations.iter().map(|m| (m.version.as_str(), m.name.as_str())).collect();
        let expected = [
            ("00000000000000", "diesel_initial_setup"),
            ("202401020000000000", "idx"),
            ("20240103000000", "c"),
            ("nov", ""),
        ];
        assert_eq!((seen.as_slice(), read.format), (expected.as_slice(), Format::Diesel));
        assert!(read.migrations[0].down.is_some() && read.migrations[1].down.is_none());
        assert_eq!(read.notes.len(), 1);
        for spelled in ["20240103000000", "2024-01-03-000000", "2024-01-03-000000_c", "20240103000000_c"] {
            assert!(read.find(spelled).is_some(), "{spelled}");
        }
    }

    #[test]
    fn a_folder_without_its_up_file_is_refused() {
        let (_dir, read) = folder(&[("1_a/up.sql", "select 1;"), ("2_b/down.sql", "select 1;")]);
        assert!(
            read.expect_err("refused")
                .message()
                .ends_with("2_b has no up.sql, and diesel refuses the whole folder so")
        );
    }

    #[test]
    fn metadata_without_the_key_means_no_transaction() {
        for (toml, expected) in [
            ("run_in_transaction = false\n", Some(false)),
            ("run_in_transaction=true # both ways", Some(true)),
            ("# run_in_transaction = true", Some(false)),
            ("", Some(false)),
            ("run_in_transaction = 1", None),
        ] {
            assert_eq!(runs_in_transaction(toml), expected, "{toml}");
        }
        let (_dir, read) =
            folder(&[("1_a/up.sql", "vacuum;"), ("1_a/metadata.toml", "run_in_transaction = false")]);
        let read = read.expect("a folder of diesel's");
        assert!(read.migrations[0].no_transaction && read.migrations[0].down_no_transaction);
    }

    #[test]
    fn new_folders_are_named_as_diesel_names_them() {
        assert_eq!(folder_name("20240102030405", "a_b"), "2024-01-02-030405_a_b");
        assert_eq!(folder_name("202401020304050000", "a"), "2024-01-02-030405-0000_a");
        assert_eq!(folder_name("3", "a"), "3_a");
    }
}
