//! The pages of the exit codes: what each one means, what is seen with it, what to do.
//!
//! A page is a Markdown file beside this one, read by `cofferdam explain`, by the manual and
//! by the guide, so that no two texts can disagree. What it quotes as a message is held
//! against the sources by a test, with `..` for what differs.

use crate::exit::Exit;

/// What `explain` says of one exit code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    /// The exit.
    pub(crate) exit: Exit,
    /// What errors and documents call it; none for success.
    pub(crate) kinds: &'static [&'static str],
    /// The page, in Markdown.
    pub(crate) markdown: &'static str,
}

/// Every exit code that the program has.
pub(crate) const ALL: [Page; 9] = [
    Page { exit: Exit::Done, kinds: &[], markdown: include_str!("exit-0.md") },
    Page { exit: Exit::Findings, kinds: &["findings", "conflict"], markdown: include_str!("exit-1.md") },
    Page { exit: Exit::Usage, kinds: &["invalid"], markdown: include_str!("exit-2.md") },
    Page { exit: Exit::Refused, kinds: &["refused"], markdown: include_str!("exit-3.md") },
    Page { exit: Exit::Blocked, kinds: &["blocked"], markdown: include_str!("exit-4.md") },
    Page { exit: Exit::Unreachable, kinds: &["unreachable"], markdown: include_str!("exit-5.md") },
    Page { exit: Exit::Corrupt, kinds: &["corrupt"], markdown: include_str!("exit-6.md") },
    Page { exit: Exit::Interrupted, kinds: &["interrupted"], markdown: include_str!("exit-7.md") },
    Page { exit: Exit::Bug, kinds: &["bug"], markdown: include_str!("exit-70.md") },
];

impl Page {
    /// The number that a shell sees.
    pub(crate) fn code(&self) -> u8 {
        self.exit as u8
    }

    /// As it is asked for: `exit-3`.
    pub(crate) fn id(&self) -> String {
        format!("exit-{}", self.code())
    }

    /// The heading without the number.
    pub(crate) fn title(&self) -> &'static str {
        let heading = self.markdown.lines().next().unwrap_or_default();
        heading.split_once(": ").map_or(heading, |(_, title)| title)
    }
}

/// The page that `word` asks for: `exit-3`, `3`, or a kind of error.
pub(crate) fn find(word: &str) -> Option<&'static Page> {
    let number = word.strip_prefix("exit-").or_else(|| word.strip_prefix("exit ")).unwrap_or(word);
    ALL.iter().find(|page| page.code().to_string() == number || page.kinds.contains(&word))
}

/// Whether `word` can only be meant for an exit code, so that no rule should be suggested.
pub(crate) fn is_number(word: &str) -> bool {
    let number = word.strip_prefix("exit-").or_else(|| word.strip_prefix("exit ")).unwrap_or(word);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_number_and_by_what_errors_are_called() {
        for page in &ALL {
            let code = page.code();
            for word in [code.to_string(), page.id(), format!("exit {code}")] {
                assert_eq!(find(&word).map(Page::code), Some(code), "{word}");
            }
            for kind in page.kinds {
                assert_eq!(find(kind).map(Page::code), Some(code), "{kind}");
            }
            assert!(page.markdown.starts_with(&format!("# Exit {code}: ")), "{}", page.markdown);
        }
        for word in ["8", "exit-", "drop-table", "exit-03"] {
            assert!(find(word).is_none(), "{word}");
        }
        assert!(is_number("8") && is_number("exit-8") && !is_number("exit-") && !is_number("drop-table"));
    }

    #[test]
    fn every_kind_of_error_has_a_page() {
        use cofferdam_analysis::ErrorKind::{
            Blocked, Bug, Conflict, Corrupt, Interrupted, Invalid, Refused, Unreachable,
        };
        for kind in [Refused, Blocked, Conflict, Invalid, Unreachable, Corrupt, Interrupted, Bug] {
            let name = serde_json::to_value(kind).expect("a word");
            let page = find(name.as_str().expect("a word")).expect("a page");
            assert_eq!(page.exit, Exit::from(kind));
        }
    }

    /// What stands in backticks at the begin of a line of "What you may see".
    fn quoted(page: &Page) -> Vec<&'static str> {
        let seen = page.markdown.split("\n## ").find(|part| part.starts_with("What you may see"));
        let lines = seen.unwrap_or_default().lines().filter_map(|line| line.strip_prefix("- "));
        lines
            .flat_map(|line| line[..line.find("`: ").map_or(0, |at| at + 1)].split('`').skip(1).step_by(2))
            .collect()
    }

    #[test]
    fn what_a_page_quotes_the_program_says() {
        let sources = sources();
        for page in &ALL {
            for message in quoted(page) {
                for part in message.split("..").map(|part| part.trim_matches([' ', ',', '`', '\'', ':', ';']))
                {
                    // What is clap's or the system's, and what is put together while it is printed.
                    let theirs = [
                        "unexpected argument",
                        "found",
                        "unrecognized subcommand",
                        "unknown field",
                        "error[",
                        "]",
                    ];
                    let known = theirs.contains(&part) || sources.contains(part);
                    assert!(known, "exit-{} quotes `{message}`, and nothing says `{part}`", page.code());
                }
            }
        }
        assert!(quoted(&ALL[3]).len() > 10, "{:?}", quoted(&ALL[3]));
    }

    /// All our sources, with string literals that go over several lines put together.
    fn sources() -> String {
        let mut found = String::new();
        let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut folders: Vec<_> =
            ["analysis", "engine", "cli"].iter().map(|name| crates.join(name).join("src")).collect();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder of sources").flatten() {
                let path = entry.path();
                if path.is_dir() && path.ends_with("pages") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    found += &std::fs::read_to_string(&path).expect("a source file");
                }
            }
        }
        let mut whole = String::new();
        for (at, part) in found.split("\\\n").enumerate() {
            whole += if at == 0 { part } else { part.trim_start() };
        }
        whole
    }
}
