//! The page of exit codes: what `explain exit-3` prints, for all of them.

use std::fmt::Write as _;

use super::MADE;
use crate::pages;

/// Every exit code with what is seen and what is to be done.
pub(super) fn page() -> String {
    let mut out = format!(
        "{MADE}\n\n# Exit codes\n\nAs `cofferdam explain exit-3` says it.\n\n| exit | kind | means |\n|---|---|---|\n"
    );
    for page in &pages::ALL {
        _ = writeln!(out, "| {} | {} | {} |", page.code(), page.kinds.join(", "), page.title());
    }
    for page in &pages::ALL {
        _ = write!(out, "\n{}\n", below(page.markdown).trim_end());
    }
    out
}

/// Headings one level deeper; what stands in a block of code is none. A block without a
/// language holds what is typed or shown.
fn below(markdown: &str) -> String {
    let mut in_block = false;
    let mut out = String::new();
    for line in markdown.lines() {
        let fence = line.starts_with("```");
        if fence && !in_block && line == "```" {
            out.push_str("```text");
        } else if line.starts_with('#') && !in_block {
            _ = write!(out, "#{line}");
        } else {
            out.push_str(line);
        }
        in_block ^= fence;
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_go_down_and_code_stays() {
        assert_eq!(below("# A\n```\n# b\n```\n## C\n"), "## A\n```text\n# b\n```\n### C\n");
    }
}
