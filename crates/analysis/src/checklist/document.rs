//! The list as data, and as text.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The version of the text's own format.
pub const FORMAT: u32 = 1;

/// The check that stands for the steps' findings.
pub(super) const FINDINGS: &str = "findings";

const HEADER: &str = "<!-- cofferdam:checklist ";
const NOTES: &str = "<!-- cofferdam:notes: what stands below is kept when this list is written anew -->";
const NOTES_TITLE: &str = "Notes";

/// Whose list it is: the first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: u32,
    /// The database for people, without password.
    pub target: String,
    /// A hash that is equal for two ways to name one database.
    pub identity: String,
    /// The name that the ledger gave the database; `None` before there is a ledger.
    pub database: Option<String>,
    /// A hash of the steps.
    pub plan: String,
    /// When it was written, UTC: `2026-11-20 09:00:03Z`.
    pub written: String,
    /// The program's version.
    pub program: String,
}

/// A list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checklist {
    /// Whose it is.
    pub header: Header,
    /// In the order in which they are worked through.
    pub sections: Vec<Section>,
    /// What people wrote at the end, byte for byte.
    pub notes: String,
}

/// Items under a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// In order.
    pub items: Vec<Item>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// By which it is found again.
    pub id: Id,
    /// One line.
    pub title: String,
    /// More lines below it.
    pub details: Vec<String>,
    /// Whether it is done.
    pub state: State,
}

/// An item's name, stable over rewriting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// Who ticks it.
    pub kind: Kind,
    /// `0007/1`, `backup`.
    pub name: String,
}

/// What an item stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A step of the plan: ticked by what the ledger says.
    Step,
    /// Something to look at: ticked by people, or by a command that proved it.
    Check,
}

/// Whether an item is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Not yet.
    Open,
    /// Somebody ticked it.
    Ticked,
    /// We ticked it.
    Done(Done),
    /// It was tried; the first line of what went wrong.
    Failed(String),
}

/// When something was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// UTC, `2026-11-20 09:00:03Z`.
    pub at: String,
    /// `1.2 s`.
    pub took: Option<String>,
}

impl Kind {
    const ALL: [Kind; 2] = [Kind::Step, Kind::Check];

    fn as_str(self) -> &'static str {
        match self {
            Kind::Step => "step",
            Kind::Check => "check",
        }
    }
}

impl Id {
    /// A step's.
    pub fn step(name: &str) -> Self {
        Self { kind: Kind::Step, name: id_name(name) }
    }

    /// A check's.
    pub fn check(name: &str) -> Self {
        Self { kind: Kind::Check, name: id_name(name) }
    }

    fn comment(&self) -> String {
        format!("<!-- cofferdam:{} {} -->", self.kind.as_str(), self.name)
    }
}

/// A name without anything that could end the comment that it stands in.
fn id_name(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() || "/_.".contains(c) { c } else { '_' }).collect()
}

impl State {
    /// Whether the box is ticked.
    pub fn is_ticked(&self) -> bool {
        match self {
            State::Ticked | State::Done(_) => true,
            State::Open | State::Failed(_) => false,
        }
    }

    pub(super) fn mark(&self) -> char {
        if self.is_ticked() { 'x' } else { ' ' }
    }

    /// Our remark behind the item.
    pub(super) fn remark(&self) -> String {
        match self {
            State::Open | State::Ticked => String::new(),
            State::Done(Done { at, took: None }) => format!(" (done {})", unbracketed(at)),
            State::Done(Done { at, took: Some(took) }) => {
                format!(" (done {}, {})", unbracketed(at), unbracketed(took))
            }
            State::Failed(why) => format!(" (failed: {})", unbracketed(why)),
        }
    }
}

impl Item {
    /// An open item; texts become one line each.
    pub fn open(id: Id, title: &str, details: impl IntoIterator<Item = String>) -> Self {
        let details = details.into_iter().map(|detail| one_line(&detail)).filter(|d| !d.is_empty());
        Self { id, title: one_line(title), details: details.collect(), state: State::Open }
    }
}

