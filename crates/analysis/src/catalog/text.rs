//! When two texts that Postgres printed mean the same expression.
//!
//! Postgres prints most expressions so that reading them back and printing again
//! changes nothing. The exception that every restored dump shows is a cast of an
//! array constructor: `(ARRAY['a'::varchar])::text[]` comes back with the cast on
//! each element. [`same_text`] rewrites the first form into the second.

/// The text in the one form that is compared.
pub(super) fn same_text(text: &str) -> String {
    let mut text = text.to_owned();
    let mut from = 0;
    while let Some(at) = text[from..].find("(ARRAY[").map(|at| at + from) {
        match distribute(&text[at..]) {
            Some((length, rewritten)) => text.replace_range(at..at + length, &rewritten),
            None => from = at + 1,
        }
    }
    text
}

/// A view's query over a single table, without that table's name before its columns.
///
/// Postgres 15 prints the name there and 16 does not; inside of other queries both do, where
/// it is taken away as well: the result is for comparing only.
pub(super) fn unqualified(query: &str) -> String {
    let Some(alias) = only_table(query) else { return query.to_owned() };
    let prefix = format!("{alias}.");
    let mut text = String::with_capacity(query.len());
    let mut string = false;
    for (at, c) in query.char_indices() {
        if c == '\'' {
            string = !string;
        }
        text.push(c);
        if string || !text.ends_with(&prefix) {
            continue;
        }
        let before = &text[..text.len() - prefix.len()];
        let after = query[at + 1..].chars().next();
        let starts = !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '"' | '.'));
        if starts && after.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '"')) {
            text.truncate(before.len());
        }
    }
    text
}

/// How the one table of a query is called in it; nothing when it reads more or none.
fn only_table(query: &str) -> Option<&str> {
    const ENDS: &[&str] = &["WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT", "OFFSET", "FETCH", "FOR"];
    const JOINS: &[&str] = &["JOIN", "UNION", "INTERSECT", "EXCEPT"];
    let outside: Vec<(usize, char)> =
        outside_quotes(query).filter(|(_, depth, _)| *depth == 0).map(|(at, _, c)| (at, c)).collect();
    let word = |at: usize, words: &[&str]| {
        let rest = &query[at..];
        let fits = |word: &&str| {
            rest.strip_prefix(*word).is_some_and(|after| !after.starts_with(char::is_alphanumeric))
        };
        (at == 0 || query[..at].ends_with(char::is_whitespace)) && words.iter().any(fits)
    };
    if outside.iter().any(|(at, _)| word(*at, JOINS)) {
        return None;
    }
    let from = outside.iter().find(|(at, _)| word(*at, &["FROM"]))?.0 + "FROM".len();
    let end = outside.iter().find(|(at, _)| *at > from && word(*at, ENDS)).map_or(query.len(), |(at, _)| *at);
    let table = query[from..end].trim().trim_end_matches(';').trim_end();
    if outside.iter().any(|(at, c)| (from..end).contains(at) && matches!(c, ',' | '(')) {
        return None;
    }
    // `shop.orders`, or `shop.orders o`: the last name counts.
    let mut start = 0;
    let mut quoted = false;
    for (at, c) in table.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '.' | ' ' if !quoted => start = at + 1,
            _ => {}
        }
    }
    Some(&table[start..]).filter(|name| !name.is_empty())
}

/// Rewrites the `(ARRAY[a, b])::t[]` that `text` begins with; how many bytes it takes, and `ARRAY[(a)::t, (b)::t]`.
fn distribute(text: &str) -> Option<(usize, String)> {
    let open = "(ARRAY[".len();
    let close = open + closing(&text[open..])?;
    let rest = text[close..].strip_prefix("])::")?;
    let length = rest.find("[]")?;
    let type_ = &rest[..length];
    // `character varying(10)`, `app."Kind"`: anything else is no type, and this no array cast.
    let is_type = |c: char| c.is_alphanumeric() || matches!(c, '_' | ' ' | '.' | '"' | '(' | ')' | ',');
    if !type_.chars().all(is_type) || type_.matches('(').count() != type_.matches(')').count() {
        return None;
    }
    let elements: Vec<_> =
        split(&text[open..close]).into_iter().map(|e| format!("({})::{type_}", e.trim())).collect();
    let end = close + "])::".len() + length + "[]".len();
    Some((end, format!("ARRAY[{}]", elements.join(", "))))
}

/// Where the bracket closes that was opened just before `text`.
fn closing(text: &str) -> Option<usize> {
    outside_quotes(text).find(|(_, depth, c)| *depth == 0 && *c == ']').map(|(at, _, _)| at)
}

/// The parts of `text` between its outermost commas.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, depth, c) in outside_quotes(text) {
        if depth == 0 && c == ',' {
            parts.push(&text[start..at]);
            start = at + 1;
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Each character that stands in no quotes, with its offset and how many brackets are open before it.
pub(super) fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, usize, char)> {
    let mut quote = None;
    let mut depth = 0usize;
    text.char_indices().filter_map(move |(at, c)| {
        if let Some(open) = quote {
            // A doubled quote closes and opens again, which comes to the same.
            if c == open {
                quote = None;
            }
            return None;
        }
        match c {
            '\'' | '"' => {
                quote = Some(c);
                None
            }
            '(' | '[' => {
                depth += 1;
                Some((at, depth - 1, c))
            }
            ')' | ']' => {
                let before = depth;
                depth = depth.saturating_sub(1);
                Some((at, before, c))
            }
            _ => Some((at, depth, c)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cast_of_an_array_equals_a_cast_of_each_element() {
        let live = "((status)::text = ANY ((ARRAY['a, b'::character varying, 'it''s]'::character varying])::text[]))";
        let restored = "((status)::text = ANY (ARRAY[('a, b'::character varying)::text, ('it''s]'::character varying)::text]))";
        assert_eq!(same_text(live), restored);
        assert_eq!(same_text(restored), restored);
    }

    #[test]
    fn nested_and_repeated_casts_are_rewritten_too() {
        assert_eq!(
            same_text("(ARRAY[f((ARRAY[a])::text[])])::app.\"T\"[] || (ARRAY[1, 2])::numeric(5,2)[]"),
            "ARRAY[(f(ARRAY[(a)::text]))::app.\"T\"] || ARRAY[(1)::numeric(5,2), (2)::numeric(5,2)]"
        );
    }

    #[test]
    fn columns_of_the_only_table_lose_its_name() {
        let qualified =
            " SELECT notes.id,\n    'notes.x' AS \"notes.y\"\n   FROM app.notes\n  WHERE (notes.id > 1);";
        let bare = " SELECT id,\n    'notes.x' AS \"notes.y\"\n   FROM app.notes\n  WHERE (id > 1);";
        assert_eq!(unqualified(qualified), bare);
        assert_eq!(unqualified(bare), bare);
        assert_eq!(unqualified(" SELECT n.id FROM app.notes n;"), " SELECT id FROM app.notes n;");
        for two in [
            " SELECT a.id FROM (a\n JOIN b ON ((a.id = b.id)));",
            " SELECT a.id FROM a,\n b;",
            " SELECT a.id FROM a\nUNION\n SELECT b.id FROM b;",
            " SELECT f.id FROM f() f(id);",
            " SELECT 1;",
        ] {
            assert_eq!(unqualified(two), two);
        }
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in
            ["", "(ARRAY[", "(ARRAY[1, 2])", "(ARRAY[1] || x)", "x = 'é(ARRAY['", "(ARRAY[1])::int + a[]"]
        {
            assert_eq!(same_text(text), text);
        }
    }
}
