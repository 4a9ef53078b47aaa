//! `into` of procedural code, blanked before the body is parsed.
//!
//! The block language takes `into x, y` out of a statement wherever it stands and hands
//! the rest to the SQL parser; so do we. The bytes become blanks, so that places stay.

use squawk_lexer::TokenKind;

use super::blank;
use crate::place::Span;

/// The text of a block without the targets of its `select .. into` and `returning .. into`.
pub(super) fn without_targets(body: &str) -> String {
    blank(body, &targets(body))
}

/// Words whose `into` belongs to the statement itself.
const OWN_INTO: [&str; 2] = ["insert", "merge"];

/// Statements whose `into` the parser reads itself.
const READ_ELSEWHERE: [&str; 2] = ["fetch", "import"];

/// Words behind which a statement of a block begins.
const STARTS: [&str; 5] = ["begin", "then", "else", "loop", "declare"];

fn targets(body: &str) -> Vec<Span> {
    let mut tokens = Tokens::of(body);
    let mut found = Vec::new();
    let (mut first, mut last): (Option<&str>, &str) = (None, "");
    let mut parentheses = 0_usize;
    while let Some((kind, span)) = tokens.next() {
        let word = if kind == TokenKind::Ident { span.of(body) } else { "" };
        let is = |words: &[&str], word: &str| words.iter().any(|w| word.eq_ignore_ascii_case(w));
        match kind {
            TokenKind::OpenParen => parentheses += 1,
            TokenKind::CloseParen => parentheses = parentheses.saturating_sub(1),
            TokenKind::Semi => (first, parentheses) = (None, 0),
            TokenKind::Ident if is(&STARTS, word) => first = None,
            TokenKind::Ident
                if word.eq_ignore_ascii_case("into")
                    && parentheses == 0
                    && !is(&OWN_INTO, last)
                    && !first.is_some_and(|f| is(&READ_ELSEWHERE, f)) =>
            {
                found.push(Span::new(span.start, tokens.skip_targets().unwrap_or(span.end)));
            }
            _ => first = first.or(Some(word)),
        }
        last = word;
    }
    found
}

/// The tokens of a body, white space and comments left out.
struct Tokens<'t> {
    body: &'t str,
    tokens: Vec<(TokenKind, Span)>,
    next: usize,
}

impl<'t> Tokens<'t> {
    fn of(body: &'t str) -> Self {
        let mut offset = 0;
        let tokens = squawk_lexer::tokenize(body).map(|token| {
            let span = Span::new(offset, offset + token.len as usize);
            offset = span.end;
            (token.kind, span)
        });
        let is_text = |kind: TokenKind| {
            !matches!(kind, TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. })
        };
        Self { body, tokens: tokens.filter(|(kind, _)| is_text(*kind)).collect(), next: 0 }
    }

    fn next(&mut self) -> Option<(TokenKind, Span)> {
        let token = self.tokens.get(self.next).copied();
        self.next += 1;
        token
    }

    fn peek(&self) -> Option<TokenKind> {
        self.tokens.get(self.next).map(|(kind, _)| *kind)
    }

    /// Goes past `[strict] a, b.c, d[1]`; says where it ends, if there is any target.
    fn skip_targets(&mut self) -> Option<usize> {
        if let Some((TokenKind::Ident, span)) = self.tokens.get(self.next)
            && span.of(self.body).eq_ignore_ascii_case("strict")
        {
            self.next += 1;
        }
        let mut end = None;
        loop {
            if !matches!(
                self.peek(),
                Some(TokenKind::Ident | TokenKind::QuotedIdent { .. } | TokenKind::PositionalParam { .. })
            ) {
                return end;
            }
            end = self.next().map(|(_, span)| span.end);
            while let Some(accessor) = self.skip_accessor() {
                end = Some(accessor);
            }
            if self.peek() != Some(TokenKind::Comma) {
                return end;
            }
            self.next += 1;
        }
    }

    /// Goes past `.field` or `[index]`.
    fn skip_accessor(&mut self) -> Option<usize> {
        match self.peek()? {
            TokenKind::Dot => {
                self.next += 1;
                self.next().map(|(_, span)| span.end)
            }
            TokenKind::OpenBracket => {
                let mut open = 0_usize;
                while let Some((kind, span)) = self.next() {
                    match kind {
                        TokenKind::OpenBracket => open += 1,
                        TokenKind::CloseBracket if open == 1 => return Some(span.end),
                        TokenKind::CloseBracket => open -= 1,
                        _ => {}
                    }
                }
                None
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_targets;

    #[test]
    fn targets_are_blanked_and_nothing_else() {
        for (body, expected) in [
            ("select a into x from t;", "select a        from t;"),
            ("select a into strict x.y, z[1] from t;", "select a                       from t;"),
            (
                "insert into t values (1) returning id into v;",
                "insert into t values (1) returning id       ;",
            ),
            ("fetch c into x;", "fetch c into x;"),
            ("execute 'x' into y using z;", "execute 'x'        using z;"),
            ("if a then select b into c; end if;", "if a then select b       ; end if;"),
            ("merge into t using s on true", "merge into t using s on true"),
            ("select 'into x', \"into\" y -- into z", "select 'into x', \"into\" y -- into z"),
            ("select a into", "select a     "),
        ] {
            assert_eq!(without_targets(body), expected, "{body}");
        }
    }
}
