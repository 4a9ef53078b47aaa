//! Cuts a text into statements by its tokens, before anything is parsed.
//!
//! A semicolon ends a statement unless it stands in a string, a comment, a routine's
//! `begin atomic .. end` or a rule's `( .. ; .. )`. When the end of one of the last two
//! is missing, the cut falls back to the first semicolon, so that one bad statement
//! does not take the rest of the file with it. What only psql understands, its own lines
//! and the data behind `copy .. from stdin`, is set aside: the file keeps its offsets.

use squawk_lexer::TokenKind;

use super::{
    super::MetaLine,
    depth::{Depth, Gauge},
    head::Head,
};
use crate::place::Span;

/// A text, cut.
#[derive(Debug, Default)]
pub(super) struct Cut {
    pub(super) pieces: Vec<Piece>,
    /// Every comment, also those within statements.
    pub(super) comments: Vec<Span>,
    pub(super) meta: Vec<MetaLine>,
}

/// One statement's bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    /// From its first to its last token, without the semicolon.
    pub(super) span: Span,
    pub(super) depth: Depth,
    /// psql's lines stand within the span and are to be blanked.
    pub(super) holds_meta: bool,
}

/// psql commands that send what stands before them, as a semicolon does.
const SENDING: [&str; 8] = ["g", "gx", "gset", "gexec", "gdesc", "crosstabview", "watch", ";"];

/// Cuts `text`. Linear in its length.
pub(super) fn cut(text: &str) -> Cut {
    let mut cutter = Cutter { text, out: Cut::default(), open: None, copy_data_at: None };
    let mut at = 0;
    while at < text.len() {
        let limit = cutter.copy_data_at.unwrap_or(text.len());
        at = match cutter.run(at, limit) {
            Stop::At(next) => next,
            Stop::End if cutter.copy_data_at.take().is_some() => cutter.copy_data(limit),
            Stop::End => match cutter.unfinished_at_end() {
                Some(first_semicolon) => first_semicolon,
                None => break,
            },
        };
    }
    cutter.finish();
    cutter.out
}

/// Why the tokens are no longer followed.
enum Stop {
    /// To be taken up again there.
    At(usize),
    /// The text, or the part before `copy` data, is read.
    End,
}

struct Cutter<'t> {
    text: &'t str,
    out: Cut,
    open: Option<Open>,
    /// Where the data of a `copy .. from stdin` begins, once its semicolon is read.
    copy_data_at: Option<usize>,
}

/// A statement whose end is not found yet.
struct Open {
    span: Span,
    head: Head,
    gauge: Gauge,
    holds_meta: bool,
    held: Option<Held>,
}

/// The first semicolon that did not end the statement because it stood in its body.
struct Held {
    end: usize,
    semicolon: usize,
    depth: Depth,
    holds_meta: bool,
    comments: usize,
    meta: usize,
}

