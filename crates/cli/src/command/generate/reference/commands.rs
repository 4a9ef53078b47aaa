//! The page of commands, from the definition of the command line.

use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::{Arg, Command};

use super::{MADE, prose, sentence};
use crate::arguments;

/// Every command with its arguments, in the groups of help.
pub(super) fn page() -> String {
    let mut program = arguments::parser();
    program.build();
    let mut out = format!("{MADE}\n\n# Commands\n\nAs `cofferdam COMMAND --help` says it.\n");
    for (group, names) in arguments::GROUPS {
        let commands: Vec<&Command> = names.iter().filter_map(|name| program.find_subcommand(name)).collect();
        if commands.iter().all(|command| command.is_hide_set()) {
            continue;
        }
        _ = write!(out, "\n## {group}\n");
        commands.iter().for_each(|command| one(command, 3, "", &mut out));
    }
    out += "\n## Options of every command\n";
    list(program.get_arguments().filter(|arg| arg.is_global_set()), &mut out);
    out
}

/// A command and the commands below it.
fn one(command: &Command, level: usize, above: &str, out: &mut String) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let name = format!("{above}{}", command.get_name());
    _ = write!(out, "\n{} {name}\n", "#".repeat(level));
    let about = command.get_long_about().or(command.get_about());
    out.push_str(&paragraphs(about, ""));
    let usage = command.clone().render_usage().to_string();
    let usage: Vec<&str> = usage.trim_start_matches("Usage:").lines().map(str::trim).collect();
    _ = write!(out, "\n```text\n{}\n```\n", usage.join("\n"));
    list(command.get_arguments().filter(|arg| !arg.is_global_set()), out);
    for below in command.get_subcommands() {
        one(below, level + 1, &format!("{name} "), out);
    }
}

/// Arguments with what they mean; those that clap brings itself are left out.
fn list<'a>(arguments: impl Iterator<Item = &'a Arg>, out: &mut String) {
    let known = |arg: &&Arg| !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version");
    for (at, arg) in arguments.filter(known).enumerate() {
        if at == 0 {
            out.push('\n');
        }
        let mut text = paragraphs(arg.get_long_help().or(arg.get_help()), "  ");
        let values: Vec<String> =
            arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
        let takes_value = arg.get_action().takes_values();
        if takes_value && !values.is_empty() {
            _ = write!(text, "\n  One of {}.\n", values.join(", "));
        }
        let default: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        if takes_value && !default.is_empty() {
            _ = write!(text, "\n  Default: `{}`.\n", default.join(" "));
        }
        _ = write!(out, "- `{}`\n{text}", spelled(arg));
    }
}

/// As it is typed.
fn spelled(arg: &Arg) -> String {
    let names: Vec<String> =
        [arg.get_short().map(|c| format!("-{c}")), arg.get_long().map(|l| format!("--{l}"))]
            .into_iter()
            .flatten()
            .collect();
    if !arg.get_action().takes_values() {
        return names.join(", ");
    }
    let values = arg.get_value_names().unwrap_or_default().iter().map(|name| format!("<{name}>"));
    let values = values.collect::<Vec<_>>().join(" ");
    let optional = arg.get_num_args().is_some_and(|count| count.min_values() == 0);
    match (names.is_empty(), optional) {
        (true, _) if arg.is_required_set() => values,
        (true, _) => format!("[{}]", values.trim_matches(['<', '>'])),
        (false, true) => format!("{}[={values}]", names.join(", ")),
        (false, false) => format!("{} {values}", names.join(", ")),
    }
}

/// A text of several paragraphs, each a sentence or more, behind `indent`.
fn paragraphs(text: Option<&StyledStr>, indent: &str) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    let whole: Vec<String> = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
    let one = |(at, paragraph): (usize, &String)| {
        let paragraph = if at == 0 { sentence(paragraph) } else { prose(paragraph) };
        format!("\n{indent}{paragraph}\n")
    };
    whole.iter().filter(|paragraph| !paragraph.is_empty()).enumerate().map(one).collect()
}
