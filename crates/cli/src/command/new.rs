//! `cofferdam new`: the next file of the folder.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use cofferdam::folder::{Folder, Format};
use cofferdam_analysis::Error;
use serde::Serialize;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::text;
use crate::places;
use crate::time;

/// Make the next migration file
///
/// The file gets the number after the newest one, or the present time where the folder
/// counts by time, in the folder's own format. Without a folder, ./migrations is made.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What the migration does: add_note_status
    name: String,
}

#[derive(Serialize)]
struct Report {
    migration: Migration,
    files: Vec<String>,
}

#[derive(Serialize)]
struct Migration {
    version: String,
    name: String,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<Exit> {
    let name = slug(&args.name)?;
    let path = context.folder_path()?.unwrap_or_else(|| places::DEFAULT.into());
    let folder = if path.exists() { Some(Folder::read(&path, context.format())?) } else { None };
    let format = folder.as_ref().map(|folder| folder.format).or(context.format()).unwrap_or(Format::Native);
    let version = next_version(folder.as_ref(), format, time::now())?;
    let with_down = folder.as_ref().is_some_and(Folder::writes_down_files);
    let mut files = Vec::new();
    for (file, content) in format.new_files(&version, &name, with_down)? {
        let file = path.join(file);
        let parent = file.parent().unwrap_or(&path);
        std::fs::create_dir_all(parent).map_err(|error| {
            Error::invalid(format!("cannot make the folder {}: {error}", parent.display()))
        })?;
        make(&file, content)?;
        files.push(file.display().to_string());
    }
    let report = Report { migration: Migration { version, name }, files };
    context.output.result(true, &report, || human(&report));
    Ok(Exit::Done)
}

/// Which file to fill: `migrate` records one without statements as applied.
fn human(report: &Report) -> String {
    let lines: Vec<String> = match report.files.as_slice() {
        [up, down] => vec![
            format!("write the SQL into {up}"),
            format!("and what takes it back into {down}"),
            "then: cofferdam check".to_owned(),
        ],
        files => vec![format!("write the SQL into {}", files.join(", ")), "then: cofferdam check".to_owned()],
    };
    lines.iter().map(|line| format!("{}\n", text::printable(line))).collect()
}

/// The name as it stands in a file name.
fn slug(name: &str) -> Result<String, Error> {
    let words: Vec<&str> =
        name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let slug = words.join("_").to_lowercase();
    // File systems stop at 255 bytes; version and endings need some of them.
    match slug.len() {
        0 => Err(Error::invalid("the name has no letter or digit")
            .hint("say what the migration does: add_note_status")),
        1..=200 => Ok(slug),
        _ => Err(Error::invalid("the name is too long for a file name").hint("keep it below 200 bytes")),
    }
}

/// The version after the newest, in the newest one's manner. `now` is `YYYYMMDDhhmmss`.
fn next_version(folder: Option<&Folder>, format: Format, now: u128) -> Result<String, Error> {
    let newest = folder.and_then(|folder| folder.migrations.last()).map(|newest| newest.version.as_str());
    let Some(newest) = newest else {
        return Ok(format.first_version(now));
    };
    let next = newest
        .parse::<u128>()
        .ok()
        .and_then(|number| number.checked_add(1))
        .ok_or_else(|| Error::invalid(format!("no version comes after {newest}")))?;
    // A clock behind the newest file must not put the new one before it.
    let next = if is_time(newest) { next.max(now) } else { next };
    Ok(format!("{next:0width$}", width = newest.len()))
}

/// Whether a version is a time to the second, as most tools write it.
fn is_time(version: &str) -> bool {
    version.len() == 14 && (version.starts_with("19") || version.starts_with("20"))
}

/// A file that was not there.
fn make(path: &Path, content: &str) -> Result<(), Error> {
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Error::refused(format!("{} exists already", path.display())),
        _ => Error::invalid(format!("cannot write {}: {error}", path.display())),
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(cannot)?;
    file.write_all(content.as_bytes()).map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_file_names() {
        assert_eq!(slug("Add note-status!").ok().as_deref(), Some("add_note_status"));
        assert_eq!(slug("größe").ok().as_deref(), Some("größe"));
        assert_eq!(slug("../../etc/passwd").ok().as_deref(), Some("etc_passwd"));
        assert!(slug("--").is_err() && slug(&"x".repeat(300)).is_err());
    }

    #[test]
    fn the_next_version_is_written_like_the_newest() {
        let next = |files: &[&str]| {
            let folder = tempfile::tempdir().expect("a directory");
            for file in files {
                std::fs::write(folder.path().join(file), "").expect("a file");
            }
            let read = Folder::read(folder.path(), Some(Format::Native)).expect("a folder");
            next_version(Some(&read), Format::Native, 20_261_120_090_000).expect("a version")
        };
        assert_eq!(next(&[]), "0001");
        assert_eq!(next(&["0009_a.sql"]), "0010");
        assert_eq!(next(&["9_a.sql", "10_b.sql"]), "11");
        assert_eq!(next(&["99_a.sql"]), "100");
        assert_eq!(next(&["20200101000000_a.sql"]), "20261120090000");
        assert_eq!(next(&["20990101000000_a.sql"]), "20990101000001");
        assert!(next_version(None, Format::Sqlx, 20_261_120_090_000).is_ok_and(|v| v == "20261120090000"));
    }
}
