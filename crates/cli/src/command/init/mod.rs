//! `cofferdam init`: looks at the project and writes cofferdam.toml, nothing else.

mod content;
mod look;
mod seen;

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use cofferdam::db::Target;
use cofferdam::folder::Format;
use cofferdam_analysis::Error;
use serde::Serialize;

use crate::config;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::text::{self, Style};
use crate::project_files::Tool;
use crate::target;

/// Look at this project and write cofferdam.toml
///
/// Finds the migrations folder and its format, the tool whose it is, and what names the
/// database. What is applied there is history, and `check` judges what comes after it; where
/// no database answers, the files that are there are history. A database that is named is
/// asked for other tools' ledgers. Nothing but cofferdam.toml is written.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Report {
    wrote: String,
    dir: Option<PathBuf>,
    format: Option<Format>,
    files: usize,
    since: Option<String>,
    /// The tool whose the folder is, or whose settings are here.
    tool: Option<&'static str>,
    database: Option<Named>,
    notes: Vec<String>,
    next: Vec<&'static str>,
    #[serde(skip)]
    programs: Option<(PathBuf, Tool)>,
    /// The folder holds what cannot be read as one tool's.
    #[serde(skip)]
    not_understood: bool,
}

/// What names the database. No part of its URL but what people may see.
#[derive(Debug, Serialize)]
struct Named {
    source: String,
    target: String,
    /// The ledger of another tool that it holds.
    ledger: Option<&'static str>,
    /// Whether it answered.
    reached: bool,
    /// Nobody but a file of another tool names it.
    #[serde(skip)]
    implied: bool,
}

pub(crate) fn run(context: &Context, _: Args) -> Result<Exit> {
    let file = context.config_path().unwrap_or(Path::new(config::FILE_NAME));
    if context.config.path.is_some() {
        return Err(exists(file).into());
    }
    let mut report = look::look(context, file)?;
    let url = written_url(context, &mut report.notes)?;
    write_new(file, &content::content(&report, url.as_deref()))?;
    context.output.result(true, &report, || human(&report, context.output.style()));
    Ok(Exit::Done)
}

/// The URL as the file may hold it: only what was asked for, and never with a password.
fn written_url(context: &Context, notes: &mut Vec<String>) -> Result<Option<String>> {
    let Some(url) = context.global.database_url.as_deref() else { return Ok(None) };
    let Some(chosen) = context.named_database()? else { return Ok(None) };
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
    let mut out = format!("wrote {}\n", text::printable(&report.wrote));
    if let Some(dir) = &report.dir {
        let what = match (report.format, report.tool) {
            (Some(format), _) => {
                format!("{}, format {}", text::count(report.files, "migration"), format.as_str())
            }
            (None, Some(tool)) => format!("the migrations of {tool}"),
            (None, None) if report.not_understood => "not understood, see the note".to_owned(),
            (None, None) => "no migrations yet".to_owned(),
        };
        _ = writeln!(out, "found {}: {what}", text::printable(&dir.display().to_string()));
    }
    if let Some(tool) = report.tool {
        _ = writeln!(out, "tool: {tool}");
    }
    if let Some(named) = &report.database {
        let (source, target) = (text::printable(&named.source), text::printable(&named.target));
        _ = writeln!(out, "database: {target}, from {source}");
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
