//! Asks SQLite's own grammar whether a statement is one.
//!
//! The grammar's tree has no places and copies every name, so it is not read:
//! its verdict is what counts. The reader beside it may then trust that the
//! tokens in front of it form a statement. A parser that panics is a damaged
//! statement, never a lost process.

use std::panic::{AssertUnwindSafe, catch_unwind};

use sqlite3_parser::lexer::sql::{Error, Parser, ParserError, TokenType};
use sqlite3_parser::{Bump, FallibleIterator};

use super::cut::Piece;
use crate::place::Span;
use crate::sql::Damage;

/// Deeper nesting is refused: the parser drops what it has read by recursion, and finding
/// the outermost parentheses costs the square of the depth. SQLite itself allows
/// expressions 1000 deep.
const DEEPEST: usize = 10_000;

/// From this depth on a thread of its own reads the statement.
const DEEP: usize = 40;

/// The deepest nesting of parentheses and `case` in `piece`.
fn depth(piece: &Piece) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for token in &piece.tokens {
        match token.kind {
            TokenType::TK_LP | TokenType::TK_CASE => open += 1,
            TokenType::TK_RP | TokenType::TK_END => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

/// Runs `work` on this thread, or on one with a 16 MB stack where `piece` is nested deeply.
/// What makes it panic or is nested too deeply comes back as damage.
pub(super) fn guarded<T: Send>(piece: &Piece, work: impl FnOnce() -> T + Send) -> Result<T, Damage> {
    let depth = depth(piece);
    if depth > DEEPEST {
        return Err(Damage { span: piece.span, message: format!("nested more than {DEEPEST} levels deep") });
    }
    let broken = || Damage { span: piece.span, message: "the parser cannot read this statement".to_owned() };
    if depth < DEEP {
        return catch_unwind(AssertUnwindSafe(work)).map_err(|_| broken());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(16 << 20).spawn_scoped(scope, work);
        thread.ok().and_then(|t| t.join().ok()).ok_or_else(broken)
    })
}

/// What SQLite's grammar says against `piece`, a part of `text`.
pub(super) fn check(text: &str, piece: &Piece) -> Option<Damage> {
    if let Some((span, what)) = piece.bad {
        return Some(Damage { span, message: what.to_owned() });
    }
    let sql = blanked(text, piece);
    let mut error = parse(&sql)?;
    if matches!(&error, Error::ParserError(ParserError::Custom(m), _) if m.ends_with("specified more than once"))
    {
        // The parser is stricter than SQLite, which takes the first of them.
        error = parse(&distinct_names(text, piece))?;
    }
    Some(match error {
        Error::ParserError(ParserError::UnexpectedEof, _) => {
            Damage { span: Span::new(piece.span.end, piece.span.end), message: "incomplete input".to_owned() }
        }
        Error::ParserError(error, position) => {
            let at = position.map_or(piece.span.start, |p| piece.span.start + offset(&sql, p.line, p.column));
            Damage { span: token_at(piece, at), message: lower_first(&error.to_string()) }
        }
        other => Damage { span: piece.span, message: lower_first(&other.to_string()) },
    })
}

fn parse(sql: &str) -> Option<Error> {
    let bump = Bump::new();
    match Parser::new(&bump, sql.as_bytes()).next() {
        Ok(parsed) => {
            // Its parts live in `bump` and go with it; dropping them one by one would recurse.
            std::mem::forget(parsed);
            None
        }
        Err(error) => Some(error),
    }
}

/// The statement with every name another, except where a name is a key word in disguise.
fn distinct_names(text: &str, piece: &Piece) -> String {
    let mut sql = String::new();
    for (number, token) in piece.tokens.iter().enumerate() {
        let word = token.span.of(text);
        let option = ["rowid", "strict"].iter().any(|o| word.eq_ignore_ascii_case(o));
        if token.kind == TokenType::TK_ID && !option {
            sql.push_str(&format!("name_{number} "));
        } else {
            sql.push_str(word);
            sql.push(' ');
        }
    }
    sql
}

/// The statement's text as the parser wants it: byte order marks, which it does not know
/// as white space, are blanked.
fn blanked<'t>(text: &'t str, piece: &Piece) -> std::borrow::Cow<'t, str> {
    let sql = piece.span.of(text);
    if !sql.contains('\u{feff}') {
        return sql.into();
    }
    let mut blanked = String::with_capacity(sql.len());
    let mut from = 0;
    for token in &piece.tokens {
        let start = token.span.start - piece.span.start;
        blanked.push_str(&sql[from..start].replace('\u{feff}', "   "));
        from = token.span.end - piece.span.start;
        blanked.push_str(&sql[start..from]);
    }
    blanked.push_str(&sql[from..]);
    blanked.into()
}

/// The byte at `line` and `column` (bytes), both from 1.
fn offset(sql: &str, line: usize, column: usize) -> usize {
    let start: usize = sql.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (start + column.saturating_sub(1)).min(sql.len())
}

/// The token that begins at or behind `at`; the end of the statement where there is none.
fn token_at(piece: &Piece, at: usize) -> Span {
    let next = piece.tokens.partition_point(|t| t.span.start < at);
    piece.tokens.get(next).map_or(Span::new(piece.span.end, piece.span.end), |t| t.span)
}

fn lower_first(message: &str) -> String {
    let mut chars = message.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
