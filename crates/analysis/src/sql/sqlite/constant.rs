//! Constants, and conditions that are one.

use sqlite3_parser::lexer::sql::TokenType;

use super::cut::Token;
use super::reader::unquoted;
use crate::sql::expr::Literal;

/// Takes off the parentheses that stand around all of `tokens`.
pub(super) fn without_parentheses(mut tokens: &[Token]) -> &[Token] {
    while let [first, inner @ .., last] = tokens {
        if first.kind != TokenType::TK_LP || last.kind != TokenType::TK_RP {
            break;
        }
        let mut open = 0_i64;
        let closed_early = inner.iter().any(|t| {
            open += i64::from(t.kind == TokenType::TK_LP) - i64::from(t.kind == TokenType::TK_RP);
            open < 0
        });
        if closed_early {
            break;
        }
        tokens = inner;
    }
    tokens
}

pub(super) fn is_bool(word: &str) -> bool {
    word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false")
}

/// The constant that a token is.
pub(super) fn literal(token: Token, text: &str) -> Option<Literal> {
    let word = token.span.of(text);
    match token.kind {
        TokenType::TK_NULL => Some(Literal::Null),
        TokenType::TK_STRING => Some(Literal::String(unquoted(word))),
        TokenType::TK_INTEGER | TokenType::TK_FLOAT => Some(Literal::Number(word.to_owned())),
        TokenType::TK_BLOB => Some(Literal::Other),
        TokenType::TK_CTIME_KW => Some(Literal::Time),
        TokenType::TK_ID if is_bool(word) => Some(Literal::Bool(word.eq_ignore_ascii_case("true"))),
        _ => None,
    }
}

/// `1`, `true`, `1 = 1`, `'a' is 'a'`.
pub(super) fn always_true(tokens: &[Token], text: &str) -> bool {
    match tokens {
        [only] => match literal(*only, text) {
            Some(Literal::Bool(value)) => value,
            Some(Literal::Number(number)) => number.replace('_', "").parse::<f64>().is_ok_and(|n| n != 0.0),
            _ => false,
        },
        [left, equals, right] if matches!(equals.kind, TokenType::TK_EQ | TokenType::TK_IS) => {
            let (left, right) = (literal(*left, text), literal(*right, text));
            left == right && matches!(left, Some(Literal::Bool(_) | Literal::Number(_) | Literal::String(_)))
        }
        _ => false,
    }
}
