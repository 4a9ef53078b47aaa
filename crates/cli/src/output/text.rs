//! Laying out lines of text.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

/// How text is laid out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) color: bool,
    /// Columns of a line.
    pub(crate) width: usize,
}

/// What a piece of text is, and so how it is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Error,
    Warning,
    Note,
    Help,
    Strong,
}

impl Style {
    /// `text` in its colour.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Error => "1;91",
            Tone::Warning => "1;33",
            Tone::Note => "1;92",
            Tone::Help => "1;96",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// `text` without what a terminal would obey: file names, SQL and server messages
/// may hold escape sequences, and marks of the writing direction that show the characters in
/// another order than they are read. Lines end in `\n`, also those of files from Windows.
pub(crate) fn printable(text: &str) -> String {
    let obeyed = |c: char| (c.is_control() && c != '\n' && c != '\t') || turns_around(c);
    text.replace("\r\n", "\n").chars().map(|c| if obeyed(c) { '\u{fffd}' } else { c }).collect()
}

/// The embeddings, overrides and isolates of Unicode's bidirectional algorithm (UAX #9).
fn turns_around(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `label: text`, further lines indented below the text's first.
pub(crate) fn labelled(label: &str, text: &str, style: Style) -> String {
    let tone = match label {
        "error" => Tone::Error,
        "warning" => Tone::Warning,
        "note" => Tone::Note,
        _ => Tone::Help,
    };
    let painted = style.paint(tone, &format!("{label}:"));
    let indent = label.len() + 2;
    let mut out = String::new();
    for (at, line) in wrap(&printable(text), style.width.saturating_sub(indent)).iter().enumerate() {
        match at {
            0 => _ = writeln!(out, "{painted} {line}"),
            _ => _ = writeln!(out, "{:indent$}{line}", ""),
        }
    }
    out
}

/// Cuts `text` into lines of at most `width` characters, at spaces. Line breaks of the
/// text stay; a word longer than a line (a path, a URL) is not cut, and neither are a
/// directive and a command that fits a line, which people copy.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        let mut columns = 0;
        // A paragraph that is indented or fits is laid out by its writer.
        if paragraph.starts_with(' ') || paragraph.width() <= width {
            lines.push(paragraph.trim_end().to_owned());
            continue;
        }
        for word in uncut(paragraph, width) {
            let length = word.width();
            if columns > 0 && columns + 1 + length > width {
                lines.push(std::mem::take(&mut line));
                columns = 0;
            }
            if columns > 0 {
                line.push(' ');
                columns += 1;
            }
            line.push_str(&word);
            columns += length;
        }
        lines.push(line);
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// The words of a paragraph; those of a command and of `-- cofferdam:allow RULE REASON` are one.
fn uncut(paragraph: &str, width: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = paragraph;
    while let Some((before, command, after)) = next_command(rest, width) {
        found.extend(uncut_directives(before));
        found.push(command.split_whitespace().collect::<Vec<_>>().join(" "));
        rest = after;
    }
    found.extend(uncut_directives(rest));
    found
}

/// The text before the next command that fits a line, the command, and what comes behind it.
/// A command stands in backticks, or behind a colon up to the end of its clause.
fn next_command(text: &str, width: usize) -> Option<(&str, &str, &str)> {
    let quoted = text.match_indices("`cofferdam ").map(|(at, _)| (at, at + 1));
    let told = text.match_indices(": cofferdam ").map(|(at, _)| (at + 2, at + 2));
    let mut starts: Vec<(usize, usize)> = quoted.chain(told).collect();
    starts.sort_unstable();
    starts.into_iter().find_map(|(start, inside)| {
        let ends = if start == inside { &[';'][..] } else { &['`'][..] };
        let end = text[inside..].find(ends).map_or(text.len(), |end| inside + end);
        // With the mark behind it, which must not begin a line.
        let end = text[end..].find(char::is_whitespace).map_or(text.len(), |more| end + more);
        let command = &text[start..end];
        (command.width() <= width).then(|| (&text[..start], command, &text[end..]))
    })
}

fn uncut_directives(text: &str) -> Vec<String> {
    let mut words = text.split_whitespace().peekable();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let mut whole = word.to_owned();
        let opens = word.ends_with("--") || word.ends_with('#');
        if let Some(directive) = words.next_if(|next| opens && next.starts_with("cofferdam:")) {
            let rule = words.next_if(|_| directive == "cofferdam:allow");
            let reason = words.next_if(|next| rule.is_some() && next.starts_with("REASON"));
            for part in [Some(directive), rule, reason].into_iter().flatten() {
                whole.push(' ');
                whole.push_str(part);
            }
        }
        found.push(whole);
    }
    found
}

/// `1 file`, `2 files`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        _ if noun.ends_with("ex") => format!("{n} {noun}es"),
        _ => format!("{n} {noun}s"),
    }
}

