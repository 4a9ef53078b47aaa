//! Statements that the server takes and the parser refuses, put into words it knows.
//!
//! A rewritten text has the length of the first, so that every place stays.

use squawk_lexer::TokenKind;

use super::blank;
use crate::place::Span;

/// Stands for the setting behind `set names`.
pub(super) const NAMES: &str = "_ce";
/// Stands for the setting behind `set role to`.
pub(super) const ROLE: &str = "_rol";

/// The same statement in other words, when it is one of those the parser lacks.
pub(super) fn reworded(sql: &str) -> Option<String> {
    let words = words(sql);
    let word = |index: usize| words.get(index).map_or("", |(word, _)| word.as_str());
    let begins = |phrase: &[&str]| phrase.iter().enumerate().all(|(i, w)| word(i) == *w);
    let set = usize::from(matches!(word(1), "local" | "session")) + 1;
    match () {
        // `set names 'utf8'`
        () if word(0) == "set" && word(set) == "names" => Some(replaced(sql, words[set].1, "_ce =")),
        // `set role to default`, `set role = joe`
        () if word(0) == "set" && word(set) == "role" => Some(replaced(sql, words[set].1, ROLE)),
        () if begins(&["alter", "user", "mapping", "for", "user"]) => Some(replaced(sql, words[4].1, "self")),
        () if begins(&["alter", "statistics", "if", "exists"]) => {
            Some(blank(sql, &[Span::new(words[2].1.start, words[3].1.end)]))
        }
        () => None,
    }
}

/// `sql` with other bytes at `place`, as many.
fn replaced(sql: &str, place: Span, by: &str) -> String {
    format!("{}{by:<width$}{}", &sql[..place.start], &sql[place.end..], width = place.end - place.start)
}

/// The first words of a statement, in lower case, as far as nothing else stands between.
fn words(sql: &str) -> Vec<(String, Span)> {
    let mut offset = 0;
    let mut found = Vec::new();
    for token in squawk_lexer::tokenize(sql) {
        let span = Span::new(offset, offset + token.len as usize);
        offset = span.end;
        match token.kind {
            TokenKind::Ident if found.len() < 5 => found.push((span.of(sql).to_ascii_lowercase(), span)),
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. } => {}
            _ => break,
        }
    }
    found
}
