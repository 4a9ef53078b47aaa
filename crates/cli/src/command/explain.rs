//! `cofferdam explain`: what a rule says, with its examples.

use cofferdam_analysis::card::{Card, Example};
use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, Severity, rules};
use serde::Serialize;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::table;
use crate::output::text::{self, Style};

/// Say what a rule finds, why, and what to write instead
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A rule's id, as findings show it; without one, all rules are listed
    rule: Option<String>,
}

#[derive(Serialize)]
struct Report {
    rules: Vec<Page>,
}

/// A card, as data.
#[derive(Serialize)]
struct Page {
    id: &'static str,
    title: &'static str,
    severity: Severity,
    why: &'static str,
    safe_form: &'static str,
    dialects: &'static [Dialect],
    loss: bool,
    fixable: bool,
    lock: Option<&'static str>,
    rewrite: Option<bool>,
    scan: Option<bool>,
    bad: Option<Sample>,
    good: Option<Sample>,
}

#[derive(Serialize)]
struct Sample {
    file: &'static str,
    given: &'static str,
    text: &'static str,
}

impl From<&'static Card> for Page {
    fn from(card: &'static Card) -> Self {
        let sample =
            |example: Example| Sample { file: example.file, given: example.given, text: example.text };
        Self {
            id: card.id,
            title: card.title,
            severity: card.severity,
            why: card.why,
            safe_form: card.safe_form,
            dialects: card.dialects,
            loss: card.loss,
            fixable: card.fixable,
            lock: card.lock,
            rewrite: card.rewrite,
            scan: card.scan,
            bad: card.bad.map(sample),
            good: card.good.map(sample),
        }
    }
}

pub(crate) fn run(context: &Context, args: Args) -> Result<Exit> {
    let mut cards: Vec<&'static Card> = match &args.rule {
        Some(id) => vec![find(id)?],
        None => rules::all().iter().map(|rule| rule.card).collect(),
    };
    cards.sort_by_key(|card| card.id);
    let report = Report { rules: cards.iter().map(|card| Page::from(*card)).collect() };
    context.output.result(true, &report, || match (&args.rule, cards.as_slice()) {
        (Some(_), [card]) => prose(&card.explain(), context.output.style()),
        _ => {
            let row = |card: &&Card| {
                vec![card.id.to_owned(), card.severity.as_str().to_owned(), card.title.to_owned()]
            };
            table::render(&["rule", "severity", "finds"], cards.iter().map(row), context.output.style())
        }
    });
    Ok(Exit::Done)
}

/// The page at the width of the terminal; its SQL is indented, and stays as it is.
fn prose(page: &str, style: Style) -> String {
    text::wrap(page, style.width).iter().map(|line| format!("{line}\n")).collect()
}

fn find(id: &str) -> Result<&'static Card, Error> {
    rules::find(id).map(|rule| rule.card).ok_or_else(|| {
        let error = Error::invalid(format!("there is no rule `{id}`"));
        match rules::nearest(id) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("`cofferdam explain` lists all rules"),
        }
    })
}
