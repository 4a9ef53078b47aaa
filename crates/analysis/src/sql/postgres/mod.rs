//! Postgres text -> statements.
//!
//! Promise: whatever the text, reading it ends, in time and memory linear in its length,
//! with every byte accounted for: in a statement, a comment, one of psql's own lines, or
//! as blanks and semicolons between them. One statement that cannot be parsed is one
//! statement with a [`Damage`]; its neighbours are read as if it were not there.
//!
//! The text is cut by its tokens ([`cut`]), each piece is parsed by itself ([`parse`]) and
//! its tree is lowered to [`Effect`](super::Effect)s ([`lower`]). Refused by count, before
//! the parser sees it: what nests so deep that the parser would run out of stack ([`depth`]).

mod alter;
mod body;
mod change;
mod ctes;
mod cut;
mod depth;
mod expr;
mod facts;
mod head;
mod into;
mod lower;
mod object;
mod parse;
mod query;
mod quirk;
mod rows;
mod session;
mod table;
mod tree;
mod truth;
mod types;
mod verb;

#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use self::{cut::Piece, depth::Limit, lower::Lower, tree::Origin};
use super::{Damage, Effect, MetaLine, Read, Statement, Within};
use crate::place::Span;

/// The stack the parser gets; touched as far as it is used.
const STACK: usize = 16 << 20;

/// A statement longer than this is not parsed: offsets within it are 32 bits.
const LONGEST: usize = 1 << 30;

/// Reads `text`.
pub(crate) fn read(text: &str) -> Read {
    let large = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("reading sql".to_owned()).stack_size(STACK);
        let reader = builder.spawn_scoped(scope, || read_within(text, Limit::LARGE_STACK));
        reader.ok().and_then(|reader| reader.join().ok())
    });
    // Without a thread of its own, only what any stack can carry is parsed.
    large.unwrap_or_else(|| read_within(text, Limit::SMALL_STACK))
}

fn read_within(text: &str, limit: Limit) -> Read {
    let cut = cut::cut(text);
    let pieces = cut.pieces.iter().enumerate();
    let statements = pieces.map(|(index, piece)| statement(text, index, *piece, &cut.meta, limit)).collect();
    Read { statements, comments: cut.comments, meta: cut.meta }
}

/// Parses and lowers one piece.
fn statement(text: &str, index: usize, piece: Piece, meta: &[MetaLine], limit: Limit) -> Statement {
    let sql = piece_text(text, piece, meta);
    // The parser's own tests do not cover every text there is; a panic in it costs this
    // statement only.
    let effects = catch_unwind(AssertUnwindSafe(|| effects(&sql, piece, limit))).unwrap_or_else(|_| {
        Err(Damage { span: piece.span, message: "the parser failed on this statement".to_owned() })
    });
    let verb = verb::verb(&sql);
    let (effects, damage) = match effects {
        Ok(effects) => (effects.into(), None),
        Err(damage) => (Box::default(), Some(Box::new(damage))),
    };
    Statement { index, span: piece.span, verb, effects, directives: Vec::new(), damage }
}

/// The piece's text, with psql's lines blanked.
fn piece_text<'t>(text: &'t str, piece: Piece, meta: &[MetaLine]) -> Cow<'t, str> {
    let sql = piece.span.of(text);
    if !piece.holds_meta {
        return Cow::Borrowed(sql);
    }
    let from = meta.partition_point(|line| line.span.start < piece.span.start);
    let within = meta[from..].iter().map(|line| line.span).take_while(|span| piece.span.contains(*span));
    let spans: Vec<Span> =
        within.map(|span| Span::new(span.start - piece.span.start, span.end - piece.span.start)).collect();
    Cow::Owned(blank(sql, &spans))
}

fn effects(sql: &str, piece: Piece, limit: Limit) -> Result<Vec<Effect>, Damage> {
    let damage = |message: &str| Damage { span: piece.span, message: message.to_owned() };
    if sql.len() > LONGEST {
        return Err(damage("statement longer than 1 GB"));
    }
    if !piece.depth.within(limit) {
        return Err(damage("nested too deeply"));
    }
    if sql.starts_with(squawk_lexer::BOM) {
        // The parser would skip it; the server does not.
        let span = Span::new(piece.span.start, piece.span.start + squawk_lexer::BOM.len());
        return Err(Damage { span, message: "byte order mark in the middle of the file".to_owned() });
    }
    let origin = Origin::File(piece.span.start);
    let sql = &*rows::without_plain_rows(sql);
    let stmt = parse::parse(sql)
        .map_err(|refusal| Damage { span: origin.span(refusal.range), message: refusal.message })?;
    let mut lower =
        Lower { origin: &origin, within: Within::Statement, limit, nested: 0, effects: Vec::new() };
    lower.statement(&stmt);
    Ok(lower.effects)
}

/// `text` with the given parts made blanks, byte for byte; line ends stay.
fn blank(text: &str, parts: &[Span]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for part in parts {
        out.push_str(&text[done..part.start]);
        out.extend(part.of(text).bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }));
        done = part.end;
    }
    out.push_str(&text[done..]);
    out
}
