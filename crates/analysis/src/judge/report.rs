//! What checks see, and how they say what they found.

use std::collections::HashSet;

use super::outline::{At, Outline};
use super::world::{Origin, World};
use super::{Holds, Rule};
use crate::card::Card;
use crate::finding::{Finding, Fix, FixKind, Severity};
use crate::place::Span;
use crate::sql::{Dialect, Effect, ObjectName, Script, Statement};

/// A table with fewer rows is judged by its size.
pub const SMALL: u64 = 10_000;

/// What a check may look at.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The schema before the effect (or statement, or file) at hand.
    pub world: &'a World,
    /// The file.
    pub script: &'a Script,
    /// What happens in the file as a whole, also after the statement at hand.
    pub outline: &'a Outline<'a>,
    /// The statement at hand; `None` for checks of whole files.
    pub statement: Option<&'a Statement>,
    /// Where the effect at hand stands; that of the first effect for checks of statements and files.
    pub at: At,
}

/// How much a lock, a rewrite or a scan of a table matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Made in this set, and nothing depends on it yet: not worth a word.
    New,
    /// Fewer than [`SMALL`] rows: a note.
    Small,
    /// Big, or of unknown size.
    Full,
}

impl<'a> Context<'a> {
    /// What the file is written in.
    pub fn dialect(&self) -> Dialect {
        self.script.dialect
    }

    /// The text of a span of the file.
    pub fn text(&self, span: Span) -> &'a str {
        span.of(&self.script.text)
    }

    /// How much a lock, a rewrite or a scan of `table` matters. Never ask it about a loss.
    pub fn weight(&self, table: &ObjectName) -> Weight {
        let Some(known) = self.world.table(table) else {
            return if self.world.is_absent(table) { Weight::New } else { Weight::Full };
        };
        match (known.origin, known.rows) {
            _ if known.temporary => Weight::New,
            // A table that took over another's name is used as that one was, from its commit on.
            (Origin::New(made), _)
                if !known.took_over || made.transaction == self.world.now().transaction =>
            {
                Weight::New
            }
            (_, Some(rows)) if rows < SMALL => Weight::Small,
            _ => Weight::Full,
        }
    }

    /// The effects of the statement at hand that stand before this one.
    pub fn earlier_effects(&self) -> &'a [Effect] {
        self.statement.map_or(&[], |s| &s.effects[..self.at.effect.min(s.effects.len())])
    }
}

/// A finding in the making. Message and place are the check's; all else comes from
/// the card unless the check knows better.
#[derive(Debug)]
pub struct Draft {
    card: &'static Card,
    pub(super) finding: Finding,
    pub(super) statement: Option<usize>,
    withdrawn: bool,
}

impl Draft {
    /// Says why in this case.
    pub fn why(&mut self, why: impl Into<String>) -> &mut Self {
        self.finding.why = why.into();
        self
    }

