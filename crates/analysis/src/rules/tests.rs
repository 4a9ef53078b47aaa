//! What holds for every rule: cards are complete, ids are unique, examples do not lie.

use std::collections::HashSet;

use super::*;
use crate::card::{Card, Example};
use crate::document::{Document, DocumentKind};
use crate::finding::{Finding, Severity};
use crate::judge::{Check, Input, JudgedFile, Role, judge};
use crate::sql::{Dialect, Script};

fn judge_example(card: &Card, example: &Example) -> Vec<Finding> {
    let Some(dialect) = card.dialects.first().copied() else {
        let kind = DocumentKind::of(example.file).expect("an example's file has a known kind");
        let documents = [Document::new(example.file, kind, example.text)];
        return judge(&Input { documents: &documents, ..Input::new(Dialect::Postgres, &[]) });
    };
    let given = Script::parse(dialect, "given.sql", example.given);
    let script = Script::parse(dialect, example.file, example.text);
    let reads = |script: &Script| script.statements.iter().all(|s| s.damage.is_none());
    let about_errors = card.id == "syntax-error" || card.supersedes.contains(&"syntax-error");
    assert!(reads(&given) && (reads(&script) || about_errors), "{} does not parse", card.id);
    judge(&Input::new(
        dialect,
        &[JudgedFile::new(&given, Role::Schema), JudgedFile::new(&script, Role::Judged)],
    ))
}

#[test]
fn a_bad_example_triggers_its_rule_at_its_severity_and_no_other_than_it_names() {
    for rule in all() {
        let Some(bad) = &rule.card.bad else { continue };
        let findings = judge_example(rule.card, bad);
        let own: Vec<Severity> =
            findings.iter().filter(|f| f.rule == rule.card.id).map(|f| f.severity).collect();
        assert!(own.contains(&rule.card.severity), "{}: {}", rule.card.id, crate::judge::render(&findings));
        let others: HashSet<&str> = findings.iter().map(|f| f.rule).filter(|r| *r != rule.card.id).collect();
        let named: HashSet<&str> = bad.also.iter().copied().collect();
        assert_eq!(others, named, "{}: {}", rule.card.id, crate::judge::render(&findings));
    }
}

#[test]
fn a_good_example_is_nothing_to_its_own_rule_and_stops_nobody() {
    for rule in all() {
        let Some(good) = &rule.card.good else { continue };
        let findings = judge_example(rule.card, good);
        let wrong =
            findings.iter().any(|f| f.refuses() || f.rule == rule.card.id || f.severity == Severity::Warning);
        assert!(!wrong, "{}: {}", rule.card.id, crate::judge::render(&findings));
    }
}

#[test]
fn cards_are_complete_and_say_things_the_house_way() {
    let mut ids = HashSet::new();
    for rule in all() {
        let card = rule.card;
        assert!(ids.insert(card.id), "{} stands twice", card.id);
        let kebab = card.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        assert!(kebab && !card.id.is_empty(), "{:?}", card.id);
        for text in [card.title, card.why, card.safe_form] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text:?}", card.id);
        }
        let raised_here = !matches!(rule.check, Check::Elsewhere);
        assert_eq!(card.bad.is_some() && card.good.is_some(), raised_here, "{} has no examples", card.id);
        for superseded in card.supersedes {
            assert!(find(superseded).is_some(), "{} supersedes {superseded}", card.id);
        }
        assert!(card.explain().contains(card.why) && card.markdown().contains(card.safe_form));
    }
}

#[test]
fn rules_stand_in_the_order_of_their_ids() {
    let ids: Vec<&str> = all().iter().map(|r| r.card.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
}

#[test]
fn every_error_says_how_to_allow_it_and_says_so_last() {
    for rule in all() {
        let Some(bad) = &rule.card.bad else { continue };
        for finding in judge_example(rule.card, bad).iter().filter(|f| f.severity == Severity::Error) {
            let help = finding.help.as_deref().unwrap_or("");
            let allowable = !crate::judge::never_allowed(finding.rule) && !rule.card.dialects.is_empty();
            let ends =
                help.ends_with(&format!("; if it is meant: -- cofferdam:allow {} REASON", finding.rule));
            assert_eq!(ends, allowable, "{}: {help}", finding.rule);
        }
    }
}

#[test]
fn a_misspelt_rule_has_a_nearest_one() {
    assert_eq!(nearest("drop-tabel"), Some("drop-table"));
    assert_eq!(nearest("DROP_TABLE"), Some("drop-table"));
    assert_eq!(nearest("quite-something-else"), None);
    assert_eq!(nearest(&"x".repeat(1_000_000)), None);
}

#[test]
fn the_list_names_each_rule_once() {
    let list = list();
    assert_eq!(list.lines().count(), all().len());
    assert!(list.lines().any(|l| l.starts_with("drop-table ")), "{list}");
}
