//! Prisma's folders: `<time>_<name>/migration.sql`, beside a `migration_lock.toml` that
//! names the database. Sources: Prisma 6 run on such folders, its schema engine read.
//!
//! Every directory counts, also one without a time; the order is that of the names' bytes.
//! A directory without its file stops Prisma, and us. Prisma has no way back: a `down.sql`
//! beside the migration is ours, and Prisma does not look at it.

use cofferdam_analysis::{Error, Result};

use super::listing::{Listing, is_sql};
use super::migration::{ForeignChecksum, Migration};
use super::{Contents, checksum, dialect, version};

const MIGRATION: &str = "migration.sql";
const DOWN: &str = "down.sql";
const LOCK: &str = "migration_lock.toml";

/// Drizzle 1.0 has a snapshot beside the same file name.
pub(super) fn owns(listing: &Listing) -> bool {
    let lock = listing.files.iter().any(|file| file == LOCK);
    lock || (listing.has_in_folders(MIGRATION) && !listing.has_in_folders("snapshot.json"))
}

pub(super) fn read(listing: &Listing) -> Result<Contents> {
    let left_alone = |file: &str| format!("{file} is left alone, as prisma does");
    let mut contents = Contents { dialect: dialect_of(listing)?, ..Contents::default() };
    contents.notes.extend(listing.sql().map(left_alone));
    for (directory, files) in &listing.folders {
        if !files.iter().any(|file| file == MIGRATION) {
            return Err(without_file(listing, directory));
        }
        let strange = files.iter().filter(|file| is_sql(file) && *file != MIGRATION && *file != DOWN);
        contents.notes.extend(strange.map(|file| left_alone(&format!("{directory}/{file}"))));
        contents.migrations.push(migration(listing, directory, files)?);
    }
    version::tell_apart(&mut contents.migrations);
    Ok(contents)
}

fn migration(listing: &Listing, directory: &str, files: &[String]) -> Result<Migration> {
    let file = format!("{directory}/{MIGRATION}");
    let text = listing.text(&file)?;
    let mut migration = Migration::of_file(version::of_name(directory, ""), "", listing.path(&file), &text);
    directory.clone_into(&mut migration.tag);
    migration.foreign = Some(foreign_checksum(&text.bytes));
    let down = files.iter().any(|file| file == DOWN);
    migration.down = down.then(|| listing.down(&format!("{directory}/{DOWN}"))).transpose()?;
    Ok(migration)
}

/// SHA-256 of the bytes. Prisma also accepts it for the file with its line ends changed
/// either way (a file with `\r\n` then gets `\r\r\n`), and as older versions wrote it:
/// each byte without a zero in front.
fn foreign_checksum(bytes: &[u8]) -> ForeignChecksum {
    let unix = checksum::replaced(bytes, b"\r\n", b"\n");
    let windows = checksum::replaced(bytes, b"\n", b"\r\n");
    let variants = [bytes, &unix, &windows];
    let mut accepted: Vec<String> = variants[1..].iter().map(|bytes| checksum::sha256(bytes)).collect();
    accepted.extend(variants.iter().map(|bytes| checksum::sha256_unpadded(bytes)));
    ForeignChecksum { written: checksum::sha256(bytes), accepted, other_line_ends: None }
}

fn dialect_of(listing: &Listing) -> Result<Option<cofferdam_analysis::sql::Dialect>> {
    if !listing.files.iter().any(|file| file == LOCK) {
        return Ok(None);
    }
    let path = listing.path(LOCK);
    let text = listing.text(LOCK)?.text;
    let provider = text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        let value = value.split('#').next().unwrap_or_default();
        (key.trim() == "provider").then(|| value.trim().trim_matches(['"', '\'']))
    });
    provider.map(|provider| dialect::named(provider, &path)).transpose()
}

