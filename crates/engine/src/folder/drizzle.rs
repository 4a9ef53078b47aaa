//! Drizzle's folders, in both of its layouts. Sources: drizzle-kit 0.31 and 1.0 (release
//! candidate) run on such folders, their migrators read.
//!
//! Up to 0.x `meta/_journal.json` lists tags with a time; `<tag>.sql` is the file, and the
//! journal's order counts. From 1.0 on each migration is `<time>_<name>/migration.sql` and
//! the names' order counts. In both the text is cut at `--> statement-breakpoint` and the
//! pieces are sent one by one, so that the last statement of a piece needs no semicolon.
//! Drizzle has no way back: `<tag>.down.sql`, or `down.sql` in the folder, is ours.

use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, Result};
use serde::Deserialize;

use super::listing::{Listing, Text, is_sql};
use super::migration::{ForeignChecksum, Migration};
use super::{Contents, checksum, dialect, version};

const META: &str = "meta";
const JOURNAL: &str = "_journal.json";
const MIGRATION: &str = "migration.sql";
const SNAPSHOT: &str = "snapshot.json";
const DOWN: &str = "down.sql";
const BREAKPOINT: &str = "--> statement-breakpoint";

/// `meta/_journal.json`, or what matters of it.
#[derive(Deserialize)]
struct Journal {
    dialect: Option<String>,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// Milliseconds since 1970.
    when: i64,
    tag: String,
}

/// `snapshot.json`, or what matters of it.
#[derive(Deserialize)]
struct Snapshot {
    dialect: Option<String>,
}

pub(super) fn owns(listing: &Listing) -> bool {
    has_journal(listing)
        || listing.folders.iter().any(|(_, files)| holds(files, MIGRATION) && holds(files, SNAPSHOT))
}

/// Whether a migration of Drizzle's is of the layout of 1.0.
pub(super) fn has_folder(migration: &Migration) -> bool {
    migration.path.ends_with(MIGRATION)
}

fn has_journal(listing: &Listing) -> bool {
    listing.folders.iter().any(|(folder, files)| folder == META && holds(files, JOURNAL))
}

fn holds(files: &[String], name: &str) -> bool {
    files.iter().any(|file| file == name)
}

pub(super) fn read(listing: &Listing) -> Result<Contents> {
    let mut contents = match has_journal(listing) {
        true if listing.has_in_folders(MIGRATION) => return Err(both_layouts(listing)),
        true => of_journal(listing)?,
        false => of_folders(listing)?,
    };
    version::tell_apart(&mut contents.migrations);
    Ok(contents)
}

fn of_journal(listing: &Listing) -> Result<Contents> {
    let book = format!("{META}/{JOURNAL}");
    let path = listing.path(&book);
    let journal: Journal = serde_json::from_str(&listing.text(&book)?.text).map_err(|e| {
        Error::invalid(format!("{} is not a journal of drizzle: {e}", path.display()))
            .hint("a merge may have left its marks in it: put it right, or bring it back from git")
    })?;
    let dialect = journal.dialect.map(|name| dialect::named(&name, &path)).transpose()?;
    let mut contents = Contents { dialect, ..Contents::default() };
    for entry in journal.entries {
        if contents.migrations.iter().any(|earlier| earlier.tag == entry.tag) {
            return Err(Error::invalid(format!("{} names {} twice", path.display(), entry.tag))
                .hint("take one of the two entries out"));
        }
        let file = format!("{}.sql", entry.tag);
        if !holds(&listing.files, &file) {
            return Err(Error::invalid(format!(
                "{} names {}, and {} is not there",
                path.display(),
                entry.tag,
                listing.path(&file).display()
            ))
            .hint("bring the file back (git log shows it), or take its entry out of the journal"));
        }
        let mut migration = migration(listing, &entry.tag, &file)?;
        migration.stamp = Some(entry.when);
        contents.migrations.push(migration);
    }
    attach_downs(listing, &mut contents, "is not in the journal and is left alone, as drizzle does")?;
    Ok(contents)
}

