//! Folders of plain files: native, sqlx, golang-migrate.
//!
//! `<digits>_<name>.sql`, with `.down.sql` beside it; sqlx and golang-migrate write
//! `.up.sql` where there is a down file.

use std::collections::HashMap;

use cofferdam_analysis::{Error, Result};

use super::listing::Listing;
use super::migration::{ForeignChecksum, Migration, only};
use super::version::{Key, Version};
use super::{Contents, Format, checksum};

/// sqlx runs a file that begins with these bytes outside of a transaction.
const SQLX_NO_TRANSACTION: &str = "-- no-transaction";

pub(super) fn owns_sqlx(listing: &Listing) -> bool {
    let marked = |file: &str| listing.head(file, SQLX_NO_TRANSACTION.len() as u64) == SQLX_NO_TRANSACTION;
    listing.sql().any(|file| file.ends_with(".up.sql")) || listing.sql().any(marked)
}

/// golang-migrate's own command counts in six digits; sqlx's writes times or four.
pub(super) fn owns_golang_migrate(listing: &Listing) -> bool {
    let ups = || listing.sql().filter(|file| file.ends_with(".up.sql"));
    let six = |file: &str| file.find('_') == Some(6) && file[..6].bytes().all(|b| b.is_ascii_digit());
    ups().next().is_some() && ups().all(six)
}

pub(super) fn owns_native(listing: &Listing) -> bool {
    listing.sql().any(|file| parse(file, Format::Native).is_some())
}

pub(super) fn read(listing: &Listing, format: Format) -> Result<Contents> {
    let mut contents = Contents::default();
    let mut downs = Vec::new();
    for file in listing.sql() {
        match parse(file, format) {
            Some(name) if name.down => downs.push((name, file)),
            Some(name) => contents.migrations.push(migration(listing, name, file, format)?),
            None => contents.notes.extend(strange(listing, file, format)?),
        }
    }
    let mut of_key: HashMap<Key, Vec<usize>> = HashMap::new();
    for (at, migration) in contents.migrations.iter().enumerate() {
        of_key.entry(migration.version.key().clone()).or_default().push(at);
    }
    for (name, file) in downs {
        let alike = of_key.get(name.version.key()).map(Vec::as_slice).unwrap_or_default();
        if !attach_down(listing, &mut contents.migrations, alike, &name, file, format)? {
            // Another file of its version finds it taken.
            of_key.entry(name.version.key().clone()).or_default().push(contents.migrations.len());
            contents.notes.push(format!(
                "{file} has no file that goes forward: {format} counts it as a migration without statements"
            ));
            contents.migrations.push(only_back(listing, name, file)?);
        }
    }
    contents.migrations.sort_by(|a, b| a.version.cmp(&b.version));
    Ok(contents)
}

/// A migration whose way forward is empty; golang-migrate has them.
fn only_back(listing: &Listing, name: FileName, file: &str) -> Result<Migration> {
    let text = listing.text(file)?;
    let mut migration = Migration::of_file(name.version, &name.name, listing.path(file), &text);
    migration.text = only(&text.text, 0..0).into();
    migration.down = Some(listing.down(file)?);
    Ok(migration)
}

fn migration(listing: &Listing, name: FileName, file: &str, format: Format) -> Result<Migration> {
    let text = listing.text(file)?;
    let mut migration = Migration::of_file(name.version, &name.name, listing.path(file), &text);
    if format == Format::Sqlx {
        migration.no_transaction = text.text.starts_with(SQLX_NO_TRANSACTION);
        migration.foreign = Some(ForeignChecksum {
            written: checksum::sqlx(&text.bytes),
            accepted: Vec::new(),
            other_line_ends: checksum::other_line_ends(&text.bytes).map(|bytes| checksum::sqlx(&bytes)),
        });
    }
    Ok(migration)
}

fn strange(listing: &Listing, file: &str, format: Format) -> Result<Option<String>> {
    match format {
        Format::Native => Err(Error::invalid(format!("{file} is no migration: its name has no version"))
            .hint(format!("name it like 0001_{file}, or move it out of {}", listing.root.display()))),
        _ => Ok(Some(format!("{file} has no version and is left alone, as {format} does"))),
    }
}

