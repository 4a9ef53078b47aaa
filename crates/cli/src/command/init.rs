//! `cofferdam init`: looks at the project and writes cofferdam.toml, nothing else.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use cofferdam::db::Target;
use cofferdam::folder::{Folder, Format};
use cofferdam_analysis::Error;
use serde::Serialize;

use crate::config;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::text::{self, Style};
use crate::target;

/// Look at this project and write cofferdam.toml
///
/// Finds the migrations folder and its format, and takes the files that are there as
/// history: `check` judges what comes after them. Nothing but cofferdam.toml is written,
/// and no database is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    wrote: String,
    dir: Option<PathBuf>,
    format: Option<Format>,
    files: usize,
    since: Option<String>,
    notes: Vec<String>,
    next: Vec<&'static str>,
}

pub(crate) fn run(context: &Context, _: Args) -> Result<Exit> {
    let file = context.config_path().unwrap_or(Path::new(config::FILE_NAME));
    if context.config.path.is_some() {
        return Err(exists(file).into());
    }
    let mut report = look(context, file)?;
    let url = written_url(context, &mut report.notes)?;
    write_new(file, &content(&report, url.as_deref()))?;
    context.output.result(true, &report, || human(&report, context.output.style()));
    Ok(Exit::Done)
}

/// What the project holds.
fn look(context: &Context, file: &Path) -> Result<Report> {
    let mut report = Report {
        wrote: file.display().to_string(),
        dir: context.folder_path()?,
        format: None,
        files: 0,
        since: None,
        notes: Vec::new(),
        next: Vec::new(),
    };
    match report.dir.as_deref().map(|dir| Folder::read(dir, None)) {
        Some(Ok(folder)) => {
            report.files = folder.migrations.len();
            report.format = (report.files > 0).then_some(folder.format);
            report.since = folder.migrations.last().map(|newest| newest.version.to_string());
            report.notes = folder.notes;
        }
        // Files of another tool are no reason to have no configuration.
        Some(Err(error)) => report.notes.push(format!("the folder is not understood: {error}")),
        None => report.notes.push("no migrations folder was found".to_owned()),
    }
    report.next = match report.files {
        0 => vec!["cofferdam new NAME", "cofferdam migrate"],
        _ => vec!["cofferdam status", "cofferdam check"],
    };
    Ok(report)
}

/// The URL as the file may hold it: only what was asked for, and never with a password.
fn written_url(context: &Context, notes: &mut Vec<String>) -> Result<Option<String>> {
    let Some(url) = context.global.database_url.as_deref() else { return Ok(None) };
    let chosen = context.needed_database()?;
    if let Some(other) = target::other_of_variable(&chosen.target, &context.environment) {
        notes.push(format!(
            "the variable DATABASE_URL is set to {other}, and wins over cofferdam.toml until it is unset"
        ));
    }
    Ok(match chosen.target {
        _ if url.starts_with("env:") => Some(url.to_owned()),
        Target::Sqlite(_) => Some(url.to_owned()),
        Target::Postgres(_) => {
            notes.push(
                "the database URL is not written down: put it into the variable DATABASE_URL".to_owned(),
            );
            None
        }
    })
}

fn content(report: &Report, url: Option<&str>) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let mut text =
        "# Cofferdam's settings for this project; docs/configuration.md has all of them.\n".to_owned();
    match url {
        Some(url) => {
            text += "# A password never stands here: env:NAME takes the URL from a variable.\n";
            _ = writeln!(text, "database_url = {}", quoted(url));
        }
        None => text += "# The database is that of --database-url or of the variable DATABASE_URL.\n",
    }
    if let Some(dir) = &report.dir {
        _ = write!(text, "\n[migrations]\ndir = {}\n", quoted(&dir.display().to_string()));
        // Files that may be anybody's are read as the native format's. Written down, that
        // guess would overrule the ledger of the tool whose they are.
        if let Some(format) = report.format.filter(|format| *format != Format::Native) {
            _ = writeln!(text, "format = {}", quoted(format.as_str()));
        }
    }
    if let Some(since) = &report.since {
        text += "\n[check]\n# Files up to this version are history: read, but not judged.\n";
        _ = writeln!(text, "since = {}", quoted(since));
    }
    text
}

fn exists(path: &Path) -> Error {
    Error::refused(format!("{} exists already", path.display()))
        .hint("change it by hand, or move it away and run `cofferdam init` again")
}

fn write_new(path: &Path, text: &str) -> Result<(), Error> {
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => Error::invalid(format!("cannot write {}: {error}", path.display())),
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(cannot)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(cannot)
}

fn human(report: &Report, style: Style) -> String {
    let mut out = format!("wrote {}\n", report.wrote);
    if let Some(dir) = &report.dir {
        let what = match report.format {
            Some(format) => format!("{}, format {}", text::count(report.files, "migration"), format.as_str()),
            None => "no migrations yet".to_owned(),
        };
        _ = writeln!(out, "found {}: {what}", dir.display());
    }
    for note in &report.notes {
        out += &text::labelled("note", note, style);
    }
    out += "next:\n";
    for next in &report.next {
        _ = writeln!(out, "  {next}");
    }
    out
}
