//! Texts made by breaking good ones: whatever comes out, the reader's promises hold.

use proptest::prelude::*;

use super::seeds;
use crate::{place::Span, sql::Read};

/// Pieces that open, close or separate what the cut goes by.
const SHARDS: &[&str] = &[
    "'",
    "\"",
    "$$",
    "$a$",
    "E'",
    "\\",
    "/*",
    "*/",
    "--",
    "\n",
    ";",
    "(",
    ")",
    "[",
    "]",
    ",",
    "begin atomic ",
    "end",
    "case ",
    "copy t from stdin;\n",
    "\\.\n",
    "\\gset\n",
    "create rule ",
    "create function ",
    "\0",
    "é",
    "\u{feff}",
    "😀",
    "$1",
    "::",
    "|| ",
    " into ",
    "do $$ begin ",
    " format('%%",
    "execute 'drop table x';",
    "with a as (delete from t) ",
    "1e",
    "0x",
    "U&'\\zz'",
];

/// What `read` promises of any text.
pub(super) fn check(text: &str, read: &Read) {
    let mut end = 0;
    for (index, statement) in read.statements.iter().enumerate() {
        let span = statement.span;
        assert_eq!(statement.index, index);
        assert!(span.start >= end && span.start < span.end, "statements in order, not empty: {text:?}");
        assert!(text.get(span.start..span.end).is_some(), "on characters: {text:?}");
        end = span.end;
        assert!(statement.damage.is_none() || statement.effects.is_empty());
        let parts = statement.effects.iter().map(|e| e.span).chain(statement.damage.iter().map(|d| d.span));
        for part in parts {
            assert!(span.contains(part) && part.start <= part.end, "{part:?} in {span:?}: {text:?}");
            assert!(text.get(part.start..part.end).is_some(), "{part:?} on characters: {text:?}");
        }
    }
    let mut covered: Vec<Span> = read.statements.iter().map(|s| s.span).collect();
    covered.extend(read.comments.iter().chain(read.meta.iter().map(|m| &m.span)));
    covered.sort();
    let mut at = 0;
    for span in covered.into_iter().chain([Span::new(text.len(), text.len())]) {
        let between = text.get(at..span.start.max(at)).expect("on characters");
        let is_nothing = |c: char| c == ';' || matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}');
        assert!(between.chars().all(is_nothing), "{between:?} is lost of {text:?}");
        at = at.max(span.end);
    }
}

/// A good text, and where to break it: by dropping a part, or putting a shard in.
fn broken_text() -> impl Strategy<Value = String> {
    let seed = proptest::sample::select(seeds());
    let wound =
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), proptest::sample::select(SHARDS));
    (proptest::collection::vec(seed, 1..4), proptest::collection::vec(wound, 0..4)).prop_map(
        |(seeds, wounds)| {
            let mut text = seeds.join(";\n");
            for (from, length, shard) in wounds {
                let starts: Vec<usize> = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
                let from = from.index(starts.len());
                let to = (from + length.index(4)).min(starts.len() - 1);
                text.replace_range(starts[from]..starts[to], shard);
            }
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_byte_is_lost_and_nothing_panics(text in broken_text()) {
        let read = super::super::read(&text);
        check(&text, &read);
        for statement in &read.statements {
            let damage = statement.damage.as_ref().map_or("", |d| d.message.as_str());
            prop_assert!(!damage.contains("the parser failed"), "{}", text);
        }
    }

    #[test]
    fn any_text_at_all_is_read(text in "\\PC{0,60}") {
        check(&text, &super::super::read(&text));
    }
}

#[test]
fn every_beginning_of_every_seed_is_read() {
    for seed in seeds() {
        for (end, _) in seed.char_indices().step_by(3) {
            let text = &seed[..end];
            check(text, &super::super::read(text));
        }
    }
}