    /// Says what to do in this case.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.finding.help = Some(help.into());
        self
    }

    /// Gives the statement that can stand in this one's place.
    pub fn rewrite(&mut self, sql: impl Into<String>) -> &mut Self {
        self.finding.fix = Some(Fix { kind: FixKind::Rewrite, sql: vec![sql.into()] });
        self
    }

    /// Gives the statements that can stand in this one's place, in the same transaction.
    pub fn rewrite_as(&mut self, sql: Vec<String>) -> &mut Self {
        self.finding.fix = Some(Fix { kind: FixKind::Rewrite, sql });
        self
    }

    /// Gives the statements, each in a transaction of its own, that can stand in this one's place.
    pub fn split(&mut self, sql: Vec<String>) -> &mut Self {
        self.finding.fix = Some(Fix { kind: FixKind::Split, sql });
        self
    }

    /// Judges this case otherwise than the card.
    pub fn severity(&mut self, severity: Severity) -> &mut Self {
        self.finding.severity = severity;
        self
    }

    /// Corrects what the card says about lock, rewrite and scan.
    pub fn cost(
        &mut self,
        lock: Option<&'static str>,
        rewrite: Option<bool>,
        scan: Option<bool>,
    ) -> &mut Self {
        (self.finding.lock, self.finding.rewrite, self.finding.scan) = (lock, rewrite, scan);
        self
    }

    pub(super) fn at_cards_severity(&self) -> bool {
        self.finding.severity == self.card.severity
    }

    /// Lets the size of the table speak. Does nothing for a loss: no size lowers that.
    pub fn soften(&mut self, weight: Weight) -> &mut Self {
        if self.card.loss { self } else { self.soften_cost(weight) }
    }

    /// As [`Draft::soften`], for the case of a loss rule that costs time and loses nothing.
    pub fn soften_cost(&mut self, weight: Weight) -> &mut Self {
        match weight {
            Weight::New => self.withdrawn = true,
            Weight::Small => self.finding.severity = Severity::Note,
            Weight::Full => {}
        }
        self
    }

    /// Lets it speak whose rows would be lost.
    pub fn losing(&mut self, holds: Holds) -> &mut Self {
        match holds {
            Holds::Nothing => self.withdrawn = true,
            Holds::OursIfProven(proof) => {
                self.finding.severity = Severity::Note;
                self.finding.proof = Some(proof);
            }
            Holds::Somebody => {}
        }
        self
    }
}

/// Collects what the checks of one file find.
#[derive(Debug)]
pub struct Report<'a> {
    script: &'a Script,
    pub(super) card: &'static Card,
    pub(super) statement: Option<usize>,
    pub(super) drafts: Vec<Draft>,
}

impl<'a> Report<'a> {
    pub(super) fn new(script: &'a Script, card: &'static Card) -> Self {
        Self { script, card, statement: None, drafts: Vec::new() }
    }

    pub(super) fn speaking_for(&mut self, rule: &Rule) -> &mut Self {
        self.card = rule.card;
        self
    }

    /// Says that `message` holds at `span`. Messages begin in lower case with what the
    /// statement does, name the object, and end without a full stop.
    pub fn at(&mut self, span: Span, message: impl Into<String>) -> &mut Draft {
        let card = self.card;
        let mut finding = Finding::new(card.id, card.severity, message, card.why);
        finding.place = Some(self.script.place(span));
        finding.help = Some(card.safe_form.to_owned());
        (finding.lock, finding.rewrite, finding.scan) = (card.lock, card.rewrite, card.scan);
        finding.text = Some(self.script.text.clone());
        let statement = self.statement;
        self.drafts.push(Draft { card, finding, statement, withdrawn: false });
        let last = self.drafts.len() - 1;
        &mut self.drafts[last]
    }

    /// As [`Report::at`], about another statement than the one at hand: for checks of whole files.
    pub fn about(&mut self, statement: usize, span: Span, message: impl Into<String>) -> &mut Draft {
        let draft = self.at(span, message);
        draft.statement = Some(statement);
        draft
    }

