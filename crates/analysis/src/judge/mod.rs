//! Judges an ordered set of SQL files: what in them hurts, and why.
//!
//! **Promise.** Each statement is judged by the schema that the statements before it
//! leave, across files; knowledge only ever lowers a finding, so what is not known
//! counts as big, old and full of somebody's rows. Work is linear in the statements.
//!
//! **Refuses** nothing: it reports. Whether a finding stops a run is the caller's rule
//! ([`Finding::refuses`]). A finding with a [`crate::NobodysRows`] was lowered on a claim
//! that only the database can prove; whoever runs the statement must prove it first.
//!
//! `session` follows transactions and settings, `world` and `evolve` the schema,
//! `holds` says whose rows a table can hold, `outline` sees a file as a whole,
//! `allow` settles suppressions.

mod allow;
mod catalog;
mod evolve;
mod holds;
mod outline;
mod quote;
mod report;
mod session;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod text;
mod world;

use std::collections::BTreeMap;

pub use allow::Allow;
pub use holds::Holds;
pub use outline::{At, Copy, Event, Outline, Rebuild, RebuildForm};
pub use quote::{ident, listed, object};
pub use report::{Context, Draft, Report, SMALL, Weight};
pub use session::{Session, Transaction, pragma_is_on};
pub use text::render;
pub use world::{Gone, Known, KnownColumn, Moment, Origin, Table, World, same_column};

use crate::card::Card;
use crate::document::Document;
use crate::finding::{Finding, Severity};
use crate::place::Span;
use crate::plan;
use crate::rules::{self, directives};
use crate::sql::{Action, Damage, Dialect, Directive, DirectiveKind, Effect, Script, Statement};

/// A rule: its card and its code.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// What people read.
    pub card: &'static Card,
    /// What finds it.
    pub check: Check,
}

/// How a rule looks at the world; each is called for files that are judged only.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    /// For each effect, with the world as it stands just before it. Effects in bodies of
    /// functions and triggers come too: look at `effect.within`. What most rules are.
    Effect(fn(&Context<'_>, &Effect, &mut Report<'_>)),
    /// For each statement that could be read, with the world before it.
    Statement(fn(&Context<'_>, &Statement, &mut Report<'_>)),
    /// For each statement that could not be read although its meaning is clear, as its
    /// effects say (forms of `alter table` that SQLite lacks).
    Damaged(fn(&Context<'_>, &Statement, &Damage, &mut Report<'_>)),
    /// For each file, with the world before it. Say which statement is meant by [`Report::about`].
    File(fn(&Context<'_>, &mut Report<'_>)),
    /// For each file that is no SQL.
    Document(fn(&Document, &Card) -> Vec<Finding>),
    /// Raised by the judge itself, about directives and damage.
    Judge,
    /// Raised by the running program; here is only the card.
    Elsewhere,
}

/// What is to be judged.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// Of every file.
    pub dialect: Dialect,
    /// In the order in which they run.
    pub files: &'a [JudgedFile<'a>],
    /// Files beside the migrations.
    pub documents: &'a [Document],
    /// The database as it was before the first file of this run; `None` when nothing is known.
    pub known: Option<&'a dyn Known>,
    /// Allows that hold for everything.
    pub allows: &'a [Allow],
}

impl<'a> Input<'a> {
    /// Nothing but files.
    pub fn new(dialect: Dialect, files: &'a [JudgedFile<'a>]) -> Self {
        Self { dialect, files, documents: &[], known: None, allows: &[] }
    }
}

/// One file of the set.
#[derive(Debug, Clone, Copy)]
pub struct JudgedFile<'a> {
    /// Its statements.
    pub script: &'a Script,
    /// Why it is here.
    pub role: Role,
    /// How the runner runs it.
    pub transaction: Transaction,
    /// What the configuration says about rules in this file.
    pub levels: Option<&'a Levels>,
}

