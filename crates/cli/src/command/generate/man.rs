//! `cofferdam generate man`: manual pages, one for each command.

use std::path::PathBuf;

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use cofferdam_analysis::Error;

use super::File;
use crate::arguments;
use crate::config::FILE_NAME;
use crate::pages;

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
    let page = Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text).map_err(|error| Error::bug(format!("cannot make a manual page: {error}")))?;
    let text = String::from_utf8(text).map_err(|_| Error::bug("a manual page is not UTF-8 text"))?;
    let mut text = titled(&text, page.get_filename().trim_end_matches(".1"));
    if command.get_name() == arguments::PROGRAM {
        text += &exit_status();
    }
    Ok(File::new(page.get_filename(), text))
}

/// The page with a first line of ours: an empty date, which we have to leave open, would be lost
/// and what follows it taken for the date.
fn titled(page: &str, name: &str) -> String {
    let title = format!(
        ".TH \"{}\" \"1\" \"\" \"{} {}\" \"Cofferdam\"",
        name.to_uppercase(),
        arguments::PROGRAM,
        env!("CARGO_PKG_VERSION")
    );
    let lines = page.lines().map(|line| if line.starts_with(".TH ") { title.as_str() } else { line });
    lines.map(|line| format!("{line}\n")).collect()
}

/// What scripts branch on, and where more of it stands.
fn exit_status() -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for page in &pages::ALL {
        roff.control("TP", ["6"]);
        roff.text([bold(page.code().to_string())]);
        roff.text([roman(page.title())]);
    }
    roff.control("PP", []);
    roff.text([roman("Each of them has a page: "), bold("cofferdam explain exit-3"), roman(".")]);
    roff.control("SH", ["FILES"]);
    roff.control("TP", ["6"]);
    roff.text([bold(FILE_NAME)]);
    roff.text([roman("The configuration of the project in the working directory.")]);
    // Without the lines that every page begins with.
    let text = roff.render();
    text[text.find(".SH").unwrap_or(0)..].to_owned()
}