/// `text` on one line and without what could be taken for one of our marks.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(" ").replace("<!--", "<! --").replace("-->", "-- >")
}

/// A remark ends at its first round bracket.
fn unbracketed(text: &str) -> String {
    one_line(text).replace('(', "[").replace(')', "]")
}

impl Header {
    /// The first line. Two hyphens would end the comment: one of them is written as JSON may.
    pub(super) fn line(&self) -> String {
        // Strings and a number always serialise.
        let json = serde_json::to_string(self).unwrap_or_default().replace("--", "-\\u002d");
        format!("{HEADER}{json} -->")
    }

    /// The same once the database has a name.
    pub(super) fn named(&self, database: &str) -> Self {
        Self { database: Some(database.to_owned()), ..self.clone() }
    }
}

impl Checklist {
    /// The text.
    pub fn render(&self) -> String {
        let Header { target, written, program, .. } = &self.header;
        let mut out = format!("{}\n# Checklist for {}\n\n", self.header.line(), one_line(target));
        _ = writeln!(
            out,
            "Written {} by cofferdam {}. `cofferdam migrate` ticks what it does, `cofferdam status` counts; \
             the rest is yours.",
            one_line(written),
            one_line(program)
        );
        for section in &self.sections {
            _ = write!(out, "\n## {}\n\n", section.title);
            for item in &section.items {
                _ = writeln!(
                    out,
                    "- [{}] {} {}{}",
                    item.state.mark(),
                    item.title,
                    item.id.comment(),
                    item.state.remark()
                );
                item.details.iter().for_each(|detail| _ = writeln!(out, "  - {detail}"));
            }
        }
        _ = write!(out, "\n## {NOTES_TITLE}\n\n{NOTES}\n{}", self.notes);
        out
    }

    /// Keeps what is still valid of an older list of the same target: the notes, and the
    /// ticks of items that still ask the same.
    pub fn carry(&mut self, old: &Checklist) {
        self.notes.clone_from(&old.notes);
        let before: Vec<&Item> = old.sections.iter().flat_map(|section| &section.items).collect();
        for item in self.sections.iter_mut().flat_map(|section| &mut section.items) {
            let same = before.iter().find(|b| b.id == item.id && b.title == item.title);
            match (item.id.kind, same.map(|same| &same.state)) {
                (Kind::Check, Some(state @ (State::Ticked | State::Done(_))))
                | (Kind::Step, Some(state @ State::Ticked)) => item.state.clone_from(state),
                // A step that we ticked and that is pending again was taken back.
                (Kind::Step, Some(State::Done(_))) => {}
                (_, Some(State::Open | State::Failed(_)) | None) => {}
            }
        }
    }
}

/// The header of `text`, if it is a list of ours in a format that this program knows.
///
/// # Errors
/// `Refused` for any other text, `Invalid` for a newer format.
pub fn header(text: &str) -> Result<Header> {
    let none = || Error::refused("it is no checklist of Cofferdam's: its first line is another");
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().find(|line| !line.trim().is_empty()).ok_or_else(none)?;
    let json = first.trim().strip_prefix(HEADER).and_then(|rest| rest.strip_suffix("-->"));
    let json: serde_json::Value = serde_json::from_str(json.ok_or_else(none)?).map_err(|_| none())?;
    let format = json.get("format").and_then(serde_json::Value::as_u64).ok_or_else(none)?;
    if format > u64::from(FORMAT) {
        return Err(Error::invalid(format!(
            "the checklist has format {format}, and this program knows formats up to {FORMAT}"
        ))
        .hint("use the cofferdam that wrote it, or write another file"));
    }
    serde_json::from_value(json).map_err(|_| none())
}