impl<'a> JudgedFile<'a> {
    /// A file run as `migrate` runs it by default.
    pub fn new(script: &'a Script, role: Role) -> Self {
        Self { script, role, transaction: Transaction::Auto, levels: None }
    }
}

/// Why a file is part of the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// SQL that already ran (`--schema`): its tables exist and count as big.
    Schema,
    /// An older file of the folder, applied before this run or adopted: as `Schema`.
    Applied,
    /// Applied by this very run before it stopped: what it made is new; it is not judged again.
    EarlierInRun,
    /// To be judged; what it makes is new to the files after it.
    Judged,
}

/// The severities that a configuration gives to rules, by id.
pub type Levels = BTreeMap<String, Level>;

/// What a configuration says about a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Say nothing.
    Off,
    /// This in place of the card's severity. What size or proof lowered stays lowered.
    At(Severity),
}

/// Judges the set. Findings come in the order of files and places.
pub fn judge(input: &Input<'_>) -> Vec<Finding> {
    let mut world = World::new(input.dialect, input.known);
    let mut findings = Vec::new();
    for (n, file) in input.files.iter().enumerate() {
        let in_run = matches!(file.role, Role::EarlierInRun | Role::Judged);
        world.begin_file(n, file.script, file.transaction, in_run);
        match file.role {
            Role::Judged => findings.extend(judge_file(input, file, &mut world)),
            Role::Schema | Role::Applied | Role::EarlierInRun => follow(file.script, &mut world),
        }
    }
    for document in input.documents {
        findings.extend(judge_document(document, input.allows));
    }
    findings
}

/// Whether no allow ever covers the rule.
pub fn never_allowed(rule: &str) -> bool {
    allow::NEVER_ALLOWED.contains(&rule)
}

fn follow(script: &Script, world: &mut World) {
    for statement in &script.statements {
        world.begin_statement(statement.index);
        if statement.damage.is_some() {
            continue;
        }
        statement.effects.iter().filter(|e| e.within.runs_now()).for_each(|e| world.apply(e));
        world.note_view(statement);
    }
}

fn judge_file(input: &Input<'_>, file: &JudgedFile<'_>, world: &mut World) -> Vec<Finding> {
    let script = file.script;
    let off = |card: &Card| file.levels.and_then(|l| l.get(card.id)) == Some(&Level::Off);
    let rules: Vec<&'static Rule> =
        rules::all().iter().filter(|r| r.card.dialects.contains(&script.dialect) && !off(r.card)).collect();
    let outline = Outline::of(script);
    let mut report = Report::new(script, directives::SYNTAX_ERROR.card);

    let start = At { statement: 0, effect: 0 };
    let cx = Context { world, script, outline: &outline, statement: None, at: start };
    for rule in &rules {
        if let Check::File(check) = rule.check {
            check(&cx, report.speaking_for(rule));
        }
    }
    for statement in &script.statements {
        judge_statement(statement, script, &outline, &rules, world, &mut report);
    }

    report.statement = None;
    judge_as_a_whole(file, &mut report);

    let mut drafts = report.settle();
    raise_or_lower(&mut drafts, file.levels);
    let used = allow::cover(&mut drafts, script, input);
    let mut about_directives = Report::new(script, directives::SYNTAX_ERROR.card);
    allow::judge_directives(script, &used, file.levels, &mut about_directives);
    let mut about_directives = about_directives.settle();
    raise_or_lower(&mut about_directives, file.levels);
    drafts.extend(about_directives.into_iter().filter(|d| rules.iter().any(|r| r.card.id == d.finding.rule)));
    let mut findings: Vec<Finding> = drafts.into_iter().map(|d| d.finding).collect();
    findings.sort_by_key(|f| (f.place.as_ref().map(|p| p.span.start), f.rule));
    findings
}

