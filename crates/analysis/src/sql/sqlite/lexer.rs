//! SQLite text -> tokens with their places, comments included.
//!
//! Wraps the tokenizer of SQLite's grammar, which has neither places nor
//! comments, and goes on where it gives up: a token it refuses becomes
//! [`Lexeme::Bad`] and costs the statement around it, not the file.

use sqlite3_parser::lexer::Splitter;
use sqlite3_parser::lexer::sql::{Error, TokenType, Tokenizer};

use crate::place::Span;

/// One piece of the text that is no white space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Lexeme {
    /// A token of the grammar.
    Token(TokenType),
    /// `-- ..` (without its line end) or `/* .. */`.
    Comment,
    /// What cannot be a token, and why.
    Bad(&'static str),
}

/// Reads the lexemes of a text from front to back.
pub(super) struct Lexer<'t> {
    text: &'t str,
    offset: usize,
    tokenizer: Tokenizer,
    /// No `]` stands behind this offset: asked once, or a text of `[;[;[;` would cost a search each.
    no_bracket_after: Option<usize>,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, offset: 0, tokenizer: Tokenizer::new(), no_bracket_after: None }
    }

    /// Leaves out the rest of the line on which `from` stands and returns the bytes from `from` to its end.
    pub(super) fn skip_line(&mut self, from: usize) -> Span {
        let rest = &self.text[from..];
        let end = from + rest.find('\n').unwrap_or(rest.len());
        self.offset = end;
        Span::new(from, from + self.text[from..end].trim_end().len())
    }

    fn bad(&mut self, error: &Error) -> (Lexeme, usize) {
        let rest = &self.text[self.offset..];
        let first = rest.chars().next().map_or(1, char::len_utf8);
        // A quote that is never closed: what follows the next semicolon may well be sound.
        let to_semicolon = || rest.find(';').unwrap_or(rest.len()).max(first);
        let word = || {
            let tail = &rest[first..];
            let more = tail.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
            first + more.unwrap_or(tail.len())
        };
        match error {
            // As in SQLite, where the end of the text ends a comment.
            Error::UnterminatedBlockComment(_) => (Lexeme::Comment, rest.len()),
            Error::UnterminatedLiteral(_) => (Lexeme::Bad("a quote that is never closed"), to_semicolon()),
            Error::UnterminatedBracket(_) => {
                self.no_bracket_after = Some(self.offset);
                (Lexeme::Bad("a bracket that is never closed"), to_semicolon())
            }
            Error::BadNumber(_) => (Lexeme::Bad("a malformed number"), word()),
            Error::MalformedHexInteger(_) => (Lexeme::Bad("a malformed hexadecimal number"), word()),
            Error::MalformedBlobLiteral(_) => (Lexeme::Bad("a malformed blob literal"), 1),
            Error::BadVariableName(_) => (Lexeme::Bad("a parameter without a name"), first),
            _ if rest.starts_with('\0') => {
                let zeros = rest.len() - rest.trim_start_matches('\0').len();
                (Lexeme::Bad("a zero byte, at which sqlite stops reading"), zeros)
            }
            _ => (Lexeme::Bad("an unrecognized token"), first),
        }
    }

    fn split(&mut self) -> Result<(Option<TokenType>, usize), Error> {
        let rest = &self.text.as_bytes()[self.offset..];
        if rest[0] == b'[' && self.no_bracket_after.is_some_and(|at| at <= self.offset) {
            return Err(Error::UnterminatedBracket(None));
        }
        let (token, length) = self.tokenizer.split(rest)?;
        Ok((token.map(|(_, kind)| kind), length))
    }
}

impl Iterator for Lexer<'_> {
    type Item = (Lexeme, Span);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.text.get(self.offset..).filter(|r| !r.is_empty())?;
            // SQLite takes a byte order mark for white space, wherever it stands.
            if rest.starts_with('\u{feff}') {
                self.offset += '\u{feff}'.len_utf8();
                continue;
            }
            let start = self.offset;
            let (lexeme, length) = match self.split() {
                Ok((Some(kind), length)) => (Lexeme::Token(kind), length),
                Ok((None, length)) if rest.starts_with("--") || rest.starts_with("/*") => {
                    (Lexeme::Comment, length)
                }
                Ok((None, length)) => {
                    self.offset += length.max(1);
                    continue;
                }
                Err(error) => self.bad(&error),
            };
            self.offset = start + length;
            let kept = match lexeme {
                Lexeme::Comment => self.text[start..self.offset].trim_end_matches(['\n', '\r']).len(),
                Lexeme::Token(_) | Lexeme::Bad(_) => length,
            };
            return Some((lexeme, Span::new(start, start + kept)));
        }
    }
}
