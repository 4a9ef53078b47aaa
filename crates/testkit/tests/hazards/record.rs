//! Records of the engine, as they stand in the corpus.

use std::collections::BTreeMap;
use std::fs;

use super::case::{self, Case};

/// What the engine of `major` showed.
pub(crate) fn of(case: &Case, major: u32) -> &[String] {
    case.proved.get(&major).or(case.proved.get(&0)).map_or(&[], Vec::as_slice)
}

/// Writes the family's file again with these records in the place of the old ones.
pub(crate) fn write(family: &str, proofs: &BTreeMap<String, BTreeMap<u32, Vec<String>>>) {
    let text = fs::read_to_string(case::path(family)).expect("the family's file can be read");
    let head = text.find("\n=== ").map_or("", |at| &text[..=at]);
    let mut out = head.to_owned();
    for block in case::blocks(&text) {
        let name = block.lines().next().expect("a block has a line");
        let Some(proof) = proofs.get(name) else {
            out += &format!("=== {}\n\n", block.trim_end());
            continue;
        };
        let kept = block.find("\n--- proved").map_or(block, |at| &block[..at]);
        out += &format!("=== {}\n", kept.trim_end());
        for (major, lines) in proof {
            out += &if *major == 0 { "--- proved\n".to_owned() } else { format!("--- proved {major}\n") };
            lines.iter().for_each(|line| out += &format!("{line}\n"));
        }
        out.push('\n');
    }
    fs::write(case::path(family), out.trim_end().to_owned() + "\n")
        .expect("the family's file can be written");
}
