//! Findings against what a case asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use cofferdam_analysis::catalog::Catalog;
use cofferdam_analysis::document::Document;
use cofferdam_analysis::judge::{Input, JudgedFile, Known, Role, judge};
use cofferdam_analysis::rules;
use cofferdam_analysis::sql::{Dialect, Script};
use cofferdam_analysis::{Finding, Severity};

use super::case::{Case, File};
use super::table::RULES;

/// Rules about how statements share locks: where the proof shows what they speak of, they are
/// tolerated whatever the case is about.
const SHARED: &[&str] = &[
    "no-lock-timeout",
    "no-statement-timeout",
    "work-after-exclusive-lock",
    "many-exclusive-locks",
    "multi-alter-same-table",
];

/// What `check` says of the case.
pub(crate) fn judged(case: &Case, catalog: Option<&Catalog>) -> Vec<Finding> {
    let dialect = case.dialect();
    let told = case.known && case.sizes.is_none() && !case.schema.is_empty();
    let schema = told.then(|| Script::parse(dialect, "schema.sql", &case.schema));
    let sql = case.files.iter().filter(|f| f.document().is_none());
    let scripts: Vec<Script> = sql.map(|f| Script::parse(dialect, &f.name, &f.text)).collect();
    let documents: Vec<Document> =
        case.files.iter().filter_map(|f| Some(Document::new(&f.name, f.document()?, &f.text))).collect();
    let file = |script, role| JudgedFile { transaction: case.transaction, ..JudgedFile::new(script, role) };
    let before = schema.iter().map(|s| file(s, Role::Schema));
    let files: Vec<JudgedFile<'_>> = before.chain(scripts.iter().map(|s| file(s, Role::Judged))).collect();
    assert_eq!(case.sizes.is_some(), catalog.is_some(), "{}: catalogs.json is stale", case.title());
    let known = catalog.map(|c| c as &dyn Known);
    judge(&Input { documents: &documents, known, ..Input::new(dialect, &files) })
}

/// The lines of each statement that has a part on `line`.
pub(crate) fn statements_at(case: &Case, file: &File, line: usize) -> Vec<RangeInclusive<usize>> {
    let script = Script::parse(case.dialect(), &file.name, &file.text);
    let lines = script.statements.iter().map(|s| {
        let end = s.span.end.saturating_sub(1).max(s.span.start);
        let last = script.text[..end].matches('\n').count() + 1;
        script.place(s.span).line..=last
    });
    lines.filter(|lines| lines.contains(&line)).collect()
}

/// Whether the finding speaks of the statement on that line.
fn speaks_of(case: &Case, file: &File, line: usize, finding: &Finding) -> bool {
    let Some(place) = finding.place.as_ref().filter(|p| p.file == file.name) else { return false };
    // A document is a few lines long, and its rules may point to the service or to the word.
    file.document().is_some() || statements_at(case, file, line).iter().any(|l| l.contains(&place.line))
}

/// Which of [`SHARED`] the proof calls for.
fn called_for(case: &Case) -> BTreeSet<&'static str> {
    if !case.provable {
        return SHARED.iter().copied().collect();
    }
    let mut rules = BTreeSet::new();
    for lines in case.proved.values() {
        let mut exclusive: Vec<(&str, &str)> = Vec::new();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let [at, relation, lock, rest @ ..] = words.as_slice() else { continue };
            let strong = matches!(*lock, "Share" | "ShareRowExclusive" | "Exclusive" | "AccessExclusive");
            if !strong || case.small(relation) {
                continue;
            }
            if rest.contains(&"unguarded") {
                rules.insert("no-lock-timeout");
            }
            if rest.contains(&"unlimited") {
                rules.insert("no-statement-timeout");
            }
            if *lock == "AccessExclusive" {
                exclusive.push((*at, *relation));
                // A second statement under the same lock adds none, so one line stands for both.
                rules.extend(["work-after-exclusive-lock", "multi-alter-same-table"]);
            }
        }
        let relations: BTreeSet<&str> = exclusive.iter().map(|(_, r)| *r).collect();
        if relations.len() > 1 {
            rules.insert("many-exclusive-locks");
        }
    }
    rules
}

#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    asked: usize,
    found: usize,
    /// Found, and said louder or softer than asked.
    other_severity: usize,
    /// False alarms.
    alarms: usize,
}

/// The whole corpus, counted.
#[derive(Debug, Default)]
pub(crate) struct Score {
    rules: BTreeMap<String, BTreeMap<&'static str, Tally>>,
    severities: BTreeMap<Severity, Tally>,
    cases: usize,
    innocent: usize,
    alarmed: usize,
    notes: usize,
    many_notes: usize,
    /// What is missed or too much, a line each.
    pub(crate) details: Vec<String>,
}

impl Score {
    pub(crate) fn add(&mut self, case: &Case, findings: &[Finding]) {
        self.cases += 1;
        for (file, mark) in case.musts() {
            let wanted = mark.severity.expect("a must has one");
            let of_rule: Vec<&Finding> = findings
                .iter()
                .filter(|f| f.rule == mark.rule && speaks_of(case, file, mark.line, f))
                .collect();
            let found = of_rule.iter().any(|f| f.severity == wanted);
            let rule = self.rules.entry(mark.rule.clone()).or_default().entry(wanted.as_str()).or_default();
            for tally in [rule, self.severities.entry(wanted).or_default()] {
                tally.asked += 1;
                tally.found += usize::from(found);
                tally.other_severity += usize::from(!found && !of_rule.is_empty());
            }
            if !found {
                let instead = of_rule.first().map_or("", |f| f.severity.as_str());
                let at = format!("{} {}:{}", case.title(), file.name, mark.line);
                self.details.push(format!("missed {} {} {instead} @ {at}", wanted.as_str(), mark.rule));
            }
        }
        self.add_alarms(case, findings);
    }

