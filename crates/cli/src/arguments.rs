//! The command line: options that every command takes, and the commands.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::command;
use crate::output::text::{Style, wrap};
use crate::output::{self, Format};

/// As it is typed.
pub(crate) const PROGRAM: &str = "cofferdam";

/// Write ordinary SQL; it runs as if the most careful DBA did it, and it can be undone.
#[derive(Debug, Parser)]
#[command(name = PROGRAM, version, arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The database: postgres://.., sqlite:PATH, env:NAME, or file:PATH of a file that holds a URL
    ///
    /// Without it: the database_url of --env, then the variable DATABASE_URL, then
    /// database_url in cofferdam.toml, then .env and the settings of the project's own
    /// tool. A password on a command line can be seen by everybody on the machine:
    /// env:NAME or file:PATH hide it.
    #[arg(long, global = true, value_name = "URL", help_heading = "Options of every command")]
    pub(crate) database_url: Option<String>,
    /// Use the database of [env.NAME] in cofferdam.toml
    #[arg(long, global = true, value_name = "NAME", help_heading = "Options of every command")]
    pub(crate) env: Option<String>,
    /// Read this file instead of ./cofferdam.toml
    #[arg(long, global = true, value_name = "FILE", help_heading = "Options of every command")]
    pub(crate) config: Option<PathBuf>,
    /// The migrations folder
    ///
    /// Without it: `dir` under [migrations] in cofferdam.toml, then ./migrations,
    /// ./db/migrations or that of the project's own tool.
    #[arg(long, global = true, value_name = "DIR", help_heading = "Options of every command")]
    pub(crate) dir: Option<PathBuf>,
    /// Print text, or one JSON document
    #[arg(long, global = true, value_enum, default_value_t, help_heading = "Options of every command")]
    pub(crate) format: Format,
    /// Show progress on stderr as bars (on a terminal), as JSON lines, or not at all
    #[arg(long, global = true, value_enum, default_value_t, help_heading = "Options of every command")]
    pub(crate) progress: Progress,
    /// Colour the output: auto means on a terminal, unless NO_COLOR is set and not empty
    #[arg(long, global = true, value_enum, default_value_t, help_heading = "Options of every command")]
    pub(crate) color: Color,
    /// Say only what failed
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Options of every command")]
    pub(crate) quiet: bool,
    /// Say more; twice, also what is sent to the database
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Options of every command")]
    pub(crate) verbose: u8,
}

/// `--progress`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Progress {
    #[default]
    Auto,
    Json,
    None,
}

/// `--color`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(command::init::Args),
    New(command::new::Args),
    Check(command::check::Args),
    Explain(command::explain::Args),
    Plan(command::plan::Args),
    Migrate(command::migrate::Args),
    Status(command::status::Args),
    Adopt(command::adopt::Args),
    Baseline(command::baseline::Args),
    Guard(command::guard::Args),
    Uninstall(command::uninstall::Args),
    Rollback(command::rollback::Args),
    Diff(command::diff::Args),
    Audit(command::audit::Args),
    Demo(command::demo::Args),
    Generate(command::generate::Args),
}

impl Command {
    /// As it is typed.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Command::Init(_) => "init",
            Command::New(_) => "new",
            Command::Check(_) => "check",
            Command::Explain(_) => "explain",
            Command::Plan(_) => "plan",
            Command::Migrate(_) => "migrate",
            Command::Status(_) => "status",
            Command::Adopt(_) => "adopt",
            Command::Baseline(_) => "baseline",
            Command::Guard(_) => "guard",
            Command::Uninstall(_) => "uninstall",
            Command::Rollback(_) => "rollback",
            Command::Diff(_) => "diff",
            Command::Audit(_) => "audit",
            Command::Demo(_) => "demo",
            Command::Generate(_) => "generate",
        }
    }
}

/// The commands as help groups them.
pub(crate) const GROUPS: &[(&str, &[&str])] = &[
    ("Every day", &["init", "new", "check", "explain", "plan", "migrate", "status"]),
    ("Once", &["adopt", "baseline", "guard", "uninstall"]),
    ("Safety", &["rollback", "diff", "audit"]),
    ("Try", &["demo"]),
    ("Shell and editor", &["generate"]),
];

/// What tells similar commands apart.
const MAP: &str =
    "check reads files, plan asks your database.\nmigrate applies, rollback undoes a migration.";

/// Columns of help.
const WIDTH: usize = 80;

/// The parser, with its help.
pub(crate) fn parser() -> clap::Command {
    let parser = Arguments::command();
    let groups = grouped(&parser);
    parser.term_width(WIDTH).help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}\n\n{MAP}\n\nOptions of every command:\n{{options}}\n\n\
         `cofferdam COMMAND --help` says more about a command.\n\
         A project begins with `cofferdam init`."
    ))
}

