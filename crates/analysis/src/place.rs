//! Where something stands: byte spans, and the line and column people read.

use serde::{Deserialize, Serialize};

/// A half-open range of bytes in one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes from `start` up to `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The same range in a text that begins `offset` bytes earlier.
    #[must_use]
    pub fn shifted(self, offset: usize) -> Self {
        Self::new(self.start + offset, self.end + offset)
    }

    /// The part of `text` it covers; empty where it lies outside of it or cuts a character.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or("")
    }

    /// Whether `other` lies inside.
    pub fn contains(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// A place in a file, as people and editors count: lines and columns from 1,
/// columns in characters (Unicode scalar values).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file as the user named it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The bytes meant, in the file's text as we read it (BOM removed).
    #[serde(skip)]
    pub span: Span,
}

/// The line starts of one text; turns a byte offset into line and column.
#[derive(Debug, Clone)]
pub struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    /// Reads the line starts of `text`. A line ends at `\n`; `\r\n` counts once.
    pub fn of(text: &str) -> Self {
        let starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1))
            .collect();
        Self { starts }
    }

    /// Line and column, from 1, of the byte at `offset` in `text` (the same text).
    pub fn line_column(&self, text: &str, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|s| *s <= offset) - 1;
        let start = self.starts[line];
        let upto = text.get(start..offset.min(text.len())).unwrap_or("");
        (line + 1, upto.chars().count() + 1)
    }

    /// The place of `span` in `file`.
    pub fn place(&self, file: &str, text: &str, span: Span) -> Place {
        let (line, column) = self.line_column(text, span.start);
        Place { file: file.to_owned(), line, column, span }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_end_at_newline() {
        let text = "añb\r\nx\n";
        let lines = Lines::of(text);
        assert_eq!(lines.line_column(text, 0), (1, 1));
        assert_eq!(lines.line_column(text, 3), (1, 3));
        assert_eq!(lines.line_column(text, 6), (2, 1));
        assert_eq!(lines.line_column(text, text.len()), (3, 1));
    }
}
