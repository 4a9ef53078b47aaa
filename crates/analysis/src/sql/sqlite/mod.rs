//! SQLite text -> statements.
//!
//! The text is cut into statements at their semicolons (`cut`), SQLite's own
//! grammar judges each (`grammar`), and a reader collects the facts of those it
//! accepts (`reader` and the files of its verbs). Never fails and never panics:
//! a statement that is none of SQLite's is kept with its damage.

mod alter;
mod constant;
mod cut;
mod data;
mod expr;
mod grammar;
mod lexer;
mod query;
mod reader;
mod schema;

use std::borrow::Cow;

use sqlite3_parser::lexer::sql::TokenType;

use self::cut::Piece;
use self::reader::{Reader, Result, unquoted};
use super::{Action, Damage, Effect, Read, Statement, TransactionCommand};

/// Reads a file of SQLite's SQL.
pub(crate) fn read(text: &str) -> Read {
    let mut statements: Vec<Statement> = Vec::new();
    let rest = cut::cut(text, |piece| {
        let index = statements.len();
        let read = grammar::guarded(&piece, || understand(text, &piece));
        let Understood { verb, effects, damage } = read.unwrap_or_else(|damage| Understood {
            verb: first_words(text, &piece).into(),
            effects: Vec::new(),
            damage: Some(damage),
        });
        let (effects, damage) = (effects.into(), damage.map(Box::new));
        let directives = Vec::new();
        statements.push(Statement { index, span: piece.span, verb, effects, directives, damage });
    });
    Read { statements, comments: rest.comments, meta: rest.meta }
}

struct Understood {
    verb: Cow<'static, str>,
    effects: Vec<Effect>,
    damage: Option<Damage>,
}

fn understand(text: &str, piece: &Piece) -> Understood {
    let mut reader = Reader::new(text, &piece.tokens);
    let Some(damage) = grammar::check(text, piece) else {
        return match reader.statement() {
            Ok(verb) => Understood { verb: verb.into(), effects: reader.effects, damage: None },
            Err(stuck) => Understood {
                verb: first_words(text, piece).into(),
                effects: Vec::new(),
                damage: Some(Damage {
                    span: piece.tokens.get(stuck.at).map_or(piece.span, |t| t.span),
                    message: stuck.message,
                }),
            },
        };
    };
    let foreign = piece.bad.is_none() && reader.peek() == TokenType::TK_ALTER;
    let verb = if foreign { reader.foreign_alter().ok() } else { None };
    Understood {
        effects: if verb.is_some() { reader.effects } else { Vec::new() },
        verb: verb.map_or_else(|| first_words(text, piece).into(), Cow::Borrowed),
        damage: Some(damage),
    }
}

/// What a statement that cannot be read begins with, for people.
fn first_words(text: &str, piece: &Piece) -> String {
    let words = piece.tokens.iter().take(2).map(|t| t.span.of(text));
    let plain = |word: &&str| word.len() <= 20 && word.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
    words.take_while(plain).map(str::to_ascii_lowercase).collect::<Vec<_>>().join(" ")
}

impl Reader<'_> {
    /// A whole statement; its verb.
    fn statement(&mut self) -> Result<&'static str> {
        use TokenType::*;
        let first = self.at;
        let verb = match self.peek() {
            TK_EXPLAIN => return self.explain(first),
            TK_CREATE => self.create()?,
            TK_DROP => self.drop_statement()?,
            TK_ALTER => self.alter_table()?,
            TK_PRAGMA => self.pragma(first)?,
            TK_BEGIN | TK_COMMIT | TK_END | TK_ROLLBACK | TK_SAVEPOINT | TK_RELEASE => {
                self.transaction(first)
            }
            TK_ATTACH | TK_DETACH => self.attach(first),
            TK_VACUUM => self.vacuum(first),
            TK_REINDEX => self.reindex(first)?,
            TK_ANALYZE => {
                self.rest_is_nothing(first);
                "analyze"
            }
            _ => self.data_statement()?,
        };
        if self.done() { Ok(verb) } else { Err(self.stuck("more than one statement")) }
    }

    /// Steps to the end of a statement that no rule asks about.
    fn rest_is_nothing(&mut self, first: usize) {
        self.advance(usize::MAX);
        self.effect(first, Action::Other);
    }

    /// Says how a statement would run, and does not run it.
    fn explain(&mut self, first: usize) -> Result<&'static str> {
        self.rest_is_nothing(first);
        Ok("explain")
    }

    fn pragma(&mut self, first: usize) -> Result<&'static str> {
        use TokenType::*;
        self.advance(1);
        let name = self.object()?.name.to_ascii_lowercase();
        let mut value = None;
        if matches!(self.peek(), TK_EQ | TK_LP) {
            self.advance(1);
            let sign = if self.peek() == TK_MINUS { "-" } else { "" };
            self.advance(usize::from(matches!(self.peek(), TK_MINUS | TK_PLUS)));
            value = Some(format!("{sign}{}", unquoted(self.word())));
            self.advance(1);
            self.eat(TK_RP);
        }
        self.effect(first, Action::Pragma { name, value });
        Ok("pragma")
    }

    fn transaction(&mut self, first: usize) -> &'static str {
        use TokenType::*;
        let kind = self.peek();
        let to = (1..=3).any(|i| self.kind(i) == TK_TO);
        self.advance(usize::MAX);
        let (command, verb) = match kind {
            TK_BEGIN => (TransactionCommand::Begin, "begin"),
            TK_COMMIT | TK_END => (TransactionCommand::Commit, "commit"),
            TK_SAVEPOINT => (TransactionCommand::Savepoint, "savepoint"),
            TK_RELEASE => (TransactionCommand::Release, "release"),
            _ if to => (TransactionCommand::RollbackTo, "rollback to"),
            _ => (TransactionCommand::Rollback, "rollback"),
        };
        self.effect(first, Action::Transaction(command));
        verb
    }

    fn attach(&mut self, first: usize) -> &'static str {
        let attach = self.peek() == TokenType::TK_ATTACH;
        self.advance(usize::MAX);
        self.effect(first, Action::Attach { attach });
        if attach { "attach" } else { "detach" }
    }

    /// `vacuum into` writes a copy and leaves the database alone.
    fn vacuum(&mut self, first: usize) -> &'static str {
        let copies = (1..=2).any(|i| self.kind(i) == TokenType::TK_INTO);
        self.advance(usize::MAX);
        let rewrite = Action::Vacuum { full: false, tables: Vec::new() };
        self.effect(first, if copies { Action::Other } else { rewrite });
        "vacuum"
    }

    /// The name may be that of a collation, a table or an index.
    fn reindex(&mut self, first: usize) -> Result<&'static str> {
        self.advance(1);
        let name = if self.done() { None } else { Some(self.object()?) };
        let target = if name.is_some() { "index" } else { "database" }.to_owned();
        self.effect(first, Action::Reindex { concurrently: false, target, name });
        Ok("reindex")
    }
}

#[cfg(test)]
mod tests;
