//! Flyway's folders: `V1.2__name.sql`, `R__name.sql`, `U1.2__name.sql`, `B1.2__name.sql`.
//!
//! A location is read with its folders. Versions are numbers between dots or single
//! underscores. What starts with `R` runs again whenever it changed, what starts with `U`
//! takes back the `V` file of its version. A `B` file stands for all versions up to its own
//! and counts where their files are gone. Source: flyway/flyway (ResourceNameParser,
//! MigrationVersion, ChecksumCalculator, PlaceholderReplacingReader).

use std::collections::HashMap;

use cofferdam_analysis::{Error, Result};

use super::listing::{Listing, Text, is_sql};
use super::migration::{Down, ForeignChecksum, Migration, OnlyByTool};
use super::placeholders::{Placeholders, Replacing};
use super::version::{Key, Version};
use super::{Checksum, Contents};

/// What its versions are called in our ledger where they have no number.
const REPEATABLE: &str = "R__";

pub(super) fn owns(listing: &Listing) -> bool {
    let files = listing.below().unwrap_or_default();
    let ours = files.iter().filter(|file| matches!(parse(last(file)), Named::Migration(_))).count();
    ours > 0 && !outnumbered(ours, &files) && !super::refinery::shows_itself(listing, &files)
}

/// Whether most files begin with a number: a stray one among them does not make the folder
/// that of another tool.
pub(super) fn outnumbered(ours: usize, files: &[String]) -> bool {
    let numbered = |file: &&String| is_sql(file) && last(file).starts_with(|c: char| c.is_ascii_digit());
    files.iter().filter(numbered).count() > ours
}

/// Whether a file of this name can only be Flyway's, never refinery's.
pub(super) fn only_here(file: &str) -> bool {
    match parse(last(file)) {
        Named::Migration(name) => match name.kind {
            Kind::Repeatable | Kind::Baseline => true,
            Kind::Versioned | Kind::Undo => {
                matches!(name.version.key(), Key::Dotted(parts) if parts.len() > 1)
            }
        },
        Named::Callback => true,
        Named::Nothing | Named::TooLong => false,
    }
}

pub(super) fn version(text: &str) -> Option<Version> {
    match text.strip_prefix(REPEATABLE) {
        Some(name) => Some(repeatable(name)),
        None => Version::dotted(&text.replace('_', ".")),
    }
}

fn repeatable(name: &str) -> Version {
    Version::new(format!("{REPEATABLE}{}", name.replace(' ', "_")), Key::Repeatable(description(name)))
}

/// As Flyway's ledger has it.
pub(crate) fn description(name: &str) -> String {
    name.replace('_', " ")
}

/// Whether this is a file that stands for all versions up to its own.
pub(crate) fn is_baseline(migration: &Migration) -> bool {
    last(&migration.tag).starts_with('B')
}

pub(super) fn read(listing: &Listing, placeholders: &Placeholders) -> Result<Contents> {
    let mut replacing = Replacing::by(placeholders)?;
    let mut contents = Contents::default();
    let (mut undos, mut baselines) = (Vec::new(), Vec::new());
    for file in listing.below()? {
        match parse(last(&file)) {
            Named::Migration(name) => {
                let Some(migration) = migration(listing, &file, &name, &mut replacing, &mut contents.notes)?
                else {
                    continue;
                };
                match name.kind {
                    Kind::Versioned | Kind::Repeatable => contents.migrations.push(migration),
                    Kind::Undo => undos.push(migration),
                    Kind::Baseline => baselines.push(migration),
                }
            }
            Named::Callback => contents.notes.push(format!("{file} is a callback of Flyway and is not run")),
            Named::TooLong => return Err(Error::invalid(format!("{file} has a number that is too long"))),
            Named::Nothing if is_sql(&file) => {
                contents.notes.push(format!("{file} has no version and is left alone, as flyway does"));
            }
            Named::Nothing if is_program(&file) => {
                contents.notes.push(format!("{file} is a program: only Flyway can run it"));
                contents.migrations.extend(program(listing, &file));
            }
            Named::Nothing => {}
        }
    }
    add_baseline(baselines, &mut contents);
    contents.migrations.sort_by(|a, b| a.version.cmp(&b.version));
    add_undos(undos, &mut contents);
    replacing.refuse_missing()?;
    Ok(contents)
}

/// The file as a migration; `None` when its own settings say that it does not run.
fn migration(
    listing: &Listing,
    file: &str,
    name: &Name,
    replacing: &mut Replacing<'_>,
    notes: &mut Vec<String>,
) -> Result<Option<Migration>> {
    let settings = Settings::of(listing, file)?;
    if !settings.runs {
        notes.push(format!("{file} is left alone: {file}.conf says shouldExecute=false"));
        return Ok(None);
    }
    let mut text = listing.text(file)?;
    let raw = checksum(&text.text);
    let mut migration = Migration::of_file(name.version.clone(), &name.name, listing.path(file), &text);
    if settings.placeholders {
        let place = migration.path.display().to_string();
        text.text = replacing.replace(&text.text, &place, last(file)).into();
    }
    let replaced = checksum(&text.text);
    // What runs again when it changed has also changed when a value in it has.
    migration.foreign = Some(match name.kind {
        Kind::Repeatable if raw != replaced => {
            migration.checksum = Checksum::of_text(&text.text);
            ForeignChecksum { written: replaced, accepted: vec![raw], other_line_ends: None }
        }
        _ => ForeignChecksum { written: raw, ..ForeignChecksum::default() },
    });
    migration.text = text.text;
    migration.tag = file.to_owned();
    migration.no_transaction = !settings.transaction;
    Ok(Some(migration))
}