/// Reads a list. Lines that are not ours are left out, except for the notes.
///
/// # Errors
/// As [`header`].
pub fn parse(text: &str) -> Result<Checklist> {
    let header = header(text)?;
    let (body, notes) = match text.split_once(NOTES) {
        Some((body, notes)) => {
            let notes = notes.strip_prefix("\r\n").or(notes.strip_prefix('\n')).unwrap_or(notes);
            (body, Some(notes))
        }
        None => (text, None),
    };
    let mut sections: Vec<Section> = Vec::new();
    let mut below_item = false;
    for line in body.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            sections.push(Section { title: title.to_owned(), items: Vec::new() });
        } else if let (Some(item), Some(section)) = (ItemLine::read(line), sections.last_mut()) {
            section.items.push(item.to_item());
            below_item = true;
            continue;
        } else if let (true, Some(detail)) = (below_item, line.strip_prefix("  - ")) {
            let item = sections.last_mut().and_then(|section| section.items.last_mut());
            item.into_iter().for_each(|item| item.details.push(detail.to_owned()));
            continue;
        }
        below_item = false;
    }
    let is_ours = |last: &Section| last.items.is_empty() && last.title == NOTES_TITLE;
    if notes.is_some() && sections.last().is_some_and(is_ours) {
        sections.pop();
    }
    Ok(Checklist { header, sections, notes: notes.unwrap_or_default().to_owned() })
}

/// A line of an item, cut so that its parts in order are the line again:
/// `before`, one character, `middle`, `remark`, `rest`.
pub(super) struct ItemLine<'t> {
    /// Up to and with `[`.
    pub(super) before: &'t str,
    /// From `]` to the end of the comment.
    pub(super) middle: &'t str,
    /// What people wrote behind our remark.
    pub(super) rest: &'t str,
    pub(super) title: &'t str,
    pub(super) id: Id,
    pub(super) state: State,
}

impl<'t> ItemLine<'t> {
    pub(super) fn read(line: &'t str) -> Option<Self> {
        let bullet = line.len() - line.trim_start().len();
        let rest = line[bullet..].strip_prefix(['-', '*', '+'])?;
        let rest = rest.trim_start_matches(' ').strip_prefix('[')?;
        let before = &line[..line.len() - rest.len()];
        let mark = rest.chars().next().filter(|mark| " xX".contains(*mark))?;
        let after_box = rest[1..].strip_prefix(']')?;
        let (title, id, end) = Kind::ALL.into_iter().find_map(|kind| {
            let open = format!("<!-- cofferdam:{} ", kind.as_str());
            let at = after_box.find(&open)?;
            let inside = &after_box[at + open.len()..];
            let close = inside.find(" -->")?;
            let id = Id { kind, name: inside[..close].to_owned() };
            Some((after_box[..at].trim(), id, at + open.len() + close + 4))
        })?;
        let (remark, rest) = split_remark(&after_box[end..]);
        let middle_end = line.len() - after_box.len() + end;
        let ticked = mark != ' ';
        let state = match (ticked, remark) {
            (true, Some(Remark::Done(done))) => State::Done(done),
            (true, _) => State::Ticked,
            (false, Some(Remark::Failed(why))) => State::Failed(why),
            (false, _) => State::Open,
        };
        Some(Self { before, middle: &line[before.len() + 1..middle_end], rest, title, id, state })
    }

    fn to_item(&self) -> Item {
        let Self { title, id, state, .. } = self;
        Item { id: id.clone(), title: (*title).to_owned(), details: Vec::new(), state: state.clone() }
    }

    /// The line with another state.
    pub(super) fn with(&self, state: &State) -> String {
        format!("{}{}{}{}{}", self.before, state.mark(), self.middle, state.remark(), self.rest)
    }
}

enum Remark {
    Done(Done),
    Failed(String),
}

/// Our remark at the front of `text`, and what stands behind it.
fn split_remark(text: &str) -> (Option<Remark>, &str) {
    let Some((inside, rest)) = text.strip_prefix(" (").and_then(|inside| inside.split_once(')')) else {
        return (None, text);
    };
    if let Some(done) = inside.strip_prefix("done ") {
        let (at, took) = done.split_once(", ").map_or((done, None), |(at, took)| (at, Some(took)));
        let done = Done { at: at.to_owned(), took: took.map(str::to_owned) };
        return (Some(Remark::Done(done)), rest);
    }
    match inside.strip_prefix("failed: ") {
        Some(why) => (Some(Remark::Failed(why.to_owned())), rest),
        None => (None, text),
    }
}
