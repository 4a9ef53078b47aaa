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
    fn other_texts_stay_as_they_are() {
        for text in
            ["", "(ARRAY[", "(ARRAY[1, 2])", "(ARRAY[1] || x)", "x = 'é(ARRAY['", "(ARRAY[1])::int + a[]"]
        {
            assert_eq!(same_text(text), text);
        }
    }
}
