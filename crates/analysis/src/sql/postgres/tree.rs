//! Small questions to the parser's tree: names, places, words.

use squawk_line_index::{TextRange, TextSize};
use squawk_syntax::{
    SyntaxKind, SyntaxNode,
    ast::{self, AstNode},
    decoded_text::DecodedText,
};

use super::super::ObjectName;
use crate::place::Span;

/// Where the text that was parsed stands in the file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    /// A part of the file that begins at this byte.
    File(usize),
    /// A part, from byte `at`, of a string literal's value.
    Literal { value: &'a DecodedText, at: u32, outer: &'a Origin<'a> },
}

impl Origin<'_> {
    /// The bytes of the file that `range` of the parsed text comes from.
    pub(super) fn span(&self, range: TextRange) -> Span {
        match self {
            Origin::File(offset) => Span::new(range.start().into(), range.end().into()).shifted(*offset),
            Origin::Literal { value, at, outer } => {
                let within = range.checked_add(TextSize::new(*at)).unwrap_or(range);
                outer.span(value.source_range(within))
            }
        }
    }

    /// The bytes of the file under `node`, without white space and comments around it.
    pub(super) fn of(&self, node: &SyntaxNode) -> Span {
        self.span(trimmed(node))
    }
}

/// The range of `node` from its first to its last token that is no white space or comment.
fn trimmed(node: &SyntaxNode) -> TextRange {
    let range = node.text_range();
    let is_text =
        |t: &squawk_syntax::SyntaxToken| !t.kind().is_trivia() && range.contains_range(t.text_range());
    let first = std::iter::successors(node.first_token(), |t| t.next_token())
        .take_while(|t| t.text_range().start() < range.end())
        .find(is_text);
    let last = std::iter::successors(node.last_token(), |t| t.prev_token())
        .take_while(|t| t.text_range().end() > range.start())
        .find(is_text);
    match (first, last) {
        (Some(first), Some(last)) => TextRange::new(first.text_range().start(), last.text_range().end()),
        _ => range,
    }
}

/// The first child of that kind.
pub(super) fn child(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxNode> {
    node.children().find(|n| n.kind() == kind)
}

/// Whether there is a child of that kind.
pub(super) fn has(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    child(node, kind).is_some()
}

/// Whether a token of that kind stands directly in `node`.
pub(super) fn has_word(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.children_with_tokens().any(|e| e.kind() == kind)
}

/// Whether `if exists` stands in the statement or clause.
pub(super) fn if_exists(node: &SyntaxNode) -> bool {
    has(node, SyntaxKind::IF_EXISTS)
}

/// Whether `if not exists` stands in the statement or clause.
pub(super) fn if_not_exists(node: &SyntaxNode) -> bool {
    has(node, SyntaxKind::IF_NOT_EXISTS)
}

/// Whether `cascade` stands in the statement or clause.
pub(super) fn cascades(node: &SyntaxNode) -> bool {
    has(node, SyntaxKind::CASCADE)
}

/// Longer names are cut by the server (`NAMEDATALEN - 1`), at a character's border.
const NAME_BYTES: usize = 63;

/// A single name as the server stores it: folded to lower case unless quoted, and cut.
/// Looks through nodes that only wrap the name.
pub(super) fn name(node: &SyntaxNode) -> String {
    let mut node = node.clone();
    while node.children_with_tokens().all(|e| e.as_token().is_none_or(|t| t.kind().is_trivia())) {
        let Some(inner) = node.first_child() else { break };
        node = inner;
    }
    let mut name = ast::normalize_name_node(&node);
    if name.len() > NAME_BYTES {
        name.truncate(name.floor_char_boundary(NAME_BYTES));
    }
    name
}

/// The name in the first child of that kind.
pub(super) fn name_in(node: &SyntaxNode, kind: SyntaxKind) -> Option<String> {
    child(node, kind).map(|n| name(&n))
}

/// The possibly qualified name in `node`, which is, wraps or begins with a path;
/// a leading database name is left out.
pub(super) fn object(node: &SyntaxNode) -> ObjectName {
    let path = match node.kind() {
        SyntaxKind::PATH | SyntaxKind::PATH_REF => Some(node.clone()),
        _ => node.descendants().find(|n| matches!(n.kind(), SyntaxKind::PATH | SyntaxKind::PATH_REF)),
    };
    let Some(path) = path else { return ObjectName::bare(name(node)) };
    let segment = |n: &SyntaxNode| {
        n.children()
            .find(|c| matches!(c.kind(), SyntaxKind::PATH_SEGMENT | SyntaxKind::PATH_SEGMENT_REF))
            .map(|s| name(&s))
    };
    let last = segment(&path).unwrap_or_default();
    let schema = child(&path, SyntaxKind::PATH_REF).and_then(|qualifier| segment(&qualifier));
    ObjectName { schema, name: last }
}

/// The qualified name in the first child of that kind.
pub(super) fn object_in(node: &SyntaxNode, kind: SyntaxKind) -> Option<ObjectName> {
    child(node, kind).map(|n| object(&n))
}

/// The qualified names in all children of that kind.
pub(super) fn objects_in(node: &SyntaxNode, kind: SyntaxKind) -> Vec<ObjectName> {
    node.children().filter(|n| n.kind() == kind).map(|n| object(&n)).collect()
}

/// The names in all children of that kind.
pub(super) fn names_in(node: &SyntaxNode, kind: SyntaxKind) -> Vec<String> {
    node.children().filter(|n| n.kind() == kind).map(|n| name(&n)).collect()
}

/// The value of the first string literal that is a child of `node`.
pub(super) fn string_in(node: &SyntaxNode) -> Option<String> {
    node.children().find_map(ast::Literal::cast)?.string_value()
}

/// The text of `node` without comments, white space runs made one space each.
pub(super) fn plain_text(node: &SyntaxNode) -> String {
    let mut out = String::new();
    for token in node.descendants_with_tokens().filter_map(|e| e.into_token()) {
        if !token.kind().is_trivia() {
            out.push_str(token.text());
        } else if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use crate::sql::{Action, Dialect, Script};

    #[test]
    fn a_long_name_and_its_first_63_bytes_are_one_table() {
        let long = "é".repeat(40);
        let script = Script::parse(Dialect::Postgres, "1.sql", &format!("truncate {long}"));
        let Some(Action::Truncate { tables, .. }) = script.statements[0].actions().next() else {
            panic!("a truncate");
        };
        assert_eq!(tables[0].name, "é".repeat(31));
    }
}
