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

/// What a catalog says before each case that has one, by title. The file holds each schema
/// once, under the first case that has it, and without sizes.
fn catalogs(cases: &[Case]) -> BTreeMap<String, Catalog> {
    let text = fs::read_to_string(case::directory().join("catalogs.json")).expect("the catalogs can be read");
    let all: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).expect("it is JSON");
    let by_schema: BTreeMap<&str, &serde_json::Value> =
        cases.iter().filter_map(|c| Some((c.schema.as_str(), all.get(&c.title())?))).collect();
    let sized = |case: &Case| {
        let sizes = case.sizes.as_ref()?;
        let mut value = (*by_schema.get(case.schema.as_str())?).clone();
        for (table, rows) in sizes {
            let table = value["objects"].get_mut(format!("table public.{table}")).expect("its table");
            table["estimates"] =
                serde_json::json!({ "pages": 1, "rows": (*rows >= 0).then_some(*rows as f64) });
        }
        let catalog = Catalog::from_snapshot(&value.to_string());
        Some((case.title(), catalog.unwrap_or_else(|e| panic!("{}: {e}", case.title()))))
    };
    cases.iter().filter_map(sized).collect()
}

#[test]
fn the_state_of_the_score_is_true() {
    let cases = case::all();
    let catalogs = catalogs(&cases);
    let mut score = score::Score::default();
    for case in &cases {
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
