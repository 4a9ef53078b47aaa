//! `cofferdam explain`: what a rule says, with its examples, and what an exit code means.

use cofferdam_analysis::card::{Card, Example};
use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, Severity, rules};
use serde::Serialize;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::text::{self, Style};
use crate::output::{markdown, table};
use crate::pages;

/// Say what a rule finds or an exit code means, and what to do about it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A rule's id, as findings show it, an exit code (exit-3, or 3), or a kind of error
    /// (refused); without one, all rules and exit codes are listed
    #[arg(value_name = "RULE|EXIT")]
    topic: Option<String>,
}

#[derive(Serialize)]
struct Report {
    rules: Vec<Page>,
    exits: Vec<ExitPage>,
}

/// What an exit code means, as data.
#[derive(Serialize)]
struct ExitPage {
    code: u8,
    kinds: &'static [&'static str],
    title: &'static str,
    markdown: &'static str,
}

impl From<&'static pages::Page> for ExitPage {
    fn from(page: &'static pages::Page) -> Self {
        Self { code: page.code(), kinds: page.kinds, title: page.title(), markdown: page.markdown }
    }
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
    let style = context.output.style();
    match &args.topic {
        None => {
            let mut cards: Vec<&'static Card> = rules::all().iter().map(|rule| rule.card).collect();
            cards.sort_by_key(|card| card.id);
            let report = Report {
                rules: cards.iter().map(|card| Page::from(*card)).collect(),
                exits: pages::ALL.iter().map(ExitPage::from).collect(),
            };
            context.output.result(true, &report, || list(&cards, style));
        }
        Some(topic) => match pages::find(topic) {
            Some(page) => {
                let report = Report { rules: Vec::new(), exits: vec![page.into()] };
                context.output.result(true, &report, || markdown::render(page.markdown, style));
            }
            None => {
                let card = find(topic)?;
                let report = Report { rules: vec![card.into()], exits: Vec::new() };
                context.output.result(true, &report, || prose(&card.explain(), style));
            }
        },
    }
    Ok(Exit::Done)
}

fn list(cards: &[&'static Card], style: Style) -> String {
    let rule =
        |card: &&Card| vec![card.id.to_owned(), card.severity.as_str().to_owned(), card.title.to_owned()];
    let exit = |page: &pages::Page| vec![page.id(), page.kinds.join(", "), page.title().to_owned()];
    let rules = table::render(&["rule", "severity", "finds"], cards.iter().map(rule), style);
    let exits = table::render(&["exit code", "kind", "means"], pages::ALL.iter().map(exit), style);
    format!("{rules}\n{exits}\n`cofferdam explain RULE` or `cofferdam explain exit-3` says more.\n")
}

/// The page at the width of the terminal; its SQL is indented, and stays as it is.
fn prose(page: &str, style: Style) -> String {
    text::wrap(page, style.width).iter().map(|line| format!("{line}\n")).collect()
}

fn find(id: &str) -> Result<&'static Card, Error> {
    rules::find(id).map(|rule| rule.card).ok_or_else(|| {
        if pages::is_number(id) {
            return Error::invalid(format!("there is no exit code `{id}`"))
                .hint("`cofferdam explain` lists all of them");
        }
        let error = Error::invalid(format!("there is no rule `{id}`"));
        match rules::nearest(id) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("`cofferdam explain` lists all rules"),
        }
    })
}
