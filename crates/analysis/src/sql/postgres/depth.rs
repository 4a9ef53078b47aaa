//! How deep a text nests, estimated from its tokens before anything recursive sees it.
//!
//! The parser descends once for each parenthesis, and trees of long operator chains
//! are dropped link by link; both would run off the end of the stack, which ends
//! the process. So a text beyond these limits is refused by count. The estimate may
//! be too high, never too low by more than a constant factor.

use squawk_lexer::{LiteralKind, TokenKind};

/// How deep a statement may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// Parentheses, brackets and `case` within one another.
    pub(super) nesting: u32,
    /// Links of operator chains on the way to the deepest place.
    pub(super) chain: u32,
}

impl Limit {
    /// What a stack of 16 MB carries with room to spare.
    pub(super) const LARGE_STACK: Limit = Limit { nesting: 1_000, chain: 10_000 };
    /// What any thread carries.
    pub(super) const SMALL_STACK: Limit = Limit { nesting: 50, chain: 500 };
}

/// Deepest points seen in one statement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Depth {
    nesting: u32,
    chain: u32,
}

impl Depth {
    /// Whether the statement stays within `limit`.
    pub(super) fn within(self, limit: Limit) -> bool {
        self.nesting <= limit.nesting && self.chain <= limit.chain
    }
}

/// Follows the tokens of one statement.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    levels: Vec<Level>,
    here: Level,
    /// Links of all levels together.
    links: u32,
    deepest: Depth,
}

#[derive(Debug, Default, Clone, Copy)]
struct Level {
    case: bool,
    /// Operators since the last comma: a comma ends an expression.
    operators: u32,
}

impl Gauge {
    pub(super) fn depth(&self) -> Depth {
        self.deepest
    }

    /// Takes note of the next token and its text.
    pub(super) fn token(&mut self, kind: TokenKind, text: &str) {
        match kind {
            TokenKind::OpenParen => self.open(false),
            TokenKind::OpenBracket => {
                // `a[1][2][3]` is a chain too.
                self.link();
                self.open(false);
            }
            TokenKind::CloseParen | TokenKind::CloseBracket => self.close(),
            TokenKind::Comma => {
                self.links -= self.here.operators;
                self.here.operators = 0;
            }
            TokenKind::Ident => self.word(text),
            TokenKind::Whitespace
            | TokenKind::LineComment
            | TokenKind::BlockComment { .. }
            | TokenKind::QuotedIdent { .. }
            | TokenKind::PositionalParam { .. }
            | TokenKind::Literal { kind: LiteralKind::Int { .. } | LiteralKind::Numeric { .. } }
            | TokenKind::Literal { .. }
            | TokenKind::Semi
            | TokenKind::Eof => {}
            _ => self.link(),
        }
    }

    fn word(&mut self, text: &str) {
        let mut lower = [0_u8; 10];
        let Some(lower) = lower.get_mut(..text.len()) else { return };
        lower.copy_from_slice(text.as_bytes());
        lower.make_ascii_lowercase();
        match &*lower {
            b"case" => self.open(true),
            b"end" if self.here.case => self.close(),
            b"and" | b"or" | b"not" | b"is" | b"in" | b"like" | b"ilike" | b"similar" | b"between"
            | b"collate" | b"at" | b"isnull" | b"notnull" | b"operator" | b"overlaps" | b"escape"
            | b"explain" => self.link(),
            // A comma does not end these, so they are counted where it cannot reset them.
            b"union" | b"intersect" | b"except" | b"join" => self.sticky_link(),
            _ => {}
        }
    }

    fn open(&mut self, case: bool) {
        self.levels.push(self.here);
        self.here = Level { case, operators: 0 };
        let nesting = u32::try_from(self.levels.len()).unwrap_or(u32::MAX);
        self.deepest.nesting = self.deepest.nesting.max(nesting);
    }

    fn close(&mut self) {
        if let Some(outer) = self.levels.pop() {
            self.links -= self.here.operators;
            self.here = outer;
        }
    }

    fn link(&mut self) {
        self.here.operators += 1;
        self.sticky_link();
    }

    fn sticky_link(&mut self) {
        self.links = self.links.saturating_add(1);
        self.deepest.chain = self.deepest.chain.max(self.links);
    }
}

/// The depth of a whole text, for bodies that are not cut into statements first:
/// blocks, loops and branches of procedural code count as nesting.
pub(super) fn of_body(text: &str) -> Depth {
    let mut gauge = Gauge::default();
    let (mut blocks, mut deepest, mut offset, mut after_end) = (0_u32, 0_u32, 0, false);
    for token in squawk_lexer::tokenize(text) {
        let word = text.get(offset..offset + token.len as usize).unwrap_or("");
        offset += token.len as usize;
        gauge.token(token.kind, word);
        match token.kind {
            TokenKind::Ident if word.eq_ignore_ascii_case("end") => {
                blocks = blocks.saturating_sub(1);
                after_end = true;
                continue;
            }
            TokenKind::Ident if !after_end && opens_block(word) => {
                blocks += 1;
                deepest = deepest.max(blocks);
            }
            // An expression ends here, whatever stood before it.
            TokenKind::Semi => gauge = Gauge { deepest: gauge.deepest, ..Gauge::default() },
            TokenKind::Whitespace => continue,
            _ => {}
        }
        after_end = false;
    }
    Depth { nesting: gauge.deepest.nesting.max(deepest), ..gauge.deepest }
}

fn opens_block(word: &str) -> bool {
    ["begin", "if", "loop", "case"].iter().any(|w| word.eq_ignore_ascii_case(w))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(text: &str) -> (u32, u32) {
        let mut gauge = Gauge::default();
        let mut offset = 0;
        for token in squawk_lexer::tokenize(text) {
            gauge.token(token.kind, &text[offset..offset + token.len as usize]);
            offset += token.len as usize;
        }
        (gauge.depth().nesting, gauge.depth().chain)
    }

    #[test]
    fn parentheses_nest_and_operators_chain() {
        assert_eq!(depth("select ((1)), [a]"), (2, 1));
        assert_eq!(depth("select a[1][2][3], b[1]"), (1, 3));
        assert_eq!(depth("select 1 + 2 + 3, 4 + 5"), (0, 2));
        assert_eq!(depth("select (1 + (2 + 3)) + 4"), (2, 2));
        assert_eq!(depth("select 1, 2 union select 1, 2 union select 1, 2"), (0, 2));
        assert_eq!(depth("case when a then case b end end, case c end"), (2, 0));
    }

    #[test]
    fn unbalanced_text_does_not_confuse_the_count() {
        assert_eq!(depth(")) end ] , ("), (1, 0));
    }

    #[test]
    fn blocks_of_bodies_nest() {
        assert_eq!(of_body("begin if a then loop null; end loop; end if; end").nesting, 3);
        assert_eq!(of_body("begin if a then null; end if; if a then null; end if; end").nesting, 2);
    }
}
