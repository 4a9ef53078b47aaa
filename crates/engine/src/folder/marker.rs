//! Files that hold both ways, forward and back, under marker lines.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use cofferdam_analysis::{Error, Place, Span};

use super::listing::{Listing, Text};
use super::migration::{Down, Migration, only};

/// How much of a file is looked at to tell whose it is: markers stand below comments at most.
const HEAD: u64 = 64 * 1024;

/// A line of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// Without its end.
    pub(super) text: &'a str,
    /// Its first byte's place in the text.
    pub(super) start: usize,
    /// Counted from 1.
    pub(super) number: usize,
}

impl Line<'_> {
    /// Whether it holds no statement: blank, or a comment as a whole.
    pub(super) fn says_nothing(&self) -> bool {
        let text = self.text.trim();
        text.is_empty() || text.starts_with("--")
    }
}

/// The lines of a text; `\r\n` and `\n` end them.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    text.split_inclusive('\n').enumerate().map(move |(index, whole)| {
        let line = Line { text: whole.trim_end_matches(['\r', '\n']), start, number: index + 1 };
        start += whole.len();
        line
    })
}

/// Whether a `.sql` file of the folder has a line of this kind.
pub(super) fn any_has(listing: &Listing, marker: impl Fn(&str) -> bool) -> bool {
    listing.sql().any(|file| lines(&listing.head(file, HEAD)).any(|line| marker(line.text)))
}

/// Splits a migration's file: it goes forward with what stands before `down`, and back with
/// what stands from there on, if that is anything.
pub(super) fn split(migration: &mut Migration, text: &str, down: Option<usize>) {
    let down = down.unwrap_or(text.len());
    migration.text = part(text, 0..down);
    // Without statements there is no way back: taking the row away alone would be a lie.
    let says_something = lines(&text[down..]).any(|line| !line.says_nothing());
    migration.down = says_something.then(|| Down::Section(part(text, down..text.len())));
}

fn part(text: &str, keep: Range<usize>) -> Arc<str> {
    only(text, keep).into()
}

/// An error about a line of a file.
pub(super) fn error(path: &Path, text: &Text, line: Line<'_>, message: impl Into<String>) -> Error {
    let place = Place {
        file: path.display().to_string(),
        line: line.number,
        column: 1,
        span: Span { start: line.start, end: line.start + line.text.len() },
    };
    Error::invalid(message).at(place, Some(text.text.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_know_where_they_start_whatever_ends_them() {
        let text = "a\r\n\r\nü\nlast";
        let seen: Vec<_> = lines(text).map(|line| (line.number, line.start, line.text)).collect();
        assert_eq!(seen, [(1, 0, "a"), (2, 3, ""), (3, 5, "ü"), (4, 8, "last")]);
    }
}
