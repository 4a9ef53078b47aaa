//! Ticking: what the ledger knows, put into the text.

use std::collections::BTreeMap;

use super::document::{Done, FINDINGS, Header, Id, ItemLine, Kind, State, header};
use crate::Result;

/// What is known of a target's items.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// The name that the ledger gave the database.
    pub database: Option<String>,
    /// Versions that count as applied: all their steps are done.
    pub applied: BTreeMap<String, Done>,
    /// Steps that are done, by id.
    pub steps: BTreeMap<String, Done>,
    /// The step that failed last and is not done, with the error.
    pub failed: Option<(String, String)>,
    /// Checks that were made: when they held, or `None` where they do not hold.
    pub checks: BTreeMap<String, Option<Done>>,
}

impl Known {
    /// What the ledger says of a step. A file whose failed part was edited may have other
    /// steps than the list says: once it is applied, all of them are behind us.
    fn done(&self, step: &str) -> Option<&Done> {
        let version = step.split('/').next().unwrap_or(step);
        self.steps.get(step).or_else(|| self.applied.get(version))
    }

    /// The same with every name as an item writes it.
    fn as_written(&self) -> Known {
        let named = |map: &BTreeMap<String, Done>| {
            map.iter().map(|(name, done)| (Id::step(name).name, done.clone())).collect()
        };
        Known { applied: named(&self.applied), steps: named(&self.steps), ..self.clone() }
    }

    /// When the last step of a list was done; `None` while one is not, or there is none.
    fn all_done(&self, text: &str) -> Option<Done> {
        let items = text.lines().filter_map(ItemLine::read);
        let steps = items.filter(|item| item.id.kind == Kind::Step);
        let done: Option<Vec<&Done>> = steps.map(|step| self.done(&step.id.name)).collect();
        let last = done?.into_iter().max_by(|a, b| a.at.cmp(&b.at))?;
        Some(Done { took: None, ..last.clone() })
    }

    /// The state that an item should have.
    fn state(&self, item: &ItemLine<'_>) -> State {
        let ours = matches!(item.state, State::Done(_) | State::Failed(_));
        let known = match item.id.kind {
            Kind::Step => self.done(&item.id.name),
            Kind::Check => match self.checks.get(&item.id.name) {
                Some(held) => held.as_ref(),
                None => return item.state.clone(),
            },
        };
        match (known, &item.state) {
            // The first time that it was seen to be done stays.
            (Some(_), State::Done(_)) => item.state.clone(),
            (Some(_), State::Ticked) if item.id.kind == Kind::Check => State::Ticked,
            (Some(done), State::Open | State::Ticked | State::Failed(_)) => State::Done(done.clone()),
            (None, _) => match &self.failed {
                Some((step, why)) if item.id == Id::step(step) => State::Failed(first_line(why)),
                _ if ours => State::Open,
                _ => item.state.clone(),
            },
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// The text with its boxes as they should be. Everything else stays byte for byte; with
/// nothing to change the same text comes back.
///
/// # Errors
/// As [`header`].
pub fn sync(text: &str, known: &Known) -> Result<String> {
    let mut known = known.as_written();
    // Steps that are done were let through, whatever was found.
    let settled = known.all_done(text);
    known.checks.insert(FINDINGS.to_owned(), settled);
    let first = header(text)?;
    let named = match (&first.database, &known.database) {
        (None, Some(database)) => Some(Header::named(&first, database)),
        _ => None,
    };
    let mut out = String::with_capacity(text.len() + 64);
    let mut in_front = true;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim_end_matches(['\n', '\r']);
        let end = &whole[line.len()..];
        if in_front && !line.trim_start_matches('\u{feff}').trim().is_empty() {
            in_front = false;
            if let Some(named) = &named {
                let mark = if line.starts_with('\u{feff}') { "\u{feff}" } else { "" };
                out.push_str(&format!("{mark}{}{end}", named.line()));
                continue;
            }
        }
        let read = ItemLine::read(line);
        match read.as_ref().map(|item| (item, known.state(item))) {
            Some((item, state)) if state != item.state => out.push_str(&item.with(&state)),
            _ => out.push_str(line),
        }
        out.push_str(end);
    }
    Ok(out)
}

/// How far a list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Items that are ticked.
    pub done: usize,
    /// Items that are not.
    pub open: usize,
    /// The first that is not.
    pub next: Option<String>,
}

/// Counts the items.
pub fn summary(text: &str) -> Summary {
    let items: Vec<ItemLine<'_>> = text.lines().filter_map(ItemLine::read).collect();
    let done = items.iter().filter(|item| item.state.is_ticked()).count();
    let next = items.iter().find(|item| !item.state.is_ticked());
    Summary { done, open: items.len() - done, next: next.map(|item| item.title.to_owned()) }
}

/// Milliseconds as the list writes them.
pub fn took(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}