    /// The findings that stand: without those withdrawn, and those that another finding
    /// about the same bytes says better.
    pub(super) fn settle(self) -> Vec<Draft> {
        let span = |d: &Draft| d.finding.place.as_ref().map(|p| p.span);
        let better: HashSet<(&'static str, Option<Span>)> = self
            .drafts
            .iter()
            .filter(|d| !d.withdrawn)
            .flat_map(|d| d.card.supersedes.iter().map(|rule| (*rule, span(d))))
            .collect();
        let stands = |d: &Draft| !d.withdrawn && !better.contains(&(d.finding.rule, span(d)));
        let mut drafts: Vec<Draft> = self.drafts.into_iter().filter(stands).collect();
        for draft in &mut drafts {
            // Cards speak of Postgres' lock modes; SQLite has one lock for all.
            if self.script.dialect == Dialect::Sqlite {
                draft.finding.lock = None;
            }
            let sql = draft.statement.and_then(|n| self.script.statements.get(n)).map(|s| self.script.sql(s));
            draft.finding.statement = sql.map(str::to_owned);
            offer_allow(&mut draft.finding);
        }
        drafts
    }
}

/// The way past an error stands last, after the safe form.
fn offer_allow(finding: &mut Finding) {
    if finding.severity == Severity::Error
        && !super::allow::NEVER_ALLOWED.contains(&finding.rule)
        && let Some(help) = &mut finding.help
    {
        help.push_str(&format!("; if it is meant: -- cofferdam:allow {} REASON", finding.rule));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::Set;

    const CARD: Card =
        Card { id: "slow", severity: Severity::Warning, why: "w", safe_form: "s", ..Card::BLANK };

    /// The weight of `notes` at the end of the set's last file.
    fn weight(set: &Set) -> Weight {
        set.at_end(|cx| cx.weight(&ObjectName::bare("notes")))
    }

    #[test]
    fn a_table_weighs_what_is_known_of_it() {
        assert_eq!(weight(&Set::postgres().file("select 1")), Weight::Full, "unknown counts as big");
        assert_eq!(weight(&Set::postgres().table_of("notes", None).file("select 1")), Weight::Full);
        assert_eq!(weight(&Set::postgres().table_of("notes", Some(SMALL)).file("select 1")), Weight::Full);
        assert_eq!(
            weight(&Set::postgres().table_of("notes", Some(SMALL - 1)).file("select 1")),
            Weight::Small
        );
        assert_eq!(weight(&Set::postgres().empty_database().file("select 1")), Weight::New);
        assert_eq!(weight(&Set::postgres().file("create table notes (id int)")), Weight::New);
        assert_eq!(
            weight(&Set::postgres().file("create table notes (id int)").file("select 1")),
            Weight::New
        );
        assert_eq!(weight(&Set::postgres().file("create table if not exists notes (id int)")), Weight::Full);
        assert_eq!(weight(&Set::postgres().file("create temp table notes (id int)")), Weight::New);
        assert_eq!(
            weight(&Set::postgres().schema("create table notes (id int)").file("select 1")),
            Weight::Full
        );
    }

    #[test]
    fn a_table_that_took_anothers_place_is_used_as_soon_as_it_is_committed() {
        let swap = "create table n2 (id int); insert into n2 select id from notes; drop table notes;
                    alter table n2 rename to notes;";
        assert_eq!(weight(&Set::postgres().file(swap)), Weight::New);
        assert_eq!(weight(&Set::postgres().file(swap).file("select 1")), Weight::Full);
    }

    #[test]
    fn size_softens_costs_and_never_losses() {
        let softened = |card: &'static Card, weight| {
            let script = Script::parse(Dialect::Postgres, "a.sql", "select 1");
            let mut report = Report::new(&script, card);
            report.at(Span::new(0, 6), "m").soften(weight);
            report.settle().first().map(|d| d.finding.severity)
        };
        assert_eq!(softened(&CARD, Weight::Full), Some(Severity::Warning));
        assert_eq!(softened(&CARD, Weight::Small), Some(Severity::Note));
        assert_eq!(softened(&CARD, Weight::New), None);
        const LOSS: Card = Card { loss: true, severity: Severity::Error, ..CARD };
        for weight in [Weight::New, Weight::Small, Weight::Full] {
            assert_eq!(softened(&LOSS, weight), Some(Severity::Error));
        }
    }

    #[test]
    fn a_better_finding_about_the_same_bytes_takes_the_others_place() {
        const BETTER: Card = Card { id: "better", supersedes: &["slow"], ..CARD };
        let script = Script::parse(Dialect::Postgres, "a.sql", "select 1");
        let mut report = Report::new(&script, &CARD);
        report.at(Span::new(0, 6), "said worse");
        report.at(Span::new(7, 8), "about something else");
        report.card = &BETTER;
        report.at(Span::new(0, 6), "said better");
        let rules: Vec<&str> = report.settle().iter().map(|d| d.finding.rule).collect();
        assert_eq!(rules, ["slow", "better"]);
    }
}