/// Milliseconds as people read them.
pub(crate) fn millis(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_words_and_long_words_stay_whole() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(
            wrap("a migrations/0001_very_long.sql b", 10),
            ["a", "migrations/0001_very_long.sql", "b"]
        );
        assert_eq!(wrap("first\nsecond", 80), ["first", "second"]);
        assert_eq!(wrap("", 80), [""]);
    }

    #[test]
    fn a_directive_is_never_cut() {
        let hint = "to lose them on purpose: -- cofferdam:allow RULE REASON before the statement";
        for width in [30, 40, 50] {
            let lines = wrap(hint, width);
            let whole = lines.iter().any(|line| line.contains("-- cofferdam:allow RULE REASON"));
            assert!(whole && lines.len() > 1, "{width}: {lines:?}");
            assert_eq!(lines.join(" "), hint);
        }
        assert_eq!(wrap("a # cofferdam:no-transaction b", 5), ["a", "# cofferdam:no-transaction", "b"]);
        assert_eq!(wrap("a -- b", 3), ["a", "--", "b"]);
    }

    #[test]
    fn a_command_is_never_cut_where_it_fits_a_line() {
        let hint = "keep the rows elsewhere first; to lose them: cofferdam rollback --discard-writes";
        let whole = "cofferdam rollback --discard-writes";
        for width in [40, 60, 74] {
            let lines = wrap(hint, width);
            assert!(lines.iter().any(|line| line.contains(whole)) && lines.len() > 1, "{width}: {lines:?}");
            assert_eq!(lines.join(" "), hint);
        }
        let narrow = wrap(hint, 20);
        assert_eq!(narrow[narrow.len() - 2..], ["rollback", "--discard-writes"]);
        let two = "once: `cofferdam guard install`, then `cofferdam status`; or: cofferdam check; then go on";
        assert_eq!(
            wrap(two, 32),
            [
                "once: `cofferdam guard install`,",
                "then `cofferdam status`; or:",
                "cofferdam check; then go on"
            ]
        );
    }

    #[test]
    fn lines_of_windows_end_as_others_do() {
        assert_eq!(printable("a\r\nb\rc"), "a\nb\u{fffd}c");
    }

    #[test]
    fn a_terminal_obeys_nothing_that_was_read() {
        assert_eq!(printable("a\u{1b}[2Jb\u{7}\u{9b}c\nd\te"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\nd\te");
        assert_eq!(printable("notes\u{202e}lqs.\u{2066}"), "notes\u{fffd}lqs.\u{fffd}");
    }

    #[test]
    fn the_width_of_a_line_is_what_a_terminal_shows() {
        // Each ideograph takes two columns; what is put on the letter before it takes none.
        assert_eq!(wrap("笔记 表格 里的", 9), ["笔记 表格", "里的"]);
        assert_eq!(wrap("cafe\u{301}s and te\u{301}a", 9), ["cafe\u{301}s and", "te\u{301}a"]);
    }

    #[test]
    fn times_are_short() {
        assert_eq!(
            [millis(0), millis(999), millis(1_250), millis(61_000)],
            ["0 ms", "999 ms", "1.2 s", "1 min 1 s"]
        );
    }
}
