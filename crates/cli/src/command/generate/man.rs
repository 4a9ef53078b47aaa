//! `cofferdam generate man`: manual pages, one for each command.

use std::path::PathBuf;

use clap_mangen::Man;
use cofferdam_analysis::Error;

use super::File;
use crate::arguments;

/// Print the manual page, or write one page for each command
///
/// Without --out the main page is printed: cofferdam generate man | man -l -
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write all pages into this folder: ~/.local/share/man/man1
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn make(args: &Args) -> Result<Vec<File>, Error> {
    let mut program = arguments::parser();
    program.build();
    let Some(folder) = super::folder(&args.out)? else { return Ok(vec![page(&program)?]) };
    pages(&program)?.into_iter().map(|page| page.written(folder)).collect()
}

/// The page of `command` and those of its commands; hidden ones have none.
fn pages(command: &clap::Command) -> Result<Vec<File>, Error> {
    let mut found = vec![page(command)?];
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        found.extend(pages(command)?);
    }
    Ok(found)
}

fn page(command: &clap::Command) -> Result<File, Error> {
    let page = Man::new(command.clone())
        .source(format!("{} {}", arguments::PROGRAM, env!("CARGO_PKG_VERSION")))
        .manual("Cofferdam");
    let mut text = Vec::new();
    page.render(&mut text).map_err(|error| Error::bug(format!("cannot make a manual page: {error}")))?;
    let text = String::from_utf8(text).map_err(|_| Error::bug("a manual page is not UTF-8 text"))?;
    Ok(File::new(page.get_filename(), text))
}