/// What `migrate` says of the file before it looks at what the statements do.
fn judge_as_a_whole(file: &JudgedFile<'_>, report: &mut Report<'_>) {
    let script = file.script;
    if script.statements.is_empty() {
        let message = "holds no statement: it would be recorded as applied and do nothing";
        report.speaking_for(&directives::EMPTY_MIGRATION).at(Span::default(), message);
    }
    let unknown = |d: &Directive| matches!(d.kind, DirectiveKind::Unknown(_));
    if file.transaction != Transaction::Auto || script.directives.iter().any(unknown) {
        return;
    }
    if let Err(error) = plan::file(script, "0", false) {
        let span = error.place().map(|place| place.span).unwrap_or_default();
        let draft = report.speaking_for(&directives::CANNOT_RUN).at(span, error.message());
        if let Some(hint) = error.hint_text() {
            draft.help(hint);
        }
    }
}

fn judge_statement(
    statement: &Statement,
    script: &Script,
    outline: &Outline<'_>,
    rules: &[&'static Rule],
    world: &mut World,
    report: &mut Report<'_>,
) {
    world.begin_statement(statement.index);
    report.statement = Some(statement.index);
    if let Some(damage) = &statement.damage {
        let message = format!("cannot be read: {}", damage.message);
        report.speaking_for(&directives::SYNTAX_ERROR).at(damage.span, message);
    }
    let at = At { statement: statement.index, effect: 0 };
    let cx = Context { world, script, outline, statement: Some(statement), at };
    if let Some(damage) = &statement.damage {
        for rule in rules.iter().filter(|_| !statement.effects.is_empty()) {
            if let Check::Damaged(check) = rule.check {
                check(&cx, statement, damage, report.speaking_for(rule));
            }
        }
        return;
    }
    for rule in rules {
        if let Check::Statement(check) = rule.check {
            check(&cx, statement, report.speaking_for(rule));
        }
    }
    for (n, effect) in statement.effects.iter().enumerate() {
        if let Action::Unread { why } = effect.action {
            unread(effect, why, report.speaking_for(&directives::SYNTAX_ERROR));
        }
        let cx = Context { world, script, outline, statement: Some(statement), at: At { effect: n, ..at } };
        for rule in rules {
            if let Check::Effect(check) = rule.check {
                check(&cx, effect, report.speaking_for(rule));
            }
        }
        if effect.within.runs_now() {
            world.apply(effect);
        }
    }
    world.note_view(statement);
}

/// A text that was not read is as dangerous as a statement that could not be, if it runs
/// with its statement. What only defines a function loses nothing yet.
fn unread(effect: &Effect, why: &str, report: &mut Report<'_>) {
    let draft = report.at(effect.span, format!("cannot be read: {why}"));
    draft.why("what it does was not judged");
    if effect.within.runs_now() {
        draft.help("divide it into smaller ones, or allow it when somebody has read it");
    } else {
        draft.severity(Severity::Warning).help("divide it into smaller ones, or read it yourself");
    }
}

fn raise_or_lower(drafts: &mut [Draft], levels: Option<&Levels>) {
    let Some(levels) = levels else { return };
    for draft in drafts {
        if let Some(Level::At(severity)) = levels.get(draft.finding.rule)
            && draft.at_cards_severity()
        {
            draft.finding.severity = *severity;
        }
    }
}

fn judge_document(document: &Document, allows: &[Allow]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in rules::all() {
        if let Check::Document(check) = rule.check {
            findings.extend(check(document, rule.card));
        }
    }
    for finding in &mut findings {
        let global = || allows.iter().find(|a| a.rule == finding.rule && !a.reason.trim().is_empty());
        let span = finding.place.as_ref().map(|p| p.span).unwrap_or_default();
        let own = document.allows(finding.rule, span);
        finding.allowed = own.or_else(|| global().map(|a| a.reason.clone()));
    }
    findings.sort_by_key(|f| (f.place.as_ref().map(|p| p.span.start), f.rule));
    findings
}
