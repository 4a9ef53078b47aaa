//! `cofferdam generate reference`: the pages of the guide that are made from the program.
//!
//! Hidden, because it is of use only to this repository: `cargo xtask docs` commits what it
//! writes, and a test compares the two, so no page can say something else than `--help` and
//! `explain`.

mod commands;
mod exits;
mod rules;

use std::path::PathBuf;

use cofferdam_analysis::Error;

use super::File;

/// Write the pages of the guide that are made from the program
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write them into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Tells whoever opens a page where its text comes from.
const MADE: &str = "<!-- Made by `cargo xtask docs`: change the program instead. -->";

pub(super) fn make(args: &Args) -> Result<Vec<File>, Error> {
    let pages =
        [("commands.md", commands::page()), ("exit-codes.md", exits::page()), ("rules.md", rules::page())];
    let files = pages.into_iter().map(|(name, text)| File::new(name, text));
    match super::folder(&args.out)? {
        Some(folder) => files.map(|file| file.written(folder)).collect(),
        None => Ok(files.collect()),
    }
}

/// A sentence out of a fragment: a capital in front, a full stop behind.
fn sentence(text: &str) -> String {
    let text = prose(text.trim());
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', ':', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// Text as Markdown: what would be markup outside of backticks is shown as it stands.
fn prose(text: &str) -> String {
    let mut in_code = false;
    let mut out = String::new();
    for c in text.chars() {
        in_code ^= c == '`';
        if !in_code && matches!(c, '<' | '*' | '[' | '|') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_markup_is_shown() {
        assert_eq!(sentence("drops a_b of [env.X], or `a_b <c>`"), "Drops a_b of \\[env.X], or `a_b <c>`.");
        assert_eq!(sentence("Is it so?"), "Is it so?");
    }
}