fn of_folders(listing: &Listing) -> Result<Contents> {
    let mut contents = Contents::default();
    for (folder, files) in &listing.folders {
        if !holds(files, MIGRATION) {
            contents.notes.push(format!("{folder} has no {MIGRATION} and is left alone, as drizzle does"));
            continue;
        }
        let strange = files.iter().filter(|file| is_sql(file) && *file != MIGRATION && *file != DOWN);
        contents.notes.extend(strange.map(|file| format!("{folder}/{file} is left alone, as drizzle does")));
        let mut migration = migration(listing, folder, &format!("{folder}/{MIGRATION}"))?;
        migration.stamp = stamp(folder);
        migration.down = holds(files, DOWN).then(|| listing.down(&format!("{folder}/{DOWN}"))).transpose()?;
        contents.migrations.push(migration);
    }
    attach_downs(listing, &mut contents, "is left alone, as drizzle does")?;
    contents.dialect = newest_dialect(listing)?;
    Ok(contents)
}

fn migration(listing: &Listing, tag: &str, file: &str) -> Result<Migration> {
    let text = listing.text(file)?;
    let mut migration = Migration::of_file(version::of_name(tag, ""), "", listing.path(file), &text);
    tag.clone_into(&mut migration.tag);
    migration.text = separated(&text.text).into();
    migration.foreign = Some(foreign_checksum(&text));
    Ok(migration)
}

/// SHA-256 of the bytes. Drizzle writes it and never looks at it again, so a file whose
/// line ends an editor or git has changed is the same one: SQL does not count them either.
fn foreign_checksum(text: &Text) -> ForeignChecksum {
    let other = checksum::other_line_ends(&text.bytes);
    ForeignChecksum {
        written: checksum::sha256(&text.bytes),
        accepted: other.iter().map(|bytes| checksum::sha256(bytes)).collect(),
        other_line_ends: None,
    }
}

/// Down files beside the migrations; every other `.sql` file that is no migration is noted.
fn attach_downs(listing: &Listing, contents: &mut Contents, fate: &str) -> Result<()> {
    for file in listing.sql() {
        let stem = &file[..file.len() - ".sql".len()];
        if contents.migrations.iter().any(|m| m.tag == stem) {
            continue;
        }
        let tag = stem.strip_suffix(".down");
        match contents.migrations.iter_mut().find(|m| tag == Some(&m.tag)) {
            Some(migration) => migration.down = Some(listing.down(file)?),
            None => contents.notes.push(format!("{file} {fate}")),
        }
    }
    Ok(())
}

/// What the newest snapshot is of; one that cannot be read is drizzle's own matter.
fn newest_dialect(listing: &Listing) -> Result<Option<Dialect>> {
    let newest =
        listing.folders.iter().rev().find(|(_, files)| holds(files, MIGRATION) && holds(files, SNAPSHOT));
    let Some((folder, _)) = newest else { return Ok(None) };
    let file = format!("{folder}/{SNAPSHOT}");
    let path = listing.path(&file);
    let snapshot =
        listing.text(&file).ok().and_then(|text| serde_json::from_str::<Snapshot>(&text.text).ok());
    snapshot.and_then(|snapshot| snapshot.dialect).map(|name| dialect::named(&name, &path)).transpose()
}

/// The text with a semicolon in the place of a breakpoint where a statement ends without
/// one. No byte moves, so that places still count from the file's start.
fn separated(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, mark) in text.match_indices(BREAKPOINT) {
        let piece = &text[from..at];
        out.push_str(piece);
        match ends_open(piece) {
            true => {
                out.push_str(";--");
                out.push_str(&mark[3..]);
            }
            false => out.push_str(mark),
        }
        from = at + mark.len();
    }
    out.push_str(&text[from..]);
    out
}

/// Whether the last line with more than a comment does not end with a semicolon.
fn ends_open(piece: &str) -> bool {
    let lines = piece.lines().rev().map(str::trim);
    let last = lines.into_iter().find(|line| !line.is_empty() && !line.starts_with("--"));
    last.is_some_and(|line| !line.ends_with(';'))
}

/// The time that a folder's name begins with, in milliseconds since 1970; the calendar is
/// the proleptic Gregorian one (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `days_from_civil`).
fn stamp(folder: &str) -> Option<i64> {
    let digits = folder.get(..14).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    let number = |from: usize, to: usize| digits[from..to].parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    if !(1..=12).contains(&month) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let days =
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    let seconds = (number(8, 10)? * 60 + number(10, 12)?) * 60 + number(12, 14)?;
    Some((days * 86_400 + seconds) * 1_000)
}

fn both_layouts(listing: &Listing) -> Error {
    Error::invalid(format!(
        "{} has drizzle's journal and folders with {MIGRATION}: it is of two layouts",
        listing.root.display()
    ))
    .hint("npx drizzle-kit up turns the journal's files into folders; or take out those that do not belong here")
}

#[cfg(test)]
mod tests;
