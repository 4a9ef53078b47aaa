//! The commands that a document runs, as words with their places. No shell is
//! understood: quotes, brackets and commas only separate words, so that
//! `sh -c "a b"`, `["a", "b"]` and a list of `- a`, `- b` all read `a b`.

use super::DocumentKind;

/// Words that run together, each with the byte at which it starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command<'a> {
    /// In order.
    pub words: Vec<(usize, &'a str)>,
}

pub(super) fn read(kind: DocumentKind, text: &str) -> Vec<Command<'_>> {
    match kind {
        DocumentKind::PackageJson => {
            scripts(text).into_iter().flat_map(|(start, s)| split(start, s)).collect()
        }
        DocumentKind::Compose | DocumentKind::Dockerfile | DocumentKind::Shell => lines(kind, text),
    }
}

/// Runs of lines that continue each other, cut into commands.
fn lines(kind: DocumentKind, text: &str) -> Vec<Command<'_>> {
    let mut commands: Vec<Command<'_>> = Vec::new();
    let mut offset = 0;
    let mut goes_on = false;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let code = without_comment(line.trim_end());
        if code.trim().is_empty() {
            continue;
        }
        let mut parts = split(start, code).into_iter();
        if (goes_on || continues_list(kind, code))
            && let (Some(last), Some(first)) = (commands.last_mut(), parts.next())
        {
            last.words.extend(first.words);
        }
        commands.extend(parts);
        // In YAML a line without a key goes on where the one before it stopped.
        goes_on =
            code.ends_with('\\') || matches!(kind, DocumentKind::Compose) && next_has_no_key(&text[offset..]);
    }
    commands
}

fn continues_list(kind: DocumentKind, code: &str) -> bool {
    kind == DocumentKind::Compose && code.trim_start().starts_with("- ")
}

fn next_has_no_key(rest: &str) -> bool {
    let next = rest.lines().next().unwrap_or("").trim_start();
    let key = next.split(char::is_whitespace).next().unwrap_or("");
    !next.is_empty() && !key.ends_with(':') && !next.starts_with("- ")
}

/// The line up to a `#` that begins a word.
fn without_comment(line: &str) -> &str {
    let hash = line
        .char_indices()
        .find(|(at, c)| *c == '#' && line[..*at].chars().next_back().is_none_or(char::is_whitespace));
    hash.map_or(line, |(at, _)| &line[..at]).trim_end()
}

/// Cuts at `&&`, `||`, `;`, `|` and `&`; words at blanks, quotes, brackets and commas.
fn split(start: usize, text: &str) -> Vec<Command<'_>> {
    let mut commands = vec![Command::default()];
    let mut word: Option<usize> = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        let ends_command = matches!(c, ';' | '|' | '&' | '\n');
        let separates = ends_command
            || c.is_whitespace()
            || matches!(c, '"' | '\'' | '`' | '[' | ']' | '(' | ')' | ',' | '\\' | '>');
        if !separates {
            word.get_or_insert(at);
            continue;
        }
        let last = commands.len() - 1;
        if let Some(from) = word.take() {
            commands[last].words.push((start + from, &text[from..at]));
        }
        if ends_command && !commands[last].words.is_empty() {
            commands.push(Command::default());
        }
    }
    commands
}

/// The values of the `scripts` object at the top of a package.json, with their places.
/// Reads what it can of a file that is no valid JSON.
fn scripts(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut depth, mut inside) = (0usize, false);
    let mut last_string: Option<&str> = None;
    let mut after_colon = false;
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '{' | '[' => {
                inside |= depth == 1 && c == '{' && after_colon && last_string == Some("scripts");
                depth += 1;
                after_colon = false;
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                inside &= depth > 1;
            }
            ':' => after_colon = true,
            ',' => after_colon = false,
            '"' => {
                let end = string_end(text, at + 1);
                let value = &text[at + 1..end];
                if inside && depth == 2 && after_colon {
                    found.push((at + 1, value));
                }
                if !after_colon {
                    last_string = Some(value);
                }
                while rest.next_if(|(next, _)| *next <= end).is_some() {}
            }
            _ => {}
        }
    }
    found
}

/// The byte of the closing quote, or the end.
fn string_end(text: &str, start: usize) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at,
            _ => {}
        }
    }
    text.len()
}
