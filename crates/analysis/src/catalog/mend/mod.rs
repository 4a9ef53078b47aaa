//! Statements that would make a live database what was expected of it.
//!
//! The promise: run in their order, the statements leave nothing that
//! [`diff`](super::diff()) would report, except what is named as to be done by
//! hand. Nothing is lost silently: what may hold rows or values goes in one
//! statement that looks first and refuses otherwise, and a narrower type refuses
//! values that it would cut, so the script is safe even where a failed statement
//! does not end it. What must not be seen half done stands between `begin` and
//! `commit`. Indexes are built concurrently and constraints validated apart,
//! where Postgres offers that.
//!
//! It prints what the catalog holds and guesses nothing: what the model cannot
//! say in full (an option that was withheld as a secret, a base type) gets a note
//! instead of a statement. Data that a statement would have to make up is not
//! made up. This is pure: nothing here runs anything, so there is no crash to speak of.

mod order;
mod postgres;
mod sqlite;
mod text;

use std::collections::BTreeSet;

use super::diff::compared;
use super::{Catalog, Difference, Engine, Ignore};
use order::Action;

/// One difference with what mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// What differs.
    pub difference: Difference,
    /// The statements, in their order. Empty when another difference's statements mend this
    /// one too, or when a person has to; `note` says which.
    pub statements: Vec<String>,
    /// Why there is no statement, or what else to know.
    pub note: Option<String>,
    /// No statement mends this: a person has to.
    pub by_hand: bool,
}

/// A unit of the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// One statement, which commits by itself.
    Alone(String),
    /// Statements of one transaction.
    Together(Vec<String>),
}

impl Step {
    fn statements(&self) -> Vec<String> {
        match self {
            Step::Alone(statement) => vec![statement.clone()],
            Step::Together(statements) => {
                let inner = statements.iter().cloned();
                std::iter::once("begin".to_owned()).chain(inner).chain(["commit".to_owned()]).collect()
            }
        }
    }
}

/// Every difference with its statements, and the statements of all in the order in which they run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mending {
    /// In the order of [`diff`](super::diff()).
    pub found: Vec<Mended>,
    /// In the order in which they run.
    pub steps: Vec<Step>,
}

impl Mending {
    /// All statements as one text that psql runs as it stands and that is a migration file too;
    /// empty when there is nothing to run and nothing to say.
    pub fn script(&self) -> String {
        let mut script = String::new();
        for mended in self.found.iter().filter(|m| m.by_hand) {
            let note = mended.note.as_deref().unwrap_or("this has to be done by hand");
            script += &format!("-- {}: {}\n", line(&mended.difference.object.to_string()), line(note));
        }
        if self.steps.is_empty() {
            return script;
        }
        // Some of them run in no transaction, and those that belong together say so themselves.
        script += "-- cofferdam:no-transaction\n";
        for statement in self.steps.iter().flat_map(Step::statements) {
            script += &statement;
            script += ";\n";
        }
        script
    }
}

/// A comment ends with its line, whatever the name in it holds.
fn line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// Compares, and says for each difference what would take the live database to the expected one.
pub fn mend(expected: &Catalog, live: &Catalog, ignore: &Ignore) -> Mending {
    let (differences, renamed) = compared(expected, live, ignore);
    let (actions, notes) = match live.engine {
        Engine::Postgres => postgres::actions(expected, live, &renamed, &differences),
        Engine::Sqlite => sqlite::actions(expected, live, &differences),
    };
    let mut found: Vec<Mended> = differences
        .into_iter()
        .map(|difference| Mended { difference, statements: Vec::new(), note: None, by_hand: false })
        .collect();
    let ordered = match live.engine {
        Engine::Postgres => order::order(actions, expected, live),
        Engine::Sqlite => actions,
    };
    for action in &ordered {
        tell(action, &mut found);
    }
    for (at, note) in notes {
        found[at].by_hand = note.by_hand;
        found[at].note = Some(note.text);
    }
    for mended in found.iter_mut().filter(|m| m.statements.is_empty() && m.note.is_none()) {
        mended.by_hand = true;
        mended.note = Some("no statement is known that mends this".to_owned());
    }
    let mut steps: Vec<Step> = Vec::new();
    // One statement may be what two differences ask for, such as the rename of a parent.
    for step in ordered.into_iter().flat_map(|action| action.steps) {
        if steps.last() != Some(&step) {
            steps.push(step);
        }
    }
    if live.engine == Engine::Sqlite && steps.len() > 1 {
        // There every statement takes part in a transaction.
        steps = vec![Step::Together(steps.iter().flat_map(Step::statements).collect())];
    }
    Mending { found, steps }
}

/// The first difference of an action shows its statements, the others say where they stand.
fn tell(action: &Action, found: &mut [Mended]) {
    let mut told: BTreeSet<usize> = BTreeSet::new();
    let Some(first) = action.mends.first().copied() else { return };
    found[first].statements.extend(action.steps.iter().flat_map(Step::statements));
    let object = found[first].difference.object.to_string();
    for at in action.mends.iter().skip(1).copied() {
        if told.insert(at) && at != first && found[at].statements.is_empty() {
            found[at].note = Some(format!("mended together with {object}"));
        }
    }
}

/// A word on a difference that no statement of its own mends.
#[derive(Debug)]
struct Note {
    text: String,
    by_hand: bool,
}
