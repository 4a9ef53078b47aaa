//! A page of Markdown at the width of a terminal.
//!
//! As much of it as our own pages use: headings, paragraphs, lists, and blocks of commands,
//! which stay as they are so that they can be copied.

use super::text::{self, Style, Tone};

/// The page, each line ended.
pub(crate) fn render(page: &str, style: Style) -> String {
    let mut out = String::new();
    let mut code = false;
    for line in page.lines() {
        if line.starts_with("```") {
            code = !code;
        } else if code {
            out += &format!("  {line}\n");
        } else if line.starts_with('#') {
            out += &format!("{}\n", style.paint(Tone::Strong, line.trim_start_matches(['#', ' '])));
        } else {
            out += &paragraph(line, style);
        }
    }
    out
}

/// Further lines of a list's item stand below its first word.
fn paragraph(line: &str, style: Style) -> String {
    let mark = mark(line);
    let lines = text::wrap(&line[mark..], style.width.saturating_sub(mark));
    let begun = |(at, text): (usize, String)| match at {
        0 => format!("{}{text}\n", &line[..mark]),
        _ => format!("{:mark$}{text}\n", ""),
    };
    lines.into_iter().enumerate().map(begun).collect()
}

/// How long `- ` or `1. ` is.
fn mark(line: &str) -> usize {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    match &line[digits..] {
        rest if digits > 0 && rest.starts_with(". ") => digits + 2,
        rest if digits == 0 && rest.starts_with("- ") => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_hang_and_commands_stay() {
        let page = "# Title\n\nSome words that are long.\n\n- `a b c`: one two three\n\n1. first of all\n\n```\ncofferdam migrate --reason \"long enough\"\n```\n";
        let text = render(page, Style { color: false, width: 16 });
        assert_eq!(
            text,
            "Title\n\nSome words that\nare long.\n\n- `a b c`: one\n  two three\n\n1. first of all\n\n  cofferdam migrate --reason \"long enough\"\n"
        );
    }
}