impl Cutter<'_> {
    /// Follows the tokens from `from` up to `limit`.
    fn run(&mut self, from: usize, limit: usize) -> Stop {
        let mut offset = from;
        for token in squawk_lexer::tokenize(&self.text[from..limit]) {
            let span = Span::new(offset, offset + token.len as usize);
            offset = span.end;
            match token.kind {
                // A byte order mark within the file is none to the server.
                TokenKind::Whitespace if !span.of(self.text).starts_with(squawk_lexer::BOM) => {}
                TokenKind::LineComment | TokenKind::BlockComment { terminated: true } => {
                    self.out.comments.push(span)
                }
                TokenKind::Semi => {
                    if let Some(stop) = self.semicolon(span) {
                        return stop;
                    }
                }
                TokenKind::Unknown if span.of(self.text) == "\\" => {
                    return Stop::At(self.meta_line(span.start));
                }
                kind => {
                    if let Some(again) = self.token(kind, span) {
                        return Stop::At(again);
                    }
                }
            }
        }
        Stop::End
    }

    /// A token of a statement. `Some`: the statement's body was not one, go back to there.
    fn token(&mut self, kind: TokenKind, span: Span) -> Option<usize> {
        let word = span.of(self.text);
        let open = self.open.get_or_insert_with(|| Open {
            span,
            head: Head::default(),
            gauge: Gauge::default(),
            holds_meta: false,
            held: None,
        });
        if open.held.is_some() && !open.head.may_go_on(kind, word) {
            return self.unfinished();
        }
        open.span.end = span.end;
        open.head.token(kind, word);
        open.gauge.token(kind, word);
        None
    }

    fn semicolon(&mut self, span: Span) -> Option<Stop> {
        let open = self.open.as_mut()?;
        if open.head.in_body() {
            open.head.semicolon();
            open.held.get_or_insert(Held {
                end: open.span.end,
                semicolon: span.start,
                depth: open.gauge.depth(),
                holds_meta: open.holds_meta,
                comments: self.out.comments.len(),
                meta: self.out.meta.len(),
            });
            return None;
        }
        let reads_stdin = open.head.copies_from_stdin();
        self.finish();
        if !reads_stdin {
            return None;
        }
        // psql reads the data from the line after the one that sent the command.
        let line_end = self.text[span.end..].find('\n').map_or(self.text.len(), |i| span.end + i + 1);
        self.copy_data_at = Some(line_end);
        Some(Stop::At(span.end))
    }

    /// Ends the open statement.
    fn finish(&mut self) {
        if let Some(open) = self.open.take() {
            let (span, depth) = (open.span, open.gauge.depth());
            self.out.pieces.push(Piece { span, depth, holds_meta: open.holds_meta });
        }
    }

    /// Ends the open statement at its first semicolon when it is still within a body,
    /// and says where to go on.
    fn unfinished(&mut self) -> Option<usize> {
        let held = self.open.as_mut()?.held.take()?;
        let open = self.open.take()?;
        self.out.comments.truncate(held.comments);
        self.out.meta.truncate(held.meta);
        let span = Span::new(open.span.start, held.end);
        self.out.pieces.push(Piece { span, depth: held.depth, holds_meta: held.holds_meta });
        Some(held.semicolon + 1)
    }

    /// The same at the end of the text, where a body that has ended is none to go back from.
    fn unfinished_at_end(&mut self) -> Option<usize> {
        self.open.as_ref().filter(|open| open.head.in_body())?;
        self.unfinished()
    }

    /// Sets a psql command aside; says where its line ends.
    fn meta_line(&mut self, start: usize) -> usize {
        let rest = &self.text[start + 1..];
        let word: String = rest.chars().take_while(|c| c.is_ascii_alphabetic()).collect();
        let command = match (word.is_empty(), rest.chars().next()) {
            (true, Some(sign)) if !sign.is_whitespace() => sign.to_string(),
            _ => word,
        };
        // `\;` keeps the rest of the line for SQL.
        let line = if command == ";" { rest.len().min(1) } else { rest.find('\n').unwrap_or(rest.len()) };
        let line = rest[..line].trim_end().len();
        let span = Span::new(start, start + 1 + line);
        if SENDING.contains(&command.as_str()) {
            self.finish();
        } else if let Some(open) = self.open.as_mut() {
            open.holds_meta = true;
        }
        self.out.meta.push(MetaLine { span, command });
        span.end
    }

    /// Sets the lines from `start` to the one that is only `\.` aside, or to the end of the text.
    fn copy_data(&mut self, start: usize) -> usize {
        let mut end = start;
        for line in self.text[start..].split_inclusive('\n') {
            end += line.len();
            if line.trim_end() == "\\." {
                break;
            }
        }
        let data = self.text[start..end].trim_end();
        if !data.is_empty() {
            let span = Span::new(start, start + data.len());
            self.out.meta.push(MetaLine { span, command: "copy data".to_owned() });
            if let Some(open) = self.open.as_mut() {
                open.holds_meta = true;
            }
        }
        end
    }
}
