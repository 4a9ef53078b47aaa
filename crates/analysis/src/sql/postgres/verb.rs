//! A statement's leading key words, also of one that cannot be parsed.

use std::borrow::Cow;

use squawk_lexer::TokenKind;

/// Words between `create`, `alter`, `drop` and the kind of object that only qualify it.
const QUALIFIERS: [&str; 13] = [
    "or",
    "replace",
    "unique",
    "temp",
    "temporary",
    "local",
    "global",
    "unlogged",
    "recursive",
    "trusted",
    "procedural",
    "default",
    "constraint",
];

/// Kinds of object of two words and more, by their first.
const LONG_KINDS: [&str; 11] = [
    "materialized view",
    "foreign table",
    "foreign data wrapper",
    "event trigger",
    "text search",
    "operator class",
    "operator family",
    "access method",
    "user mapping",
    "property graph",
    "large object",
];

/// Statements that one word does not tell apart, by their first words.
const LONG_VERBS: [&str; 19] = [
    "alter default privileges",
    "comment on",
    "commit prepared",
    "drop owned",
    "import foreign schema",
    "prepare transaction",
    "reassign owned",
    "refresh materialized view",
    "release savepoint",
    "reset role",
    "reset session authorization",
    "rollback prepared",
    "rollback to",
    "security label",
    "set constraints",
    "set role",
    "set session authorization",
    "set transaction",
    "start transaction",
];

/// What most statements begin with.
const USUAL: [&str; 10] = [
    "insert",
    "update",
    "delete",
    "select",
    "set",
    "create table",
    "create index",
    "alter table",
    "comment on",
    "drop table",
];

/// The leading key words of `sql`, in lower case: `create index`, `alter table`.
pub(super) fn verb(sql: &str) -> Cow<'static, str> {
    let verb = spelled(sql);
    // A file may have a million statements; what most begin with need not be kept with each.
    USUAL.iter().find(|usual| **usual == verb).map_or(Cow::Owned(verb), |usual| Cow::Borrowed(*usual))
}

fn spelled(sql: &str) -> String {
    let words = leading_words(sql);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let Some(long) = LONG_VERBS.iter().find(|long| begins(&words, long)) {
        return (*long).to_owned();
    }
    let Some((&first, rest)) = words.split_first() else { return String::new() };
    if !matches!(first, "create" | "alter" | "drop") {
        return first.to_owned();
    }
    let object = rest.iter().position(|w| !QUALIFIERS.contains(w)).unwrap_or(rest.len());
    let object = &rest[object..];
    match (LONG_KINDS.iter().find(|kind| begins(object, kind)), object.first()) {
        (Some(kind), _) => format!("{first} {kind}"),
        (None, Some(kind)) => format!("{first} {kind}"),
        (None, None) => first.to_owned(),
    }
}

fn begins(words: &[&str], phrase: &str) -> bool {
    let mut words = words.iter();
    phrase.split(' ').all(|word| words.next() == Some(&word))
}

/// The identifiers that `sql` begins with, up to the first token of another kind.
fn leading_words(sql: &str) -> Vec<String> {
    let mut offset = 0;
    let mut words = Vec::new();
    for token in squawk_lexer::tokenize(sql) {
        let text = sql.get(offset..offset + token.len as usize).unwrap_or("");
        offset += token.len as usize;
        match token.kind {
            TokenKind::Ident if words.len() < 7 => words.push(text.to_ascii_lowercase()),
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. } => {}
            TokenKind::OpenParen if words.is_empty() => {}
            _ => break,
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::verb;

    #[test]
    fn verbs_are_the_words_people_would_use() {
        for (sql, expected) in [
            ("CREATE UNIQUE INDEX CONCURRENTLY i on t (a)", "create index"),
            ("create or replace /* x */ function f()", "create function"),
            ("create materialized view v as select 1", "create materialized view"),
            ("alter table only t", "alter table"),
            ("drop owned by joe", "drop owned"),
            ("insert into t values (1)", "insert"),
            ("with a as (select 1) select 1", "with"),
            ("(select 1)", "select"),
            ("set local x = 1", "set"),
            ("set session authorization joe", "set session authorization"),
            ("alter default privileges grant select on tables to x", "alter default privileges"),
            ("alter system set x = 1", "alter system"),
            ("selct 1", "selct"),
            ("'x'", ""),
        ] {
            assert_eq!(verb(sql), expected, "{sql}");
        }
    }
}
