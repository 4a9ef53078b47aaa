//! `cofferdam generate`: what shells, manuals and editors want to know about the program.
//!
//! Everything is made from the definition of the command line and from the committed schema
//! of the configuration, so it cannot say something else than `--help`. No database, no
//! configuration and no variable has a say: the line in a shell's start file works in every
//! folder.

mod completions;
mod config_schema;
mod man;
mod reference;

use std::path::{Path, PathBuf};

use cofferdam_analysis::Error;
use serde::Serialize;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::text;

/// Print shell completions, manual pages, or the schema of cofferdam.toml
///
/// Nothing is installed: the text goes to stdout, or where --out says.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Completions(completions::Args),
    Man(man::Args),
    ConfigSchema(config_schema::Args),
    #[command(hide = true)]
    Reference(reference::Args),
}

#[derive(Serialize)]
struct Report {
    files: Vec<File>,
}

/// One file, printed or written.
#[derive(Serialize)]
struct File {
    /// What it is usually called.
    name: String,
    /// Where it was written; null when `text` is all there is.
    path: Option<String>,
    /// Its content; null when it was written.
    text: Option<String>,
}

impl File {
    fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), path: None, text: Some(text.into()) }
    }

    /// Writes it into `folder`; an older one is replaced, since it was made as this one is.
    ///
    /// # Errors
    /// `Invalid`, naming the file that cannot be written.
    fn written(self, folder: &Path) -> Result<Self, Error> {
        let path = folder.join(&self.name);
        std::fs::write(&path, self.text.unwrap_or_default())
            .map_err(|error| Error::invalid(format!("cannot write {}: {error}", path.display())))?;
        Ok(Self { name: self.name, path: Some(path.display().to_string()), text: None })
    }
}

pub(crate) fn run(context: &Context, args: Args) -> Result<Exit> {
    let files = match args.what {
        What::Completions(args) => vec![completions::make(&args)?],
        What::Man(args) => man::make(&args)?,
        What::ConfigSchema(_) => vec![config_schema::make()],
        What::Reference(args) => reference::make(&args)?,
    };
    let report = Report { files };
    context.output.result(true, &report, || human(&report));
    Ok(Exit::Done)
}

/// The text itself, byte for byte, so that it can be redirected; of written files their paths.
fn human(report: &Report) -> String {
    let line = |file: &File| match (&file.text, &file.path) {
        (Some(text), _) => text.clone(),
        (None, path) => text::printable(path.as_deref().unwrap_or(&file.name)) + "\n",
    };
    report.files.iter().map(line).collect()
}

/// The folder that `--out` names, made if need be.
fn folder(out: &Option<PathBuf>) -> Result<Option<&Path>, Error> {
    let Some(folder) = out.as_deref() else { return Ok(None) };
    std::fs::create_dir_all(folder)
        .map_err(|error| Error::invalid(format!("cannot make the folder {}: {error}", folder.display())))?;
    Ok(Some(folder))
}
