//! `-- cofferdam:NAME ...`: what SQL cannot say, in comments other tools skip.
//!
//! `allow` and `online`'s companions hold where they stand; a directive nobody
//! knows is kept as [`DirectiveKind::Unknown`], so that a typo is refused rather
//! than skipped.

use super::Statement;
use crate::place::Span;

/// One directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// From `cofferdam:` to the end of the directive's text.
    pub span: Span,
    /// What it says.
    pub kind: DirectiveKind,
}

/// What a directive says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectiveKind {
    /// `allow RULE reason`: the finding of that rule on this statement is accepted.
    Allow {
        /// The rule's id.
        rule: String,
        /// Why; empty is a finding of its own.
        reason: String,
    },
    /// `no-transaction`: the file's statements run outside of a transaction.
    NoTransaction,
    /// `online`: a change the application must not notice.
    Online,
    /// `down TABLE.COLUMN = EXPRESSION` or `down TABLE.COLUMN lossy REASON`.
    Down(String),
    /// Anything else behind `cofferdam:`.
    Unknown(String),
}

/// Directives found, and the statements that they were tied to.
pub(crate) struct Attached {
    pub(crate) statements: Vec<Statement>,
    pub(crate) all: Vec<Directive>,
}

/// Reads the directives in `comments` and ties each to a statement: to the one it
/// follows on the line where that ends, else to the one that comes next.
pub(crate) fn attach(text: &str, comments: &[Span], mut statements: Vec<Statement>) -> Attached {
    let all: Vec<Directive> = comments.iter().flat_map(|span| read(text, *span)).collect();
    for directive in &all {
        let at = directive.span.start;
        let next = statements.partition_point(|s| s.span.start < at);
        let inside_or_behind = next.checked_sub(1).filter(|i| {
            let end = statements[*i].span.end;
            at < end || !text[end..at].contains('\n')
        });
        let tied_to = inside_or_behind.or((next < statements.len()).then_some(next));
        if let Some(index) = tied_to {
            statements[index].directives.push(directive.clone());
        }
    }
    Attached { statements, all }
}

/// The directives within one comment; a block comment may hold one a line.
fn read(text: &str, comment: Span) -> Vec<Directive> {
    let mut found = Vec::new();
    let mut offset = comment.start;
    for line in comment.of(text).split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let body = line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '/' | '*'));
        let Some(rest) = body.strip_prefix("cofferdam:") else { continue };
        let rest = rest.trim_end();
        let rest = rest.strip_suffix("*/").unwrap_or(rest).trim_end();
        let begin = start + (line.len() - body.len());
        let span = Span::new(begin, begin + "cofferdam:".len() + rest.len());
        found.push(Directive { span, kind: kind(rest) });
    }
    found
}

fn kind(rest: &str) -> DirectiveKind {
    let (word, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let argument = argument.trim();
    match word {
        "allow" => {
            let (rule, reason) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
            DirectiveKind::Allow { rule: rule.to_owned(), reason: reason.trim().to_owned() }
        }
        "no-transaction" if argument.is_empty() => DirectiveKind::NoTransaction,
        "online" if argument.is_empty() => DirectiveKind::Online,
        "down" => DirectiveKind::Down(argument.to_owned()),
        _ => DirectiveKind::Unknown(rest.to_owned()),
    }
}
