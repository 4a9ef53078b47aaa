//! Leaves out rows of constants that nobody will look at, before the parser sees them.
//!
//! The parser's tree takes some thirty times the bytes of its text, and an `insert` of a
//! whole table is one statement. No rule asks about its rows: they only have to be sound,
//! and for a row of plain constants its tokens show that. All but the first are made
//! blank, byte for byte, so that every place stays what it was.

use std::borrow::Cow;

use squawk_lexer::{LiteralKind, TokenKind};

use super::blank;
use crate::place::Span;

/// A statement without any would not be one.
const ROWS_KEPT: usize = 1;

/// Shorter statements are parsed as they are.
const WORTH_IT: usize = 256 << 10;

/// `sql`, one statement, without the rows of constants that come after the first of its rows.
pub(super) fn without_plain_rows(sql: &str) -> Cow<'_, str> {
    let inserts = sql.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("insert"));
    if sql.len() < WORTH_IT || !inserts {
        return Cow::Borrowed(sql);
    }
    let mut reader = Rows::default();
    let mut offset = 0;
    for token in squawk_lexer::tokenize(sql) {
        let span = Span::new(offset, offset + token.len as usize);
        offset = span.end;
        if !is_blank(token.kind) && !reader.token(token.kind, span, span.of(sql)) {
            break;
        }
    }
    if reader.plain.is_empty() { Cow::Borrowed(sql) } else { Cow::Owned(blank(sql, &reader.plain)) }
}

fn is_blank(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { terminated: true }
    )
}

/// Where in the statement the next token stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before `values`, with that many open parentheses.
    #[default]
    Head,
    /// Behind `values` or a comma: a row begins.
    Row,
    /// A value begins.
    Value,
    /// Behind a sign.
    Signed,
    /// Behind a constant: a comma or the end of the row.
    Behind,
    /// In a row that holds more than constants.
    Other,
    /// Behind a row.
    End,
}

#[derive(Debug, Default)]
struct Rows {
    at: At,
    parentheses: usize,
    rows: usize,
    /// The one before the open row.
    comma: usize,
    /// Rows to be left out, each with the comma before it; neighbours are one.
    plain: Vec<Span>,
    /// The last row ended the last of these.
    grows: bool,
}

impl Rows {
    /// Takes the next token; `false` behind the last row.
    fn token(&mut self, kind: TokenKind, span: Span, word: &str) -> bool {
        match kind {
            TokenKind::OpenParen => self.parentheses += 1,
            TokenKind::CloseParen => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
        let outside = self.parentheses == 0;
        self.at = match (self.at, kind) {
            (At::Head, TokenKind::Ident) if outside && word.eq_ignore_ascii_case("values") => At::Row,
            (At::Head, _) => At::Head,
            (At::Row, TokenKind::OpenParen) => At::Value,
            (At::Value, TokenKind::Plus | TokenKind::Minus) => At::Signed,
            (At::Value, TokenKind::Literal { kind: LiteralKind::Str { terminated: true } }) => At::Behind,
            (At::Value | At::Signed, TokenKind::Literal { kind }) if is_number(kind, word) => At::Behind,
            (At::Value, TokenKind::Ident) if is_constant(word) => At::Behind,
            (At::Behind, TokenKind::Comma) => At::Value,
            (At::Behind, TokenKind::CloseParen) => {
                self.row(true, span.end);
                At::End
            }
            (At::Value | At::Signed | At::Other, TokenKind::CloseParen) if outside => {
                self.row(false, span.end);
                At::End
            }
            (At::Value | At::Signed | At::Behind | At::Other, _) => At::Other,
            (At::End, TokenKind::Comma) => {
                self.comma = span.start;
                At::Row
            }
            (At::Row | At::End, _) => return false,
        };
        true
    }

    fn row(&mut self, plain: bool, end: usize) {
        self.rows += 1;
        let plain = plain && self.rows > ROWS_KEPT;
        match self.plain.last_mut() {
            _ if !plain => {}
            Some(last) if self.grows => last.end = end,
            _ => self.plain.push(Span::new(self.comma, end)),
        }
        self.grows = plain;
    }
}

/// Digits as the most careful reader takes them: anything odder is the parser's to judge.
fn is_number(kind: LiteralKind, word: &str) -> bool {
    let number = matches!(kind, LiteralKind::Int { .. } | LiteralKind::Numeric { .. });
    number && word.bytes().all(|b| b.is_ascii_digit() || b == b'.') && word != "."
}

fn is_constant(word: &str) -> bool {
    ["null", "true", "false", "default"].iter().any(|constant| word.eq_ignore_ascii_case(constant))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(rows: usize, row: &str) -> String {
        let mut sql = "insert into t (a, b) values (0, null)".to_owned();
        for _ in 0..rows {
            sql.push_str(",\n");
            sql.push_str(row);
        }
        sql
    }

    /// What is left, and how many rows of it.
    fn left(sql: &str) -> (String, usize) {
        let left = without_plain_rows(sql);
        assert_eq!(left.len(), sql.len(), "every place stays what it was");
        (left.trim_end().to_owned(), left.matches('(').count() - 1)
    }

    #[test]
    fn rows_of_constants_are_left_out_behind_the_first_ones() {
        let sql = insert(20_000, "(-12.5, 'it''s (one), two')") + " on conflict do nothing";
        let (text, rows) = left(&sql);
        assert_eq!(rows, 1 + 2 * (ROWS_KEPT - 1), "each kept row has a parenthesis in its string");
        assert!(text.ends_with("on conflict do nothing"));
        assert!(super::super::parse::parse(&text).is_ok());
    }

    #[test]
    fn what_is_more_than_a_constant_stays() {
        for odd in ["(1, f(2))", "(1, (select 2))", "(1 2)", "(1, )", "(1, 2x)", "(1, $1)", "(1, 'a'::text)"]
        {
            let sql = format!("{},\n{odd},\n(1, 2)", insert(20_000, "(1, 'some text')"));
            let (text, rows) = left(&sql);
            assert!(text.ends_with(odd), "{odd}: {}", &text[text.len() - 40..]);
            let inner = odd.matches('(').count() - 1;
            assert_eq!(rows, ROWS_KEPT + 1 + inner, "{odd}");
        }
    }

    #[test]
    fn short_and_other_statements_stay_as_they_are() {
        assert!(matches!(without_plain_rows("insert into t values (1), (2)"), Cow::Borrowed(_)));
        let select = format!("select {} 1", "1, ".repeat(200_000));
        assert!(matches!(without_plain_rows(&select), Cow::Borrowed(_)));
    }
}
