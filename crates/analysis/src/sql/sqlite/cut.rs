//! A text -> the tokens of one statement after the other.
//!
//! A statement ends at a semicolon, except in the body of a trigger, whose
//! statements have semicolons of their own. A trigger that is cut off in the
//! middle must not swallow the rest of the file: its body ends at the latest
//! where something follows that no trigger can hold.

use sqlite3_parser::lexer::sql::TokenType;

use super::lexer::{Lexeme, Lexer};
use crate::place::Span;
use crate::sql::MetaLine;

/// A token and where it stands in the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenType,
    pub(super) span: Span,
}

/// The tokens of one statement, without its semicolon.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) tokens: Vec<Token>,
    /// The first thing in it that is no token.
    pub(super) bad: Option<(Span, &'static str)>,
    /// From the first to the last token.
    pub(super) span: Span,
}

impl Piece {
    fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.bad.is_none()
    }

    fn add(&mut self, lexeme: Lexeme, span: Span) {
        if self.is_empty() {
            self.span = span;
        }
        match lexeme {
            Lexeme::Token(kind) => {
                self.tokens.push(Token { kind, span });
                self.span.end = span.end;
            }
            Lexeme::Bad(what) => {
                self.bad.get_or_insert((span, what));
                self.span.end = span.end;
            }
            Lexeme::Comment => {}
        }
    }

    fn starts_trigger(&self) -> bool {
        let kinds: Vec<TokenType> = self.tokens.iter().map(|t| t.kind).take(3).collect();
        kinds.starts_with(&[TokenType::TK_CREATE, TokenType::TK_TRIGGER])
            || kinds == [TokenType::TK_CREATE, TokenType::TK_TEMP, TokenType::TK_TRIGGER]
    }
}

/// How far a trigger's text has been read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Body {
    /// No trigger, or none whose body has begun.
    Outside,
    /// Between `begin` and `end`.
    Inside,
    /// Behind the semicolon of one of its statements.
    BetweenStatements,
}

/// What a text is made of, in order; statements are handed to a sink as they are found,
/// so that only one of them is in memory as tokens.
#[derive(Default)]
pub(super) struct Rest {
    pub(super) comments: Vec<Span>,
    pub(super) meta: Vec<MetaLine>,
}

/// Cuts `text` and calls `statement` with each piece that is not empty.
pub(super) fn cut(text: &str, mut statement: impl FnMut(Piece)) -> Rest {
    let mut rest = Rest::default();
    let mut lexer = Lexer::new(text);
    let mut piece = Piece::default();
    let mut body = Body::Outside;
    while let Some((lexeme, span)) = lexer.next() {
        if lexeme == Lexeme::Comment {
            rest.comments.push(span);
            continue;
        }
        if piece.is_empty() && starts_meta_line(text, lexeme, span) {
            let span = lexer.skip_line(span.start);
            let word = span.of(text).trim_start_matches('.').split_whitespace().next();
            rest.meta.push(MetaLine { span, command: word.unwrap_or("").to_owned() });
            continue;
        }
        let semicolon = lexeme == Lexeme::Token(TokenType::TK_SEMI);
        if body == Body::BetweenStatements && !semicolon && !continues_body(lexeme) {
            finish(&mut piece, &mut statement);
            body = Body::Outside;
        }
        if semicolon && body != Body::Inside {
            finish(&mut piece, &mut statement);
            body = Body::Outside;
            continue;
        }
        piece.add(lexeme, span);
        body = match (body, lexeme) {
            (_, Lexeme::Token(TokenType::TK_SEMI)) => Body::BetweenStatements,
            // The trigger's own `end`: a `case` cannot reach over a semicolon.
            (Body::BetweenStatements, Lexeme::Token(TokenType::TK_END)) => Body::Outside,
            (Body::BetweenStatements, _) => Body::Inside,
            (Body::Outside, Lexeme::Token(TokenType::TK_BEGIN)) if piece.starts_trigger() => Body::Inside,
            (same, _) => same,
        };
    }
    finish(&mut piece, &mut statement);
    rest
}

fn finish(piece: &mut Piece, statement: &mut impl FnMut(Piece)) {
    let piece = std::mem::take(piece);
    if !piece.is_empty() {
        statement(piece);
    }
}

/// Whether a trigger's body can go on with this.
fn continues_body(lexeme: Lexeme) -> bool {
    match lexeme {
        Lexeme::Token(kind) => matches!(
            kind,
            TokenType::TK_END
                | TokenType::TK_INSERT
                | TokenType::TK_REPLACE
                | TokenType::TK_UPDATE
                | TokenType::TK_DELETE
                | TokenType::TK_SELECT
                | TokenType::TK_VALUES
                | TokenType::TK_WITH
        ),
        Lexeme::Bad(_) => true,
        Lexeme::Comment => true,
    }
}

/// A line such as `.mode csv`: the sqlite3 program's own, where a statement would begin.
fn starts_meta_line(text: &str, lexeme: Lexeme, span: Span) -> bool {
    let line = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    lexeme == Lexeme::Token(TokenType::TK_DOT) && text[line..span.start].trim().is_empty()
}
