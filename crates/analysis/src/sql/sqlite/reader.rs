//! Walks over the tokens of one statement and collects what they say.
//!
//! It reads statements that SQLite's grammar has accepted, so it looks for
//! facts rather than for errors; where the tokens do not go as expected it
//! says [`Stuck`], which a test over real files keeps from happening.

use sqlite3_parser::lexer::sql::TokenType;

use super::cut::Token;
use crate::place::Span;
use crate::sql::expr::Cast;
use crate::sql::{Action, Effect, ObjectName, Within};

/// Deepest nesting of queries, windows and joins in parentheses: SQLite's own limit for expressions.
const DEEPEST: usize = 1000;

/// The reader met a token that it has no use for.
#[derive(Debug)]
pub(super) struct Stuck {
    /// Index of the token.
    pub(super) at: usize,
    /// For people.
    pub(super) message: String,
}

pub(super) type Result<T> = std::result::Result<T, Stuck>;

/// What expressions and queries mention, in the order in which it stands.
/// The facts of one expression are what was added while it was read.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    pub(super) columns: Vec<String>,
    pub(super) calls: Vec<String>,
    pub(super) casts: Vec<Cast>,
    pub(super) double_quoted: Vec<(String, Span)>,
    pub(super) tables: Vec<ObjectName>,
    pub(super) subqueries: usize,
}

/// A place in the tokens of one statement.
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    tokens: &'t [Token],
    pub(super) at: usize,
    pub(super) mentions: Mentions,
    /// Names that `with` has given, innermost last.
    pub(super) ctes: Vec<String>,
    /// Above zero, expressions are walked over but not kept.
    pub(super) quiet: usize,
    depth: usize,
    pub(super) within: Within,
    pub(super) effects: Vec<Effect>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, tokens: &'t [Token]) -> Self {
        Self {
            text,
            tokens,
            at: 0,
            mentions: Mentions::default(),
            ctes: Vec::new(),
            quiet: 0,
            depth: 0,
            within: Within::Statement,
            effects: Vec::new(),
        }
    }

    /// The kind of the token `ahead` of the next one; `TK_EOF` behind the end.
    pub(super) fn kind(&self, ahead: usize) -> TokenType {
        self.tokens.get(self.at + ahead).map_or(TokenType::TK_EOF, |t| t.kind)
    }

    pub(super) fn peek(&self) -> TokenType {
        self.kind(0)
    }

    pub(super) fn done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub(super) fn advance(&mut self, tokens: usize) {
        self.at = self.at.saturating_add(tokens).min(self.tokens.len());
    }

    /// Steps over the next token if it is a `kind`.
    pub(super) fn eat(&mut self, kind: TokenType) -> bool {
        let found = self.peek() == kind;
        self.advance(usize::from(found));
        found
    }

    /// Steps over the next tokens if they are all of these kinds.
    pub(super) fn eat_all(&mut self, kinds: &[TokenType]) -> bool {
        let found = kinds.iter().enumerate().all(|(i, kind)| self.kind(i) == *kind);
        self.advance(if found { kinds.len() } else { 0 });
        found
    }

    pub(super) fn expect(&mut self, kind: TokenType, what: &'static str) -> Result<()> {
        if self.eat(kind) { Ok(()) } else { Err(self.stuck(what)) }
    }

    /// The grammar has accepted what we cannot follow: a fault of ours.
    pub(super) fn stuck(&self, what: &'static str) -> Stuck {
        Stuck { at: self.at, message: format!("cannot be understood: {what}") }
    }

    /// The grammar has accepted what SQLite, as everybody builds it, refuses.
    pub(super) fn refused(&self) -> Stuck {
        Stuck { at: self.at, message: format!("near \"{}\": syntax error", self.word()) }
    }

    /// The source text of the next token.
    pub(super) fn word(&self) -> &'t str {
        self.word_at(0)
    }

    /// The source text of the token `ahead` of the next one.
    pub(super) fn word_at(&self, ahead: usize) -> &'t str {
        self.tokens.get(self.at + ahead).map_or("", |t| t.span.of(self.text))
    }

    /// Steps over the next token if it is this word, which the grammar may not know.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.word().eq_ignore_ascii_case(word);
        self.advance(usize::from(found));
        found
    }

    /// Where the next token stands, or the end of the statement.
    pub(super) fn here(&self) -> Span {
        let end = self.tokens.last().map_or(0, |t| t.span.end);
        self.tokens.get(self.at).map_or(Span::new(end, end), |t| t.span)
    }

    /// From token number `first` to the last one read.
    pub(super) fn since(&self, first: usize) -> Span {
        let start = self.tokens.get(first).map_or(self.here().start, |t| t.span.start);
        let end = self.at.checked_sub(1).and_then(|i| self.tokens.get(i)).map_or(start, |t| t.span.end);
        Span::new(start, end.max(start))
    }

    /// The tokens from number `first` to the last one read.
    pub(super) fn tokens_since(&self, first: usize) -> &'t [Token] {
        &self.tokens[first..self.at]
    }

    /// Runs `work` one level deeper.
    pub(super) fn nested<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEEPEST {
            return Err(self.stuck("nested more than 1000 levels deep"));
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    /// Whether the token `ahead` can be a name where SQLite wants one: also many key
    /// words, and strings.
    pub(super) fn is_name(&self, ahead: usize) -> bool {
        let kind = self.kind(ahead);
        kind == TokenType::TK_STRING || is_identifier(kind)
    }

    /// A name as SQLite stores it.
    pub(super) fn name(&mut self) -> Result<String> {
        if !self.is_name(0) {
            return Err(self.stuck("a name was expected"));
        }
        let name = unquoted(self.word());
        self.advance(1);
        Ok(name)
    }

    /// `name` or `schema.name`.
    pub(super) fn object(&mut self) -> Result<ObjectName> {
        let first = self.name()?;
        if !self.eat(TokenType::TK_DOT) {
            return Ok(ObjectName::bare(first));
        }
        Ok(ObjectName::qualified(first, self.name()?))
    }

    /// `(a, b collate c desc)`: the names; empty where no parenthesis stands.
    pub(super) fn name_list(&mut self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        if !self.eat(TokenType::TK_LP) {
            return Ok(names);
        }
        loop {
            names.push(self.name()?);
            if self.eat(TokenType::TK_COLLATE) {
                self.advance(1);
            }
            self.sort_order();
            if !self.eat(TokenType::TK_COMMA) {
                self.expect(TokenType::TK_RP, "a closing parenthesis was expected")?;
                return Ok(names);
            }
        }
    }

    /// `asc`, `desc`, `nulls first`, `nulls last`.
    pub(super) fn sort_order(&mut self) {
        if matches!(self.peek(), TokenType::TK_ASC | TokenType::TK_DESC) {
            self.advance(1);
        }
        if self.peek() == TokenType::TK_NULLS
            && matches!(self.kind(1), TokenType::TK_FIRST | TokenType::TK_LAST)
        {
            self.advance(2);
        }
    }

    /// `if not exists`.
    pub(super) fn if_not_exists(&mut self) -> bool {
        self.eat_all(&[TokenType::TK_IF, TokenType::TK_NOT, TokenType::TK_EXISTS])
    }

    /// `if exists`.
    pub(super) fn if_exists(&mut self) -> bool {
        self.eat_all(&[TokenType::TK_IF, TokenType::TK_EXISTS])
    }

    /// Steps over a parenthesis and all that it holds.
    pub(super) fn skip_parenthesis(&mut self) -> Result<()> {
        let mut open = 0_usize;
        while !self.done() {
            match self.peek() {
                TokenType::TK_LP => open += 1,
                TokenType::TK_RP => open = open.saturating_sub(1),
                _ => {}
            }
            self.advance(1);
            if open == 0 {
                return Ok(());
            }
        }
        Err(self.stuck("a closing parenthesis was expected"))
    }

    /// Records an effect that stands from token number `first` to the last one read.
    pub(super) fn effect(&mut self, first: usize, action: Action) {
        let span = self.since(first);
        self.effects.push(Effect { span, within: self.within, action });
    }
}

