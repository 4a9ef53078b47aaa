//! The demo, for people.

use std::fmt::Write as _;

use cofferdam::migrate::AppliedMigration;

use super::Demo;
use super::content::Content;
use super::story::{Refused, Story};
use crate::command::plan;
use crate::output::text::{Style, Tone, count, labelled, millis, wrap};
use crate::output::{finding, table};

/// How many findings are shown in full; they are long, and two make the point.
const IN_FULL: usize = 2;
/// Of a checksum; nobody compares 64 digits by eye.
const SHOWN_DIGITS: usize = 12;

/// All of it.
pub(super) fn demo(demo: &Demo, style: Style) -> String {
    let mut out = String::new();
    for story in &demo.stories {
        out += &one_story(story, style);
    }
    for skipped in &demo.skipped {
        out += &labelled("skipped", &format!("{}: {}", skipped.database, skipped.reason), style);
        out.push('\n');
    }
    out += &what_next(demo, style);
    out
}

fn one_story(story: &Story, style: Style) -> String {
    let mut out = style.paint(Tone::Strong, &format!("A notes app on {}", story.database)) + "\n\n";
    let made = story.applied.iter().map(named).collect::<Vec<_>>().join(" and ");
    out += &said(&format!("Made by the migrations {made}. It holds:"), style);
    out += &tables(&[("rows", &story.before)], style);
    out += &refused(story, style);
    out += &applied(story, style);
    out += &taken_back(story, style);
    out
}

fn refused(story: &Story, style: Style) -> String {
    let Refused { file, findings, without_us, .. } = &story.refused;
    let mut out = heading(&format!("1. {file} is refused"), style);
    let (mut in_full, mut in_short) = (Vec::new(), String::new());
    for finding in findings.iter().filter(|finding| finding.refuses()) {
        if in_full.len() < IN_FULL && !in_full.contains(&finding.rule) {
            in_full.push(finding.rule);
            out += &finding::one(finding, style);
            out.push('\n');
        } else {
            let line = finding.place.as_ref().map_or(0, |place| place.line);
            in_short += &labelled(finding.rule, &format!("line {line} {}", finding.message), style);
        }
    }
    out += &in_short;
    out += "\n";
    out += &said(
        "Nothing ran: `cofferdam migrate` ends with exit 3, `cofferdam check` says the same without a \
         database. On a copy, run by a tool that does not ask, the file ends without an error and \
         leaves this:",
        style,
    );
    out += &tables(&[("before", &story.before), ("after", without_us)], style);
    out
}

fn applied(story: &Story, style: Style) -> String {
    let done = story.migrated.applied.iter().map(named).collect::<Vec<_>>().join(" and ");
    let mut out = heading(&format!("2. {done} is planned, applied and proved"), style);
    out += &plan::human(&story.plan, style);
    out.push('\n');
    let took = story.migrated.applied.iter().map(|applied| applied.duration_ms).sum::<i64>();
    let took = millis(u64::try_from(took).unwrap_or_default());
    out += &said(&format!("Applied in {took}. The same rows are there, and hold what they held:"), style);
    out += &tables(&[("before", &story.before), ("after", &story.after)], style);
    let entries = match story.audit.entries {
        1 => "1 entry".to_owned(),
        n => format!("{n} entries"),
    };
    out += &said(&format!("The audit has {entries}, all as they were written."), style);
    out.push('\n');
    out
}

fn taken_back(story: &Story, style: Style) -> String {
    let undone = story.rolled_back.undone.join(", ");
    let by = match &story.rolled_back.point {
        Some(copy) => format!("by the copy {copy} that was made before it"),
        None => "by its down file".to_owned(),
    };
    let mut out = heading(&format!("3. {undone} is taken back"), style);
    out += &said(&format!("`cofferdam rollback`, {by}. Nothing is lost:"), style);
    out += &tables(&[("before", &story.before), ("after", &story.restored)], style);
    out
}

fn what_next(demo: &Demo, style: Style) -> String {
    let mut out = style.paint(Tone::Strong, "What next") + "\n\n";
    match &demo.kept {
        Some(path) => {
            out += &said("All of it is still there. To go on where the story ended:", style);
            for folder in demo.stories.iter().map(|story| story.folder) {
                _ = writeln!(out, "  cd {}/{folder} && cofferdam plan", path.display());
            }
            out += "To remove it:\n";
            for command in &demo.remove {
                _ = writeln!(out, "  {command}");
            }
        }
        None => {
            out +=
                &said("Nothing of this is left; `cofferdam demo --keep` leaves it to look around in.", style);
        }
    }
    out.push('\n');
    out += "In a project of yours:\n";
    let rules = demo.stories.iter().flat_map(|story| &story.refused.findings).map(|finding| finding.rule);
    let next = [
        ("cofferdam init".to_owned(), "look, and write cofferdam.toml"),
        ("cofferdam check".to_owned(), "judge the migrations that are there"),
        ("cofferdam new NAME".to_owned(), "begin a migration"),
        (format!("cofferdam explain {}", rules.take(1).collect::<String>()), "why, and what instead"),
    ];
    for (command, what) in next {
        _ = writeln!(out, "  {command:<34} {what}");
    }
    if let Some(program) = &demo.program {
        out += &labelled("note", &format!("cofferdam is not installed; here it is {program}"), style);
    }
    out
}

/// `0010_notes`.
fn named(applied: &AppliedMigration) -> String {
    format!("{}_{}", applied.version, applied.name)
}

fn heading(text: &str, style: Style) -> String {
    format!("{}\n\n", style.paint(Tone::Strong, text))
}

fn said(text: &str, style: Style) -> String {
    wrap(text, style.width).iter().map(|line| format!("{line}\n")).collect()
}

/// Row counts side by side, and whether the content is the same.
fn tables(columns: &[(&str, &Content)], style: Style) -> String {
    let mut header = vec!["  table"];
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (title, content) in columns {
        header.extend([*title, "checksum"]);
        for (at, held) in content.0.iter().enumerate() {
            if rows.len() <= at {
                rows.push(vec![format!("  {}", held.table)]);
            }
            let digits = &held.checksum[..SHOWN_DIGITS];
            rows[at].extend([count_of(held.rows), digits.to_owned()]);
        }
    }
    table::render(&header, rows, style) + "\n"
}

fn count_of(rows: u64) -> String {
    count(usize::try_from(rows).unwrap_or(usize::MAX), "row")
}