fn without_file(listing: &Listing, directory: &str) -> Error {
    Error::invalid(format!("{} is not there", listing.path(directory).join(MIGRATION).display())).hint(
        "every directory here is a migration: bring its file back (git log shows it), \
         or remove the directory if git left it behind empty",
    )
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn the_order_is_that_of_the_names_bytes_and_the_name_is_the_identity() {
        let folder = folder(&[
            ("migration_lock.toml", "# by Prisma\nprovider = \"postgresql\"\n"),
            ("not_ts/migration.sql", "select 4;"),
            ("20240102000000_posts/migration.sql", "select 2;"),
            ("20240102000000_posts/down.sql", "select -2;"),
            ("0_init/migration.sql", "select 1;"),
            ("README.md", "words"),
        ])
        .expect("a folder");
        assert_eq!(folder.format, Format::Prisma);
        assert_eq!(folder.dialect, Some(cofferdam_analysis::sql::Dialect::Postgres));
        let told: Vec<_> = folder
            .migrations
            .iter()
            .map(|m| (m.tag.as_str(), m.version.as_str(), m.name.as_str(), m.down.is_some()))
            .collect();
        assert_eq!(
            told,
            [
                ("0_init", "0", "init", false),
                ("20240102000000_posts", "20240102000000", "posts", true),
                ("not_ts", "not_ts", "", false),
            ]
        );
        for migration in &folder.migrations {
            let again = Format::Prisma.version(migration.version.as_str(), &migration.name);
            assert_eq!(again.map(|v| v.key().clone()), Some(Key::Text(migration.tag.clone())));
            assert_eq!(folder.find(&migration.tag).map(|m| &m.tag), Some(&migration.tag));
        }
        assert!(folder.find("20240102000000").is_some());
    }

    #[test]
    fn directories_of_one_time_are_told_apart_and_a_ledger_row_of_before_is_still_found() {
        let folder = folder(&[
            ("20240101000000_a/migration.sql", ""),
            ("20240101000000_b/migration.sql", ""),
            ("20240102000000_c/migration.sql", ""),
        ])
        .expect("a folder");
        let versions: Vec<_> = folder.migrations.iter().map(|m| m.version.as_str()).collect();
        assert_eq!(versions, ["20240101000000_a", "20240101000000_b", "20240102000000"]);
        // Recorded when `b` was not there yet.
        let before = Format::Prisma.version("20240101000000", "a").expect("a version");
        assert_eq!(folder.with_key(before.key()).map(|m| m.tag.as_str()), Some("20240101000000_a"));
    }

    #[test]
    fn a_directory_without_its_file_and_a_foreign_database_are_named() {
        let empty = folder(&[("1_a/migration.sql", ""), ("2_b/notes.txt", "")]).expect_err("refused");
        assert!(empty.message().ends_with("2_b/migration.sql is not there"), "{empty}");
        let mysql = folder(&[("migration_lock.toml", "provider = \"mysql\"")]).expect_err("refused");
        assert!(mysql.message().contains("is for mysql"), "{mysql}");
    }

    #[test]
    fn sql_files_that_prisma_does_not_know_are_named() {
        let folder = folder(&[("1_a/migration.sql", ""), ("1_a/old.sql", ""), ("seed.sql", "")]);
        let notes = folder.expect("a folder").notes.join("\n");
        assert!(notes.contains("seed.sql is left alone") && notes.contains("1_a/old.sql is left"), "{notes}");
    }

    #[test]
    fn checksums_are_those_that_prisma_wrote() {
        // Both rows were written by Prisma 6.19.
        let windows = foreign_checksum(b"create table crlf(id int);\r\n");
        let kept = "23aa68063905302d7caa0ad72c3355d30bc6642eb251cb6c81a4d84891ba5e49";
        assert_eq!(windows.written, kept);
        assert!(foreign_checksum(b"create table crlf(id int);\n").accepts(kept));
        assert!(windows.accepts(&checksum::sha256(b"create table crlf(id int);\n")));
        assert!(windows.accepts(&checksum::sha256(b"create table crlf(id int);\r\r\n")));
        assert!(!windows.accepts(&checksum::sha256(b"create table crlf(id  int);\r\n")));
        // Without zeros in front, as older versions wrote it.
        assert!(windows.accepts("23aa686395302d7caaad72c3355d3bc6642eb251cb6c81a4d84891ba5e49"));
    }
}