/// Whether a token of this kind is an identifier where its own meaning makes no sense:
/// the grammar's list of key words that fall back to one.
pub(super) fn is_identifier(kind: TokenType) -> bool {
    use TokenType::*;
    #[rustfmt::skip]
    let found = matches!(
        kind,
        TK_ID | TK_INDEXED | TK_JOIN_KW | TK_WINDOW | TK_OVER | TK_FILTER
            | TK_ABORT | TK_ACTION | TK_AFTER | TK_ANALYZE | TK_ASC | TK_ATTACH | TK_BEFORE | TK_BEGIN | TK_BY
            | TK_CASCADE | TK_CAST | TK_COLUMNKW | TK_CONFLICT | TK_DATABASE | TK_DEFERRED | TK_DESC | TK_DETACH
            | TK_DO | TK_EACH | TK_END | TK_EXCLUSIVE | TK_EXPLAIN | TK_FAIL | TK_FOR | TK_IGNORE | TK_IMMEDIATE
            | TK_INITIALLY | TK_INSTEAD | TK_LIKE_KW | TK_MATCH | TK_NO | TK_PLAN | TK_QUERY | TK_KEY | TK_OF
            | TK_OFFSET | TK_PRAGMA | TK_RAISE | TK_RECURSIVE | TK_RELEASE | TK_REPLACE | TK_RESTRICT | TK_ROW
            | TK_ROWS | TK_ROLLBACK | TK_SAVEPOINT | TK_TEMP | TK_TRIGGER | TK_VACUUM | TK_VIEW | TK_VIRTUAL
            | TK_WITH | TK_WITHOUT | TK_NULLS | TK_FIRST | TK_LAST | TK_CURRENT | TK_FOLLOWING | TK_PARTITION
            | TK_PRECEDING | TK_RANGE | TK_UNBOUNDED | TK_EXCLUDE | TK_GROUPS | TK_OTHERS | TK_TIES | TK_GENERATED
            | TK_ALWAYS | TK_MATERIALIZED | TK_REINDEX | TK_RENAME | TK_CTIME_KW | TK_IF
    );
    found
}

/// A name or string without its quotes: `"a""b"`, `` `a` ``, `[a]`, `'a'`.
pub(super) fn unquoted(word: &str) -> String {
    let mut chars = word.chars();
    let (first, last) = (chars.next(), chars.next_back());
    let inner = chars.as_str();
    match (first, last) {
        (Some('['), Some(']')) => inner.to_owned(),
        (Some(quote @ ('"' | '`' | '\'')), Some(end)) if quote == end => {
            let quote = String::from(quote);
            inner.replace(&quote.repeat(2), &quote)
        }
        _ => word.to_owned(),
    }
}