    fn add_alarms(&mut self, case: &Case, findings: &[Finding]) {
        let called_for = called_for(case);
        let expected = |finding: &Finding| {
            case.may.iter().any(|r| r == finding.rule)
                || called_for.contains(finding.rule)
                || case.files.iter().any(|file| {
                    let mut marks = file.marks.iter().filter(|m| m.rule == finding.rule);
                    marks.any(|m| speaks_of(case, file, m.line, finding))
                })
        };
        let (notes, loud): (Vec<&Finding>, Vec<&Finding>) =
            findings.iter().filter(|f| !expected(f)).partition(|f| f.severity == Severity::Note);
        if case.innocent() {
            self.innocent += 1;
            self.alarmed += usize::from(!loud.is_empty());
            let notes = findings.iter().filter(|f| f.severity == Severity::Note).count().max(notes.len());
            self.notes += notes;
            self.many_notes += usize::from(notes > 1);
        }
        for finding in loud {
            let rule = self.rules.entry(finding.rule.to_owned()).or_default();
            rule.entry(finding.severity.as_str()).or_default().alarms += 1;
            let place = finding.place.as_ref().map(|p| format!("{}:{}", p.file, p.line)).unwrap_or_default();
            let what = if case.innocent() { "alarm" } else { "besides" };
            let at = format!("{} {place}", case.title());
            self.details.push(format!("{what} {} {} @ {at}", finding.severity.as_str(), finding.rule));
        }
    }

    /// The committed text.
    pub(crate) fn table(&self, first_run: Option<&str>) -> String {
        let asked: usize = self.severities.values().map(|t| t.asked).sum();
        let found: usize = self.severities.values().map(|t| t.found).sum();
        let first = first_run
            .map_or_else(|| format!("first run, before the rules: {}", share(found, asked)), str::to_owned);
        let mut out =
            String::from("# How much of the hazards corpus is found. Written by the test of its name.\n\n");
        let _ = writeln!(out, "{first}");
        let written = RULES.iter().filter(|r| rules::find(r).is_some()).count();
        let _ = writeln!(out, "rules written: {written} of {}", RULES.len());
        let _ = writeln!(out, "cases: {}, of them innocent: {}\n", self.cases, self.innocent);
        let _ = writeln!(out, "found at its severity: {}", share(found, asked));
        for (severity, tally) in &self.severities {
            let _ = writeln!(out, "  {}: {}", severity.as_str(), share(tally.found, tally.asked));
        }
        let _ = writeln!(out, "innocent cases with a false alarm: {}", share(self.alarmed, self.innocent));
        let _ = writeln!(out, "notes in innocent cases: {}", self.notes);
        let _ = writeln!(out, "innocent cases with more than one note: {}\n", self.many_notes);
        let _ = writeln!(
            out,
            "{:34} {:8} {:>5} {:>5} {:>14} {:>12}",
            "rule", "severity", "asked", "found", "other severity", "not asked for"
        );
        for (rule, tallies) in &self.rules {
            for (severity, t) in tallies {
                let none = if rules::find(rule).is_none() { "  no rule yet" } else { "" };
                let _ = writeln!(
                    out,
                    "{rule:34} {severity:8} {:5} {:5} {:14} {:12}{none}",
                    t.asked, t.found, t.other_severity, t.alarms
                );
            }
        }
        out
    }
}

fn share(part: usize, of: usize) -> String {
    if of == 0 {
        return "0 of 0".to_owned();
    }
    format!("{part} of {of}, {:.1} %", 100.0 * part as f64 / of as f64)
}

/// The line that stays as it was when the corpus was new.
pub(crate) fn first_run(text: &str) -> Option<&str> {
    text.lines().find(|l| l.starts_with("first run"))
}

/// What the new table says worse than the old one: rules that find a smaller part of what is asked.
pub(crate) fn worse(before: &str, now: &str) -> Vec<String> {
    let read = |text: &str| -> BTreeMap<String, (usize, usize)> {
        let rows = text.lines().filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [rule, severity, asked, found, ..] = words.as_slice() else { return None };
            Some((format!("{rule} {severity}"), (asked.parse().ok()?, found.parse().ok()?)))
        });
        rows.collect()
    };
    let now = read(now);
    let fell = read(before).into_iter().filter(|(rule, (asked, found))| {
        let (asked_now, found_now) = now.get(rule).copied().unwrap_or((0, 0));
        found_now * asked < found * asked_now
    });
    fell.map(|(rule, (asked, found))| format!("{rule}: it was {found} of {asked}")).collect()
}

/// Postgres is the default of documents, which have no dialect of their own.
#[test]
fn a_table_that_finds_a_smaller_part_is_worse() {
    let line = |found: usize| format!("drop-table error 4 {found} 0 0\n");
    assert_eq!(worse(&line(3), &line(2)), ["drop-table error: it was 3 of 4"]);
    assert!(worse(&line(3), &line(3)).is_empty() && worse(&line(3), &line(4)).is_empty());
    assert_eq!(Case::default().dialect(), Dialect::Postgres);
}