/// clap lists commands in one block; ours stand in groups, each with the first line of its help.
fn grouped(parser: &clap::Command) -> String {
    let about = |name: &str| {
        let text = parser.find_subcommand(name).and_then(clap::Command::get_about);
        text.map(ToString::to_string).unwrap_or_default()
    };
    let line = |name: &&str| {
        let text = wrap(&about(name), WIDTH - 12).join("\n            ");
        format!("\n  {name:<9} {text}")
    };
    let group =
        |(title, names): &(&str, &[&str])| format!("{title}:{}", names.iter().map(line).collect::<String>());
    GROUPS.iter().map(group).collect::<Vec<_>>().join("\n\n")
}

/// Reads the command line. Help and what is said of a wrong line are laid out as all other
/// text is: clap would also follow variables that nothing here names.
pub(crate) fn parse(argv: &[OsString]) -> Result<Arguments, clap::Error> {
    let style = style(argv);
    let color = if style.color { clap::ColorChoice::Always } else { clap::ColorChoice::Never };
    let parser = parser().term_width(style.width.min(WIDTH)).color(color);
    let matches = parser.try_get_matches_from(argv)?;
    Arguments::from_arg_matches(&matches)
}

/// How text is laid out, as far as it can be told before the whole line is parsed.
pub(crate) fn style(argv: &[OsString]) -> Style {
    Style { color: output::colored(wish(argv)), width: output::width() }
}

/// The last `--color` of `argv`, as far as it can be told before the whole is parsed.
fn wish(argv: &[OsString]) -> Color {
    let words: Vec<&str> = argv.iter().skip(1).map(|word| word.to_str().unwrap_or("")).collect();
    let words = words.split(|word| *word == "--").next().unwrap_or_default();
    let mut asked = words.iter().enumerate().filter_map(|(at, word)| match word.strip_prefix("--color")? {
        "" => words.get(at + 1).copied(),
        rest => rest.strip_prefix('='),
    });
    asked.next_back().and_then(|word| Color::from_str(word, false).ok()).unwrap_or_default()
}

/// The format and the command that `argv` asks for, as far as it can be told when the
/// whole cannot be parsed: a script that asked for JSON gets its error as JSON too.
pub(crate) fn intent(argv: &[OsString]) -> (Format, String) {
    let words: Vec<&str> = argv.iter().skip(1).map(|word| word.to_str().unwrap_or("")).collect();
    let words = words.split(|word| *word == "--").next().unwrap_or_default();
    let mut json = false;
    for (at, word) in words.iter().enumerate() {
        match word.strip_prefix("--format") {
            Some("") => json = words.get(at + 1) == Some(&"json"),
            Some(rest) if rest.starts_with('=') => json = rest == "=json",
            _ => {}
        }
    }
    let names = GROUPS.iter().flat_map(|(_, names)| names.iter());
    let command = words.iter().find(|word| names.clone().any(|name| name == *word));
    let format = if json { Format::Json } else { Format::Human };
    (format, command.copied().unwrap_or("").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_definition_is_sound() {
        parser().debug_assert();
    }

    #[test]
    fn every_command_stands_in_one_group() {
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let parser = parser();
        let mut known: Vec<&str> = parser.get_subcommands().map(clap::Command::get_name).collect();
        grouped.sort_unstable();
        known.sort_unstable();
        assert_eq!(grouped, known);
    }

    #[test]
    fn the_wish_for_json_is_seen_in_any_place() {
        for line in ["c check --format json --no", "c --format=json chck", "c --format human --format json x"]
        {
            assert_eq!(intent(&argv(line)).0, Format::Json, "{line}");
        }
        for line in ["c check", "c check -- --format json", "c --format json --format human x", "c --format"]
        {
            assert_eq!(intent(&argv(line)).0, Format::Human, "{line}");
        }
        assert_eq!(intent(&argv("c --env prod check --wrong")).1, "check");
        assert_eq!(intent(&argv("c chck")).1, "");
    }

    #[test]
    fn the_wish_for_colour_is_known_before_the_line_is_parsed() {
        assert_eq!(wish(&argv("c --color always check --no")), Color::Always);
        assert_eq!(wish(&argv("c check --color=always --color never")), Color::Never);
        for line in ["c check", "c check -- --color always", "c --color", "c --color mauve"] {
            assert_eq!(wish(&argv(line)), Color::Auto, "{line}");
        }
    }

    #[test]
    fn flags_of_what_does_not_exist_yet_are_not_accepted() {
        for line in [
            "c migrate --safe",
            "c migrate --plan p.json",
            "c migrate --complete",
            "c migrate --chunk 10",
            "c migrate --delay 1s",
            "c migrate --throttle-query x",
            "c migrate --stop-file f",
            "c migrate --keep 1d",
            "c check --fix",
            "c check --diff main",
            "c check --format sarif",
            "c backup",
            "c restore latest",
            "c complete",
        ] {
            assert!(parse(&argv(line)).is_err(), "{line}");
        }
    }
}
