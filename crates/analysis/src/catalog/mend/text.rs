//! Names, strings and bodies as SQL writes them.

use std::borrow::Cow;

use crate::catalog::id::QualifiedName;
use crate::catalog::text::outside_quotes;

/// A name in quotes, always: which words are reserved depends on the server's version.
pub(super) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name with its schema.
pub(super) fn qualified(name: &QualifiedName) -> String {
    match &name.schema {
        Some(schema) => format!("{}.{}", ident(schema), ident(&name.name)),
        None => ident(&name.name),
    }
}

/// Names in quotes, with commas.
pub(super) fn idents<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| ident(name)).collect::<Vec<_>>().join(", ")
}

/// A string constant. A backslash is written so that it means itself whatever the
/// session says of `standard_conforming_strings`.
pub(super) fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// A body between dollar quotes that it does not hold itself.
pub(super) fn dollars(body: &str, tag: &str) -> String {
    let mut tag = Cow::Borrowed(tag);
    // A body that ends in `$` or in the tag's beginning would close it too early.
    while format!("{body}$").contains(&format!("${tag}$")) {
        tag = Cow::Owned(format!("{tag}_"));
    }
    format!("${tag}${body}${tag}$")
}

/// `name = 'value'` for each, as `WITH (..)` and `SET (..)` take them.
pub(super) fn settings<'a>(options: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let one = |(name, value): (&String, &String)| {
        // The names of storage parameters are words, some with `toast.` before them.
        if value.is_empty() { name.clone() } else { format!("{name} = {}", literal(value)) }
    };
    options.into_iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Where `word` stands in `text` outside of quotes and brackets.
pub(super) fn find_outside(text: &str, word: &str) -> Option<usize> {
    outside_quotes(text)
        .find(|(at, depth, _)| *depth == 0 && text[*at..].starts_with(word))
        .map(|(at, ..)| at)
}

/// The ` WITH (..)` of a definition that the server printed, with the blank before it.
pub(super) fn with_clause(definition: &str) -> Option<&str> {
    let start = find_outside(definition, " WITH (")?;
    let open = start + " WITH ".len();
    let end = outside_quotes(&definition[open + 1..]).find(|(_, depth, c)| *depth == 0 && *c == ')')?.0;
    Some(&definition[start..open + 1 + end + 1])
}

/// The text with `clause` put in front of the first of `words` that stands in it, else at its end.
pub(super) fn insert_before(text: &str, words: &[&str], clause: &str) -> String {
    let at = words.iter().filter_map(|word| find_outside(text, word)).min().unwrap_or(text.len());
    format!("{}{clause}{}", &text[..at], &text[at..])
}

/// A name as long as Postgres keeps it, with an ending that survives.
pub(super) fn suffixed(name: &str, ending: &str) -> String {
    /// `NAMEDATALEN - 1`.
    const LONGEST: usize = 63;
    let mut end = name.len().min(LONGEST - ending.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ending}", &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_is_found_outside_of_brackets_and_quotes_only() {
        assert_eq!(
            with_clause("EXCLUDE USING gist (a WITH &&, b WITH (x)) WITH (fillfactor='9)0') WHERE (c)"),
            Some(" WITH (fillfactor='9)0')")
        );
        assert_eq!(with_clause("UNIQUE (room, at WITHOUT OVERLAPS)"), None);
        assert_eq!(
            insert_before("UNIQUE (\" WHERE (\") DEFERRABLE", &[" DEFERRABLE", " WHERE ("], " WITH (a)"),
            "UNIQUE (\" WHERE (\") WITH (a) DEFERRABLE"
        );
    }

    #[test]
    fn bodies_keep_what_looks_like_their_own_end() {
        assert_eq!(dollars("x", "b"), "$b$x$b$");
        assert_eq!(dollars("$b$", "b"), "$b_$$b$$b_$");
        assert_eq!(dollars("x$b", "b"), "$b_$x$b$b_$");
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!(suffixed("notes", "_mend"), "notes_mend");
        assert_eq!(suffixed(&"é".repeat(31), "_mend").len(), 29 * 2 + 5);
    }
}
