//! Migrations that are programs of another tool (`format = "command"`): one command lists
//! them, another prints the SQL of one. They are judged and planned here, and applied there.
//!
//! Only the two commands that cofferdam.toml names are run, in its folder, by `sh`; what they
//! print on the standard error goes into the message when they fail.

use std::path::Path;
use std::process::Command;

use cofferdam::folder::{Folder, Migration};
use cofferdam_analysis::Error;

use crate::config::Config;

/// One line of the list.
#[derive(Debug, PartialEq, Eq)]
struct Listed {
    /// What the tool's ledger calls it.
    version: String,
    /// The one before it, where the line says so.
    previous: Option<String>,
    /// Whether the tool counts it as applied, where the line says so.
    applied: Option<bool>,
}

/// The folder that the two commands tell of.
///
/// # Errors
/// `Invalid` when a command is missing or fails.
pub(crate) fn folder(config: &Config) -> Result<Folder, Error> {
    let settings = &config.settings.migrations;
    let list = settings.list.as_deref().ok_or_else(|| {
        Error::invalid("format = \"command\" needs `list` under [migrations] in cofferdam.toml")
            .hint("a command that prints the migrations: list = \"python manage.py showmigrations --plan\"")
    })?;
    let place = config.folder().unwrap_or(Path::new("."));
    let listed = read_list(&run(list, place)?);
    let since = config.settings.check.since.as_deref();
    let judged_from = since.and_then(|since| listed.iter().position(|one| one.version == since));
    let mut migrations = Vec::new();
    let mut notes = Vec::new();
    for (position, one) in listed.iter().enumerate() {
        // What is history is not judged: its SQL is not asked for, which takes a process each.
        let history = one.applied == Some(true) || judged_from.is_some_and(|last| position <= last);
        let sql = match &settings.sql {
            Some(sql) if !history => run(&filled(sql, one), place)?,
            _ => String::new(),
        };
        migrations.push(Migration::of_program(&one.version, "", &sql));
    }
    if settings.sql.is_none() {
        notes.push("the SQL of these migrations is not known: `sql` under [migrations] prints it".to_owned());
    }
    Folder::of_programs(place.to_owned(), migrations, notes)
}

