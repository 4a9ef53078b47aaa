//! `cofferdam audit`: who did what, and whether the record is whole.

use std::fmt::Write as _;

use cofferdam::audit::{self, AuditReport, LogEntry};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::json::Verdict;
use crate::output::text::{self, Style, Tone};

/// Show who changed what, and prove that the record is whole
///
/// Every entry carries the hash of the one before it, and every applied migration names
/// its entry, so an entry that was changed, left out or cut off is found: exit 6.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only the proof, without the entries
    #[arg(long)]
    verify: bool,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<Exit> {
    let project = context.project()?;
    let mut report = context.run(async { Ok(audit::read(&project).await?) })?;
    if args.verify {
        report.log.clear();
    }
    let human = || human(&report, context.output.style());
    let Some(seq) = report.first_broken else {
        context.output.result(true, &report, human);
        return Ok(Exit::Done);
    };
    let reason = report.reason.as_deref().unwrap_or("it is not as it was written");
    let verdict = Verdict::corrupt(format!("the audit is broken at entry {seq}: {reason}"));
    context.output.judged(&verdict, &report, human);
    Ok(Exit::Corrupt)
}

fn human(report: &AuditReport, style: Style) -> String {
    let mut out = String::new();
    if !report.log.is_empty() {
        let digits = report.log.iter().map(|entry| entry.seq.to_string().len()).max().unwrap_or(1);
        for entry in &report.log {
            out += &one_entry(entry, digits, style);
        }
    }
    let entries =
        if report.entries == 1 { "1 entry".to_owned() } else { format!("{} entries", report.entries) };
    match (report.first_broken, &report.reason) {
        (None, _) => _ = writeln!(out, "{entries}, all as they were written"),
        (Some(seq), reason) => {
            let reason = reason.as_deref().unwrap_or("it is not as it was written");
            let text = format!("the audit is broken at entry {seq}: {reason}");
            out += &text::labelled("error", &text, style);
        }
    }
    out
}

/// Who did what and when, and below it the JSON text, uncut: it is what the hash is of.
fn one_entry(entry: &LogEntry, digits: usize, style: Style) -> String {
    let LogEntry { seq, at, actor, action, detail } = entry;
    let action = style.paint(Tone::Strong, &text::printable(action));
    let mut out = format!("{seq:>digits$}  {}  {}  {action}\n", text::printable(at), text::printable(actor));
    if detail != "{}" {
        _ = writeln!(out, "{:digits$}  {}", "", text::printable(detail));
    }
    out
}
