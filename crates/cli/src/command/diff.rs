//! `cofferdam diff`: whether somebody changed the schema beside the migrations.

use std::fmt::Write as _;

use cofferdam::db::Target;
use cofferdam::drift::{self, DriftReport, Options, Told};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::json::Verdict;
use crate::output::text::{self, Style, Tone};
use crate::scratch;

/// Compare the database's schema with what the applied migrations make
///
/// The applied files run in a scratch database; the database itself is only read. Exit 1
/// when something differs. Names that the server makes up, other tools' ledgers and the
/// tables under [diff] ignore in cofferdam.toml do not count.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the statements that would mend the database, in order, and nothing else
    ///
    /// What could lose rows refuses to, statement by statement. The text runs in psql and is
    /// a migration file as it stands.
    #[arg(long)]
    sql: bool,
    #[command(flatten)]
    scratch: scratch::Options,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<Exit> {
    let project = context.project()?;
    let settings = &context.config.settings.diff;
    let options = Options {
        place: context.scratch_place(&args.scratch)?,
        ignore: settings.ignore.clone(),
        privileges: settings.privileges.unwrap_or(true),
        column_order: settings.column_order.unwrap_or(false),
        stop: context.stop.clone(),
    };
    let report = context.run(async { Ok(drift::run(&project, &options).await?) })?;
    report.notes.iter().for_each(|note| context.output.note(note));
    let human = || match args.sql {
        true => report.script.clone(),
        false => human(&report, context.output.style()),
    };
    let count = report.differences.len();
    if count == 0 {
        if args.sql {
            context.output.note("the schema is what the applied migrations make");
        }
        context.output.result(true, &report, human);
        return Ok(Exit::Done);
    }
    if args.sql {
        context.output.note(&text::count(count, "difference"));
        let with = match &project.target {
            Target::Postgres(_) => "psql -v ON_ERROR_STOP=1 -f FILE",
            Target::Sqlite(_) => "sqlite3 -bail FILE.db",
        };
        context
            .output
            .note(&format!("run it as a migration, or with {with}: one statement builds on another"));
        if ["drop policy", "disable row level security"].iter().any(|what| report.script.contains(what)) {
            context.output.note("it takes row security away that the migrations do not know: read it first");
        }
    }
    let verdict = Verdict::findings(text::count(count, "difference"), "drift");
    context.output.judged(&verdict, &report, human);
    Ok(Exit::Findings)
}

fn human(report: &DriftReport, style: Style) -> String {
    if report.differences.is_empty() {
        return "the schema is what the applied migrations make\n".to_owned();
    }
    let mut out = String::new();
    let mut object = "";
    for difference in &report.differences {
        if difference.object != object {
            object = &difference.object;
            _ = writeln!(out, "{}", style.paint(Tone::Strong, &text::printable(object)));
        }
        _ = writeln!(out, "  {}", text::printable(&one(difference)));
    }
    let by_hand = report.differences.iter().filter(|d| d.by_hand).count();
    let count = text::count(report.differences.len(), "difference");
    let by_hand = if by_hand > 0 { format!(", {by_hand} to be mended by hand") } else { String::new() };
    let summary = format!("{count}{by_hand}; cofferdam diff --sql prints what would mend them");
    for line in text::wrap(&summary, style.width) {
        _ = writeln!(out, "{line}");
    }
    out
}

fn one(difference: &Told) -> String {
    let said = |text: &Option<String>| match text.as_deref().map(str::trim) {
        None | Some("") => "none".to_owned(),
        Some(text) => shortened(text),
    };
    let told = match (difference.kind, &difference.property) {
        (_, Some(property)) => {
            let property = property.replace('_', " ");
            format!("{property}: {}, expected {}", said(&difference.live), said(&difference.expected))
        }
        ("missing", None) => format!("missing: {}", said(&difference.expected)),
        (kind, None) => format!("{kind}: {}", said(&difference.live)),
    };
    match (&difference.note, difference.by_hand) {
        (Some(note), true) => format!("{told}\n    by hand: {note}"),
        _ => told,
    }
}

/// A function's body would fill the screen.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 100;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        None => line,
        Some((at, _)) => format!("{}...", &line[..at]),
    }
}