fn run(command: &str, place: &Path) -> Result<String, Error> {
    let cannot = |what: String| {
        Error::invalid(format!("cannot run `{command}`: {what}"))
            .hint("it stands under [migrations] in cofferdam.toml, and runs in that file's folder")
    };
    let output = Command::new("sh")
        .arg("-c")
        .arg(command)
        .current_dir(place)
        .output()
        .map_err(|error| cannot(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        return Err(cannot(format!("{}: {last}", output.status)));
    }
    String::from_utf8(output.stdout).map_err(|_| cannot("what it prints is not UTF-8".to_owned()))
}

/// The command with the parts of a line in its places, each quoted for `sh`.
fn filled(command: &str, one: &Listed) -> String {
    const ENDINGS: [&str; 9] = ["sql", "js", "cjs", "mjs", "ts", "cts", "mts", "py", "rb"];
    let (app, name) = match one.version.split_once('.') {
        Some((app, name)) if !ENDINGS.contains(&name) => (app, name),
        _ => ("", one.version.as_str()),
    };
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let places = [
        ("{version}", one.version.as_str()),
        ("{app}", app),
        ("{name}", name),
        ("{previous}", one.previous.as_deref().unwrap_or("base")),
    ];
    // Once from the left: what was put in is never searched again, or a name that holds a
    // place would end the quotes around it.
    let mut filled = String::new();
    let mut rest = command;
    while let Some(at) = rest.find('{') {
        let (before, place) = rest.split_at(at);
        filled.push_str(before);
        match places.iter().find(|(name, _)| place.starts_with(name)) {
            Some((name, text)) => {
                filled.push_str(&quoted(text));
                rest = &place[name.len()..];
            }
            None => {
                filled.push('{');
                rest = &place[1..];
            }
        }
    }
    filled + rest
}

/// The lines in the order in which the migrations run. Understood are a name alone (`ls`), a
/// mark before it (`[X]`, `[ ]`, `up`, `down`), Knex's two sections and Alembic's `a -> b, message`, newest first.
fn read_list(text: &str) -> Vec<Listed> {
    // Knex has a heading for those that are done, and one for the others.
    let mut section = None;
    let mut listed = Vec::new();
    for text in text.lines() {
        match text {
            text if text.contains("Completed Migration") => section = Some(true),
            text if text.contains("Pending Migration") => section = Some(false),
            text => listed.extend(line(text).map(|one| Listed { applied: one.applied.or(section), ..one })),
        }
    }
    if listed.iter().any(|one| one.previous.is_some()) {
        listed.retain(|one| one.previous.is_some());
        listed.reverse();
    }
    // Where lines are marked, the others are headings.
    if listed.iter().any(|one| one.applied.is_some()) {
        listed.retain(|one| one.applied.is_some());
    }
    listed
}

fn line(text: &str) -> Option<Listed> {
    let text = text.trim();
    if let Some((previous, rest)) = text.split_once(" -> ") {
        let version = rest.split([' ', ',']).next().filter(|version| !version.is_empty())?;
        let previous = previous.split([',', ' ']).next().filter(|previous| *previous != "<base>");
        let previous = previous.unwrap_or("base").to_owned();
        return Some(Listed { version: version.to_owned(), previous: Some(previous), applied: None });
    }
    let marks = [("[X]", true), ("[x]", true), ("[ ]", false), ("up ", true), ("down ", false)];
    let marked = marks.iter().find_map(|(mark, applied)| Some((text.strip_prefix(mark)?, *applied)));
    let (rest, applied) = marked.map_or((text, None), |(rest, applied)| (rest, Some(applied)));
    let version = rest.split_whitespace().next()?;
    // The rules of a table are no names.
    version.bytes().any(|b| b.is_ascii_alphanumeric()).then(|| Listed {
        version: version.to_owned(),
        previous: None,
        applied,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(text: &str) -> Vec<(String, Option<bool>)> {
        read_list(text).into_iter().map(|one| (one.version, one.applied)).collect()
    }

    #[test]
    fn lists_of_several_tools_are_understood() {
        let of =
            |text: &str| versions(text).into_iter().map(|(v, a)| format!("{v}:{a:?}")).collect::<Vec<_>>();
        assert_eq!(
            of("[X]  shop.0001_initial\n[ ]  shop.0002_price\n"),
            ["shop.0001_initial:Some(true)", "shop.0002_price:Some(false)"]
        );
        assert_eq!(of("20240101_a.js\n20240102_b.js\n"), ["20240101_a.js:None", "20240102_b.js:None"]);
        assert_eq!(
            of("bbb2 -> ccc3 (head), third\naaa1 -> bbb2, second\n<base> -> aaa1, first\n"),
            ["aaa1:None", "bbb2:None", "ccc3:None"]
        );
        assert_eq!(
            of(
                "database: shop\n\n Status   Migration ID\n-------\n   up     20240101000000  A\n  down    3  B\n"
            ),
            ["20240101000000:Some(true)", "3:Some(false)"]
        );
    }

    #[test]
    fn sections_of_knex_are_marks() {
        let text = "Using environment: development\nFound 1 Completed Migration file/files.\n1_a.js \n\
                    Found 1 Pending Migration file/files.\n2_b.js \n";
        assert_eq!(versions(text), [("1_a.js".to_owned(), Some(true)), ("2_b.js".to_owned(), Some(false))]);
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let one = Listed { version: "a'; rm -rf ~ #.x".to_owned(), previous: None, applied: None };
        assert_eq!(filled("show {app} {previous}", &one), "show 'a'\\''; rm -rf ~ #' 'base'");
        let one = Listed { version: "a{name};touch x;#.sql".to_owned(), previous: None, applied: None };
        assert_eq!(filled("cat {x} {version}", &one), "cat {x} 'a{name};touch x;#.sql'");
        let one = Listed { version: "shop.0001_initial".to_owned(), previous: None, applied: None };
        assert_eq!(filled("sqlmigrate {app} {name}", &one), "sqlmigrate 'shop' '0001_initial'");
        let one = Listed { version: "000001-first.sql".to_owned(), previous: None, applied: None };
        assert_eq!(filled("cat committed/{name}", &one), "cat committed/'000001-first.sql'");
    }
}