/// A version that is a program: `V5__Import.java`.
fn program(listing: &Listing, file: &str) -> Option<Migration> {
    let (stem, _) = last(file).rsplit_once('.')?;
    match parse(&format!("{stem}.sql")) {
        Named::Migration(name) if name.kind == Kind::Versioned => {
            let text = Text::default();
            let mut program = Migration::of_file(name.version, &name.name, listing.path(file), &text);
            program.tag = file.to_owned();
            program.only_by_tool = Some(OnlyByTool::Program);
            Some(program)
        }
        Named::Migration(_) | Named::Callback | Named::TooLong | Named::Nothing => None,
    }
}

/// The newest baseline stands for the versions before it if none of their files is here;
/// with them, running those comes to the same.
fn add_baseline(mut baselines: Vec<Migration>, contents: &mut Contents) {
    baselines.sort_by(|a, b| a.version.cmp(&b.version));
    let newest = baselines.pop();
    let alone = |migration: &Migration, why: &str| format!("{} is left alone: {why}", migration.file_name());
    for older in &baselines {
        contents.notes.push(alone(older, "a newer baseline is here"));
    }
    let Some(newest) = newest else { return };
    if contents.migrations.iter().any(|m| m.version <= newest.version) {
        contents.notes.push(alone(&newest, "the files that it stands for are here"));
    } else {
        contents.migrations.push(newest);
    }
}

fn add_undos(undos: Vec<Migration>, contents: &mut Contents) {
    let positions = contents.migrations.iter().enumerate();
    let at: HashMap<Key, usize> = positions.rev().map(|(at, m)| (m.version.key().clone(), at)).collect();
    for undo in undos {
        match at.get(undo.version.key()).map(|at| &mut contents.migrations[*at]) {
            Some(migration) => {
                migration.down = Some(Down::Known { path: undo.path, text: undo.text });
                migration.down_no_transaction = undo.no_transaction;
            }
            None => contents.notes.push(format!(
                "{} takes back a version that is not here, and is left alone",
                undo.file_name()
            )),
        }
    }
}

/// What `V1__name.sql.conf` says of `V1__name.sql`.
struct Settings {
    runs: bool,
    transaction: bool,
    placeholders: bool,
}

impl Settings {
    fn of(listing: &Listing, file: &str) -> Result<Settings> {
        let mut settings = Settings { runs: true, transaction: true, placeholders: true };
        let conf = format!("{file}.conf");
        if !listing.has(&conf) {
            return Ok(settings);
        }
        for line in listing.text(&conf)?.text.lines() {
            let Some((key, value)) = line.split_once('=') else { continue };
            let (key, value) = (key.trim(), value.trim());
            let flag = || match value {
                _ if value.eq_ignore_ascii_case("true") => Ok(true),
                _ if value.eq_ignore_ascii_case("false") => Ok(false),
                _ => Err(Error::invalid(format!("{file}.conf: {key}={value} is neither true nor false"))
                    .hint("only Flyway itself can weigh a condition: write what it comes to")),
            };
            match key {
                "shouldExecute" => settings.runs = flag()?,
                "executeInTransaction" => settings.transaction = flag()?,
                "placeholderReplacement" => settings.placeholders = flag()?,
                "encoding" if !matches!(value.to_uppercase().as_str(), "UTF-8" | "UTF8" | "US-ASCII") => {
                    return Err(Error::invalid(format!(
                        "{file}.conf: the encoding {value} is not read here"
                    ))
                    .hint(
                        "save the file as UTF-8 and take the line out (Flyway's checksum stays the same)",
                    ));
                }
                _ => {}
            }
        }
        Ok(settings)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Versioned,
    Repeatable,
    Undo,
    Baseline,
}

/// A file name, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Name {
    kind: Kind,
    version: Version,
    name: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Named {
    Migration(Name),
    Callback,
    /// A version whose number does not fit.
    TooLong,
    Nothing,
}

fn parse(file: &str) -> Named {
    let stem = match file.len().checked_sub(".sql".len()) {
        Some(end) if is_sql(file) && file.is_char_boundary(end) => &file[..end],
        _ => return Named::Nothing,
    };
    if ["before", "after", "createSchema"].iter().any(|event| stem.starts_with(event)) {
        return Named::Callback;
    }
    let kind = match stem.as_bytes().first() {
        Some(b'V') => Kind::Versioned,
        Some(b'R') => Kind::Repeatable,
        Some(b'U') => Kind::Undo,
        Some(b'B') => Kind::Baseline,
        _ => return Named::Nothing,
    };
    let (number, name) = stem[1..].split_once("__").unwrap_or((&stem[1..], ""));
    let version = match kind {
        Kind::Repeatable if number.is_empty() && !name.is_empty() => repeatable(name),
        Kind::Repeatable => return Named::Nothing,
        Kind::Versioned | Kind::Undo | Kind::Baseline => {
            let dotted = number.replace('_', ".");
            let is_version =
                dotted.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
            match Version::dotted(&dotted) {
                Some(version) => version,
                None if is_version => return Named::TooLong,
                None => return Named::Nothing,
            }
        }
    };
    Named::Migration(Name { kind, version, name: name.to_owned() })
}

fn is_program(file: &str) -> bool {
    [".java", ".kt", ".groovy", ".scala"].iter().any(|end| file.ends_with(end))
}

/// The name of the file in a path below the folder.
fn last(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

/// Flyway's checksum: CRC-32 of all lines without their ends, as a signed number.
///
/// Its reader ends lines at `\n`, `\r\n` and `\r` alone, so neither byte ever counts.
fn checksum(text: &str) -> String {
    let bytes = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r'));
    let crc = !bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    });
    crc.cast_signed().to_string()
}

#[cfg(test)]
#[path = "flyway/tests.rs"]
mod tests;
