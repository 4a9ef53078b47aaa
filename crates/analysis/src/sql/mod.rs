//! SQL text -> [`Script`]: statements with their effects, places and directives.
//!
//! One syntax error costs one statement, never the file. A text is cut at
//! top-level semicolons first and parsed piece by piece, so memory is bounded
//! by the longest statement and an odd statement cannot swallow its neighbours.

pub mod directive;
pub mod expr;
mod postgres;
mod sqlite;
mod statement;
pub mod table;

use std::sync::Arc;

pub use directive::{Directive, DirectiveKind};
pub use statement::{
    Action, Damage, Dialect, Effect, Filter, Insert, InsertSource, ObjectKind, ObjectName, OnConflict, Query,
    Statement, TransactionCommand, Update, Within,
};

use crate::place::{Lines, Place, Span};

/// One file of SQL, read.
#[derive(Debug, Clone)]
pub struct Script {
    /// The file as the user named it.
    pub file: Arc<str>,
    /// Its text, BOM removed, otherwise untouched: spans point into it.
    pub text: Arc<str>,
    /// What it is written in.
    pub dialect: Dialect,
    /// Every statement, in order; also those that could not be parsed.
    pub statements: Vec<Statement>,
    /// Every directive of the file, also those tied to a statement.
    pub directives: Vec<Directive>,
    /// Lines of psql (`\restrict`, `\connect`, `COPY` data) and of sqlite3 (`.mode`): not SQL, blanked before parsing.
    pub meta: Vec<MetaLine>,
    lines: Lines,
}

/// A line that psql or sqlite3 understands and no database does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaLine {
    /// The bytes, from the backslash or dot to the end of the line, or a block of `COPY` data.
    pub span: Span,
    /// `restrict`, `unrestrict`, `connect`, `mode` ...; `copy data` for data after `COPY .. FROM stdin`.
    pub command: String,
}

impl Script {
    /// Reads `text`, the content of `file`. Never fails: what cannot be parsed
    /// stands in the result as a damaged statement.
    pub fn parse(dialect: Dialect, file: &str, text: &str) -> Script {
        Self::sharing(dialect, file, text.into())
    }

    /// As [`Script::parse`], without a copy of a text that others hold as well.
    pub fn sharing(dialect: Dialect, file: &str, text: Arc<str>) -> Script {
        let text = text.strip_prefix('\u{feff}').map(Arc::from).unwrap_or(text);
        let read = match dialect {
            Dialect::Postgres => postgres::read(&text),
            Dialect::Sqlite => sqlite::read(&text),
        };
        let directives = directive::attach(&text, &read.comments, read.statements);
        Script {
            file: file.into(),
            lines: Lines::of(&text),
            text,
            dialect,
            statements: directives.statements,
            directives: directives.all,
            meta: read.meta,
        }
    }

    /// Where `span` stands, for people.
    pub fn place(&self, span: Span) -> Place {
        self.lines.place(&self.file, &self.text, span)
    }

    /// A statement's own text.
    pub fn sql(&self, statement: &Statement) -> &str {
        statement.span.of(&self.text)
    }
}

/// What a dialect's reader returns. `comments` are all comments outside of statements'
/// bodies, in order, each with its delimiters.
pub(crate) struct Read {
    pub(crate) statements: Vec<Statement>,
    pub(crate) comments: Vec<Span>,
    pub(crate) meta: Vec<MetaLine>,
}
