//! What `init` writes.

use std::fmt::Write as _;
use std::path::Path;

use cofferdam::folder::Format;

use super::Report;
use crate::project_files::{Commands, Tool};

/// The text of cofferdam.toml.
pub(super) fn content(report: &Report, url: Option<&str>) -> String {
    let mut text =
        "# Cofferdam's settings for this project; docs/configuration.md has all of them.\n".to_owned();
    let implied = report.database.as_ref().filter(|named| named.implied);
    match (url, implied) {
        (Some(url), _) => {
            text += "# A password never stands here: env:NAME takes the URL from a variable.\n";
            _ = writeln!(text, "database_url = {}", quoted(url));
        }
        // Written down, a variable that is not set would be an error, as in CI, where
        // `check` needs no database.
        (None, Some(named)) => {
            text += "# The database is that of --database-url or of the variable DATABASE_URL,\n";
            _ = writeln!(text, "# else that of {}.", one_line(&named.source));
        }
        (None, None) => text += "# The database is that of --database-url or of the variable DATABASE_URL.\n",
    }
    if let Some(dir) = &report.dir {
        _ = write!(text, "\n[migrations]\ndir = {}\n", quoted(&dir.display().to_string()));
        // Files that may be anybody's are read as the native format's. Written down, that
        // guess would overrule the ledger of the tool whose they are.
        if let Some(format) = report.format.filter(|format| *format != Format::Native) {
            _ = writeln!(text, "format = {}", quoted(format.as_str()));
        }
    } else if let Some((dir, tool)) = &report.programs
        && let Some(commands) = tool.commands()
    {
        text += &programs(dir, *tool, commands);
    }
    if let Some(since) = &report.since {
        text += "\n[check]\n# Files up to this version are history: read, but not judged.\n";
        _ = writeln!(text, "since = {}", quoted(since));
    }
    text
}

/// The lines for migrations that are programs, ready to be taken and not yet in force: to
/// run another tool's program is for the project's people to decide.
fn programs(dir: &Path, tool: Tool, commands: Commands) -> String {
    let name = tool.name();
    let mut text = format!("\n# {name}'s migrations are programs. Its own commands can show their SQL:\n");
    _ = writeln!(text, "# [migrations]");
    _ = writeln!(text, "# dir = {}", quoted(&dir.display().to_string()));
    _ = writeln!(text, "# format = \"command\"");
    _ = writeln!(text, "# list = {}", quoted(commands.list));
    match commands.sql {
        Some(sql) => _ = writeln!(text, "# sql = {}", quoted(sql)),
        None => {
            _ = writeln!(
                text,
                "# sql = \"..\"  # {name} has no command for it: one that prints the SQL of {{name}}"
            )
        }
    }
    text
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A comment ends with its line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
