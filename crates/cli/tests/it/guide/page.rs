//! A page as its reader follows it: commands to type, what they print, files to write.
//!
//! A fenced `sh` block holds commands, a line each; a `text` block directly behind it is what
//! they print together, with `...` for lines that are left out. A block of any other language
//! whose first line is a comment with a path is a file to write, at the place that the path
//! (which may hold `*`) leads to.

use cofferdam_testkit::checkout;

/// What stands under one `##` heading; the first has no heading.
#[derive(Debug, Default)]
pub(super) struct Section {
    pub(super) heading: String,
    pub(super) parts: Vec<Part>,
}

/// Something for the reader to do, in the order of the page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Type these lines, and see this text, if the page shows one.
    Type { lines: Vec<String>, shown: Option<String> },
    /// Write this file.
    Write { path: String, text: String },
}

impl Section {
    /// Everything that is typed.
    pub(super) fn commands(&self) -> impl Iterator<Item = &str> {
        self.parts
            .iter()
            .flat_map(|part| match part {
                Part::Type { lines, .. } => lines.as_slice(),
                Part::Write { .. } => &[],
            })
            .map(String::as_str)
    }
}

/// A file of the repository.
pub(super) fn document(path: &str) -> String {
    let path = checkout::root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Reads a page.
pub(super) fn sections(text: &str) -> Vec<Section> {
    let mut sections = vec![Section::default()];
    let mut fence: Option<(&str, Vec<&str>)> = None;
    // Whether the block before this line was one of commands, with nothing but empty lines since.
    let mut after_commands = false;
    for line in text.lines() {
        let section = sections.last_mut().expect("there is always one");
        match (&mut fence, line.strip_prefix("```")) {
            (None, Some(language)) => fence = Some((language, Vec::new())),
            (Some((language, lines)), Some(_)) => {
                after_commands = section.take(language, lines, after_commands);
                fence = None;
            }
            (Some((_, lines)), None) => lines.push(line),
            (None, None) => {
                after_commands &= line.is_empty();
                if let Some(title) = line.strip_prefix("## ") {
                    sections.push(Section { heading: title.to_owned(), parts: Vec::new() });
                }
            }
        }
    }
    assert!(fence.is_none(), "a block is not closed");
    sections
}

impl Section {
    /// Adds a block; says whether it was one of commands.
    fn take(&mut self, language: &str, lines: &[&str], after_commands: bool) -> bool {
        match (language, self.parts.last_mut()) {
            ("sh", _) => {
                let lines = lines.iter().filter(|line| !line.is_empty()).map(|line| (*line).to_owned());
                self.parts.push(Part::Type { lines: lines.collect(), shown: None });
                return true;
            }
            ("text", Some(Part::Type { shown, .. })) if after_commands => *shown = Some(lines.join("\n")),
            (_, _) => {
                if let Some(path) = lines.first().and_then(|line| path(line)) {
                    let text = lines[1..].iter().map(|line| format!("{line}\n")).collect();
                    self.parts.push(Part::Write { path: path.to_owned(), text });
                }
            }
        }
        false
    }
}

/// The path in a comment that holds nothing else.
fn path(line: &str) -> Option<&str> {
    let path = ["-- ", "# ", "// "].iter().find_map(|mark| line.strip_prefix(mark))?;
    let name = path.rsplit('/').next().unwrap_or(path);
    (!path.contains(' ') && name.contains('.')).then_some(path)
}

/// Whether `printed` is what the page shows; times and durations may differ.
pub(super) fn agrees(shown: &str, printed: &str) -> bool {
    let printed: Vec<String> = printed.lines().map(steady).collect();
    let mut rest = printed.as_slice();
    let mut skips = false;
    for line in shown.lines() {
        if line == "..." {
            skips = true;
            continue;
        }
        let line = steady(line);
        let at = if skips { rest.iter().position(|other| *other == line) } else { Some(0) };
        let Some((found, after)) = at.and_then(|at| rest[at..].split_first()) else { return false };
        if *found != line {
            return false;
        }
        (rest, skips) = (after, false);
    }
    skips || rest.is_empty()
}

/// A line as a terminal leaves it, without what changes from run to run, and with one blank
/// where there are several.
fn steady(line: &str) -> String {
    let line = line.rsplit(['\r', '\u{1b}']).next().unwrap_or(line);
    let line = line.strip_prefix("[1G").unwrap_or(line);
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_number = |word: &str| word.parse::<f64>().is_ok();
    let unit = |at: usize| words.get(at).is_some_and(|word| matches!(*word, "ms" | "s" | "min"));
    let mut out = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if is_number(word) && unit(at + 1) {
            out.push("N".to_owned());
        } else if at > 0 && unit(at) && is_number(words[at - 1]) {
            out.push("TIME".to_owned());
        } else {
            out.push(without_times(word));
        }
    }
    out.join(" ")
}

/// `2026-01-01`, `10:00:00` and `20260101100000` in a word give way to their shape.
fn without_times(word: &str) -> String {
    let shape: String = word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let is_time = ["0000-00-00", "00:00:00"].contains(&shape.as_str()) || shape.contains("00000000000000");
    if is_time { shape } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_what_they_print_and_files_are_told_apart() {
        let page = "# T\n```sh\na # why\n\nb\n```\n\n```text\nout\n```\n```text\nno output\n```\n\
                    ## H\n```sql\n-- m/*_a/x.sql\nselect 1;\n```\n```sql\n-- a remark. Not a path\n```\n";
        let sections = sections(page);
        assert_eq!(
            sections[0].parts,
            [Part::Type { lines: vec!["a # why".to_owned(), "b".to_owned()], shown: Some("out".to_owned()) }]
        );
        let file = Part::Write { path: "m/*_a/x.sql".to_owned(), text: "select 1;\n".to_owned() };
        assert_eq!((sections[1].heading.as_str(), &sections[1].parts[..]), ("H", &[file][..]));
    }

    #[test]
    fn only_times_and_what_is_left_out_may_differ() {
        for (shown, printed) in [
            ("step done in 2 ms", "step done in 1.25 s"),
            ("a  20260101000000_x.sql", "a 20261121154301_x.sql"),
            ("at 2026-01-01 10:00:00", "at  2026-11-21 15:42:19"),
            ("a\n...\nd\n...", "a\nb\nc\nd\ne"),
            ("...\nd", "d"),
            ("done", "at work\u{1b}[2K\u{1b}[1Gdone"),
        ] {
            assert!(agrees(shown, printed), "{shown:?} {printed:?}");
        }
        for (shown, printed) in [
            ("1 applied", "2 applied"),
            ("a", "a\nb"),
            ("a\nb", "a"),
            ("a\n...\nd", "a\nb"),
            ("a\n...\nd", "a\nd\ne"),
        ] {
            assert!(!agrees(shown, printed), "{shown:?} {printed:?}");
        }
    }
}
