//! The facts rules ask about an expression: what it reads, calls and casts.

use super::table::TypeName;
use crate::place::Span;

/// An expression, reduced to facts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expr {
    /// Where it stands in the file.
    pub span: Span,
    /// The column names it reads, as stored, without their qualifiers (subqueries included).
    pub columns: Box<[String]>,
    /// When it is a bare column, its name.
    pub column: Option<Box<str>>,
    /// The functions it calls, in lower case, without schema.
    pub calls: Box<[String]>,
    /// Its casts, outermost first.
    pub casts: Box<[Cast]>,
    /// `*` or `t.*`.
    pub star: bool,
    /// The alias given by `as`.
    pub alias: Option<Box<str>>,
    /// Names in double quotes, as written (SQLite may take them for strings), with their places.
    pub double_quoted: Box<[(String, Span)]>,
    /// When it is a constant, which.
    pub literal: Option<Literal>,
    /// Contains a subquery.
    pub subquery: bool,
}

/// A cast within an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Cast {
    /// The type cast to.
    pub to: TypeName,
    /// The columns read by what is cast.
    pub columns: Vec<String>,
    /// The cast itself.
    pub span: Span,
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// As written, with its sign.
    Number(String),
    /// The value of a string literal.
    String(String),
    /// `current_timestamp` and its kind.
    Time,
    /// A blob or bit string.
    Other,
}
