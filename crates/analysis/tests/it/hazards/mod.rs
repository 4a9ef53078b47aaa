//! How much of the hazards corpus the rules find, and what they say too much.
//!
//! `tests/corpus/score.txt` holds the state. It must be true: a rule that finds more, or
//! less, changes the file in the same commit, so that a review sees both.
//! `COFFERDAM_CORPUS=write` writes it, and refuses to when something got worse; `details` prints
//! what is missed and what is too much.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "the table is for people, on request"
)]

mod case;
mod score;
mod table;

use std::collections::BTreeMap;
use std::fs;

use cofferdam_analysis::catalog::Catalog;
use cofferdam_analysis::rules;

use case::Case;

/// The live schemas of the cases that have a catalog, by their titles.
pub(crate) fn catalogs() -> BTreeMap<String, Catalog> {
    let text =
        fs::read_to_string(case::directory().join("catalogs.json")).unwrap_or_else(|_| "{}".to_owned());
    let all: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).expect("it is JSON");
    let read = |(title, value): (String, serde_json::Value)| {
        let catalog = Catalog::from_snapshot(&value.to_string()).unwrap_or_else(|e| panic!("{title}: {e}"));
        (title, catalog)
    };
    all.into_iter().map(read).collect()
}

#[test]
fn the_state_of_the_score_is_true() {
    let catalogs = catalogs();
    let mut score = score::Score::default();
    for case in &case::all() {
        let findings = score::judged(case, catalogs.get(&case.title()));
        score.add(case, &findings);
    }
    let file = case::directory().join("score.txt");
    let before = fs::read_to_string(&file).unwrap_or_default();
    let now = score.table(score::first_run(&before));
    println!("{now}");
    if std::env::var("COFFERDAM_CORPUS").is_ok_and(|v| v == "write") {
        let worse = score::worse(&before, &now);
        assert!(worse.is_empty(), "these got worse, and the file stays:\n{}", worse.join("\n"));
        fs::write(&file, &now).expect("the score can be written");
    } else if before != now {
        let misses = score.details.join("\n");
        panic!("{misses}\n{now}\nscore.txt says something else: COFFERDAM_CORPUS=write writes it");
    }
    if std::env::var("COFFERDAM_CORPUS").is_ok_and(|v| v == "details") {
        println!("{}", score.details.join("\n"));
    }
}

#[test]
fn every_mark_names_a_line_of_a_statement_and_a_rule_of_the_table() {
    let mut wrong = Vec::new();
    for case in &case::all() {
        for file in &case.files {
            for mark in &file.marks {
                if file.document().is_none() && score::statements_at(case, file, mark.line).is_empty() {
                    wrong.push(format!("{} {}:{} no statement", case.title(), file.name, mark.line));
                }
                if !table::RULES.contains(&mark.rule.as_str()) && rules::find(&mark.rule).is_none() {
                    wrong.push(format!("{} {}:{} no rule {}", case.title(), file.name, mark.line, mark.rule));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_of_the_table_has_cases_that_must_be_found() {
    let cases = case::all();
    let count = |rule: &str| cases.iter().flat_map(Case::musts).filter(|(_, m)| m.rule == rule).count();
    let few: Vec<&str> = table::RULES.iter().copied().filter(|r| count(r) < 2).collect();
    assert!(few.is_empty(), "fewer than two positives: {few:?}");
}
