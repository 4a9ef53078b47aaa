//! The hazards corpus before the engines: every claimed harm happens, and in innocent
//! cases none does.
//!
//! The corpus and its form: `crates/analysis/tests/corpus/README.md`. `COFFERDAM_CORPUS=write`
//! writes the records anew; without it they are compared. The whole corpus takes minutes and
//! is ignored by default; a part of it runs always.

// The score reads the rest of it.
#[allow(dead_code)]
#[path = "../../../analysis/tests/it/hazards/case.rs"]
mod case;
mod claims;
mod fill;
mod postgres;
mod record;
mod sqlite;
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use case::Case;
use cofferdam_analysis::sql::Dialect;
use cofferdam_testkit::postgres::majors;

/// Of the Postgres cases, how many go between two that run always.
const EVERY: usize = 12;

/// What stands in the record of a case whose schema or rows the engine refused.
pub(crate) const UNPREPARED: &str = "cannot be prepared";

fn writing() -> bool {
    std::env::var("COFFERDAM_CORPUS").is_ok_and(|v| v == "write")
}

fn of(dialect: Dialect) -> Vec<Case> {
    let all = case::all().into_iter();
    all.filter(|c| c.dialect() == dialect && !c.family.starts_with("documents/")).collect()
}

#[test]
fn sqlite_does_what_the_corpus_claims() {
    let cases = of(Dialect::Sqlite);
    let records = cases
        .iter()
        .filter(|c| c.provable)
        .map(|c| (c, BTreeMap::from([(0, prepared(c, || sqlite::prove(c)))])));
    settle(&records.collect::<Vec<_>>());
}

#[test]
fn every_claim_is_borne_out_by_its_record() {
    let all = case::all();
    let provable = all.iter().filter(|c| c.provable && !c.family.starts_with("documents/"));
    let wrong: Vec<String> = provable
        .flat_map(|case| match case.proved.is_empty() {
            true => vec![format!("{} has no record: COFFERDAM_CORPUS=write", case.title())],
            false => broken(case, &case.proved),
        })
        .collect();
    assert!(wrong.is_empty() || writing(), "{}", wrong.join("\n"));
}

#[test]
fn a_part_of_the_postgres_cases_is_as_recorded() {
    let newest = *majors().last().expect("a major");
    let cases: Vec<Case> = of(Dialect::Postgres).into_iter().filter(|c| c.provable).step_by(EVERY).collect();
    let mut wrong = Vec::new();
    for (case, record) in cases.iter().zip(run(&cases, newest)) {
        if record::of(case, newest) != record {
            wrong.push(format!(
                "{}\n  is: {record:?}\n  recorded: {:?}",
                case.title(),
                record::of(case, newest)
            ));
        }
    }
    assert!(wrong.is_empty() || writing(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "minutes: every case on each major"]
fn postgres_does_what_the_corpus_claims() {
    let cases: Vec<Case> = of(Dialect::Postgres).into_iter().filter(|c| c.provable).collect();
    let by_major: Vec<(u32, Vec<Vec<String>>)> = majors().into_iter().map(|m| (m, run(&cases, m))).collect();
    let records: Vec<(&Case, BTreeMap<u32, Vec<String>>)> = cases
        .iter()
        .enumerate()
        .map(|(n, case)| {
            let all: BTreeMap<u32, Vec<String>> = by_major.iter().map(|(m, r)| (*m, r[n].clone())).collect();
            let first = all.values().next().expect("a major").clone();
            let same = all.values().all(|r| *r == first);
            (case, if same { BTreeMap::from([(0, first)]) } else { all })
        })
        .collect();
    settle(&records);
}

#[test]
#[ignore = "minutes: it goes with the whole corpus"]
fn the_catalogs_are_those_of_the_newest_server() {
    let newest = *majors().last().expect("a major");
    // Each schema once: sizes are put into it by who reads the file.
    let mut seen = BTreeSet::new();
    let sized = of(Dialect::Postgres).into_iter();
    let sized = sized.filter(|c| c.sizes.is_some() && seen.insert(c.schema.clone()));
    let read: BTreeMap<String, String> = sized.map(|c| (c.title(), postgres::catalog(&c, newest))).collect();
    let lines: Vec<String> = read
        .iter()
        .map(|(title, snapshot)| {
            let title = serde_json::to_string(title).expect("a name is JSON");
            let value: serde_json::Value = serde_json::from_str(snapshot).expect("a snapshot is JSON");
            format!("{title}: {value}")
        })
        .collect();
    let text = format!("{{\n{}\n}}\n", lines.join(",\n"));
    let file = case::directory().join("catalogs.json");
    if writing() {
        fs::write(file, text).expect("the catalogs can be written");
    } else {
        let before = fs::read_to_string(file).expect("the catalogs can be read");
        assert!(before == text, "catalogs.json is stale: COFFERDAM_CORPUS=write writes it");
    }
}

/// The record, or a line that breaks the claim: one case that cannot be prepared must not hide
/// what is wrong with the others.
fn prepared(case: &Case, prove: impl FnOnce() -> Vec<String>) -> Vec<String> {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(prove));
    caught.unwrap_or_else(|_| vec![format!("{UNPREPARED}: {}", case.title())])
}

/// The records of the cases on a server of `major`, two at a time.
fn run(cases: &[Case], major: u32) -> Vec<Vec<String>> {
    let half = cases.len().div_ceil(2).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = cases
            .chunks(half)
            .map(|cases| {
                scope.spawn(move || {
                    cases.iter().map(|c| prepared(c, || postgres::prove(c, major))).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|t| t.join().expect("a prover ends")).collect()
    })
}

/// The claims that hold on no major at all: what one server refuses and a newer one does not
/// is still worth a finding.
fn broken(case: &Case, record: &BTreeMap<u32, Vec<String>>) -> Vec<String> {
    let mut by_major = record.values().map(|lines| claims::broken(case, lines));
    let first = by_major.next().unwrap_or_default();
    by_major.fold(first, |all, other| if other.is_empty() { other } else { all })
}

/// Writes the records, or compares them; and holds the claims to them either way.
fn settle(records: &[(&Case, BTreeMap<u32, Vec<String>>)]) {
    let mut wrong = Vec::new();
    let mut families: BTreeMap<&str, BTreeMap<String, BTreeMap<u32, Vec<String>>>> = BTreeMap::new();
    for (case, record) in records {
        wrong.extend(broken(case, record));
        if record.values().flatten().any(|l| l.starts_with(UNPREPARED)) {
            continue;
        }
        if !writing() && case.proved != *record {
            wrong.push(format!("{}\n  is: {record:?}\n  recorded: {:?}", case.title(), case.proved));
        }
        families.entry(&case.family).or_default().insert(case.name.clone(), record.clone());
    }
    if writing() {
        families.iter().for_each(|(family, proofs)| record::write(family, proofs));
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{} things:\n{}", wrong.len(), wrong.join("\n"));
}