/// Gives a down file to its migration. `false`: that has none that goes forward, as
/// golang-migrate allows; to it the version alone makes a pair, and zeros do not count.
fn attach_down(
    listing: &Listing,
    migrations: &mut [Migration],
    alike: &[usize],
    name: &FileName,
    file: &str,
    format: Format,
) -> Result<bool> {
    let by_version = format == Format::GolangMigrate;
    let pairs = |m: &Migration| match by_version {
        true => m.version.key() == name.version.key(),
        false => m.version == name.version && m.name == name.name,
    };
    match alike.iter().find(|at| pairs(&migrations[**at])).map(|at| &mut migrations[*at]) {
        Some(migration) if migration.down.is_some() => {
            Err(Error::invalid(format!("{file} and another down file have the same version"))
                .hint("a migration has one way back"))
        }
        Some(migration) => {
            migration.down = Some(listing.down(file)?);
            Ok(true)
        }
        None if by_version => Ok(false),
        None => Err(Error::invalid(format!("{file} takes back a migration that is not there"))
            .hint("a down file has the version and the name of its migration")),
    }
}

/// A file name, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct FileName {
    version: Version,
    name: String,
    down: bool,
}

/// Takes a `.sql` file's name apart; `None` when it is no migration's.
fn parse(file: &str, format: Format) -> Option<FileName> {
    let stem = file.get(..file.len().checked_sub(".sql".len())?)?;
    let down = stem.ends_with(".down");
    let stem = match format {
        Format::Native => stem.strip_suffix(".down").unwrap_or(stem),
        Format::GolangMigrate => stem.strip_suffix(".down").or_else(|| stem.strip_suffix(".up"))?,
        _ => stem.strip_suffix(".down").or_else(|| stem.strip_suffix(".up")).unwrap_or(stem),
    };
    let (version, name) = stem.split_once('_')?;
    let version = Version::number(version)?;
    // Both tools keep versions as bigint: a longer number is no migration of theirs.
    let fits = format == Format::Native || *version.key() <= Key::Number(i64::MAX as u128);
    (fits && !name.is_empty()).then(|| FileName { version, name: name.to_owned(), down })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn native(file: &str) -> Option<(String, String, bool)> {
        parse(file, Format::Native).map(|n| (n.version.to_string(), n.name, n.down))
    }

    #[test]
    fn a_native_name_is_digits_underscore_name() {
        assert_eq!(native("0007_drop_legacy.sql"), Some(("0007".into(), "drop_legacy".into(), false)));
        assert_eq!(native("7_x.down.sql"), Some(("7".into(), "x".into(), true)));
        assert_eq!(native("1_a.b \u{1f600}.sql"), Some(("1".into(), "a.b \u{1f600}".into(), false)));
        for strange in ["x.sql", "_x.sql", "1.sql", "1_.sql", "V1__x.sql", "-1_x.sql", ".sql", "1x_y.sql"] {
            assert_eq!(native(strange), None, "{strange}");
        }
    }

    #[test]
    fn sqlx_names_may_say_up_and_must_fit_a_bigint() {
        let up = parse("20210425153745_init.up.sql", Format::Sqlx).map(|n| n.name);
        assert_eq!(up.as_deref(), Some("init"));
        assert!(parse("99999999999999999999_x.sql", Format::Sqlx).is_none());
    }

    #[test]
    fn golang_migrate_takes_only_pairs() {
        assert!(parse("000001_init.sql", Format::GolangMigrate).is_none());
        assert!(parse("000001_init.up.sql", Format::GolangMigrate).is_some_and(|n| !n.down));
        assert!(parse("000001_init.down.sql", Format::GolangMigrate).is_some_and(|n| n.down));
    }

    #[test]
    fn golang_migrate_pairs_by_version_and_may_have_only_a_way_back() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for (file, text) in [
            ("000001_create.up.sql", "select 1;"),
            ("1_drop.down.sql", "select 2;"),
            ("000002_gone.down.sql", "select 3;"),
        ] {
            std::fs::write(dir.path().join(file), text).expect("a file in it");
        }
        let read = super::super::Folder::read(dir.path(), Some(Format::GolangMigrate)).expect("a folder");
        let seen: Vec<_> = read.migrations.iter().map(|m| (m.title(), m.text.trim())).collect();
        assert_eq!(seen, [("000001_create".to_owned(), "select 1;"), ("000002_gone".to_owned(), "")]);
        assert!(read.migrations.iter().all(|m| m.down.is_some()) && read.notes.len() == 1);
    }
}
