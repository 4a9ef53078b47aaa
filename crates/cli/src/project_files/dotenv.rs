//! `.env`: variables that a project's folder sets for its tools.
//!
//! Promise: the values are those that the common readers agree on: `export`, single and
//! double quotes, quotes over several lines, comments, and `${NAME}` of names that stand
//! earlier in the same file. Variables of the environment never enter a value. Refused,
//! when it is asked for: a value that another name must be known for, and all of a file
//! whose quotes have no end, since nobody can tell where its values end.

use std::collections::BTreeMap;
use std::path::Path;

use cofferdam_analysis::Error;

use super::file;

/// The file's name. `.env.local` and its kin belong to frameworks that rank them in ways of
/// their own, and are not read.
pub(crate) const FILE: &str = ".env";

/// The variables of one file.
#[derive(Default)]
pub(crate) struct DotEnv {
    file: String,
    values: BTreeMap<String, Value>,
    trouble: Option<String>,
}

/// Values are never shown: most of these files hold a password.
impl std::fmt::Debug for DotEnv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DotEnv").field("names", &self.values.keys()).field("trouble", &self.trouble).finish()
    }
}

enum Value {
    Text(String),
    /// It names this variable, which the file does not set.
    Needs(String),
}

impl DotEnv {
    /// Reads the file in `root`, if there is one.
    pub(crate) fn read(root: &Path) -> Self {
        match file::text(root, FILE) {
            Ok(Some(text)) => Self::parse(FILE, &text),
            Ok(None) => Self::default(),
            Err(error) => Self { trouble: Some(error.message().to_owned()), ..Self::default() },
        }
    }

    /// Reads `text`, the content of `file`.
    pub(crate) fn parse(file: &str, text: &str) -> Self {
        let mut parsed = Self { file: file.to_owned(), ..Self::default() };
        let mut rest = text;
        let mut line = 1;
        while !rest.is_empty() {
            let before = rest;
            rest = match entry(rest) {
                Entry::Set { name, quoted, value, rest } => {
                    let value = match quoted {
                        Quoted::Single => Value::Text(value.to_owned()),
                        Quoted::Double => parsed.expand(&unescape(value)),
                        Quoted::Not => parsed.expand(value),
                    };
                    parsed.values.insert(name.to_owned(), value);
                    rest
                }
                Entry::Open => {
                    parsed.values.clear();
                    parsed.trouble = Some(format!("cannot read {file}: a quote in line {line} has no end"));
                    return parsed;
                }
                Entry::Nothing { rest } => rest,
            };
            line += before[..before.len() - rest.len()].matches('\n').count();
        }
        parsed
    }

    /// What the file sets `name` to; an empty value counts as not set.
    ///
    /// # Errors
    /// `Invalid`, when the file cannot be read, or the value not be known.
    pub(crate) fn get(&self, name: &str) -> Result<Option<&str>, Error> {
        if let Some(trouble) = &self.trouble {
            return Err(
                Error::invalid(trouble).hint(format!("correct it, or set the variable {name} itself"))
            );
        }
        match self.values.get(name) {
            Some(Value::Text(text)) if text.is_empty() => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Needs(other)) => Err(Error::invalid(format!(
                "{name} in {} names {other}, which does not stand before it",
                self.file
            ))
            .hint(format!("only the file's own variables count in it; set {name} itself"))),
            None => Ok(None),
        }
    }

    /// Replaces `${NAME}`, `${NAME:-text}` and `$NAME` by what stands before in the file.
    fn expand(&self, value: &str) -> Value {
        let mut text = String::with_capacity(value.len());
        let mut rest = value;
        while let Some(at) = rest.find('$') {
            let escaped = rest[..at].ends_with('\\');
            text.push_str(if escaped { &rest[..at - 1] } else { &rest[..at] });
            let after = &rest[at + 1..];
            let name_of = |text: &str| text.find(|c: char| !is_name(c)).unwrap_or(text.len());
            let (name, otherwise, end) = match after.strip_prefix('{') {
                Some(braced) => {
                    let Some(close) = braced.find('}') else {
                        text.push('$');
                        rest = after;
                        continue;
                    };
                    let inner = &braced[..close];
                    let end = name_of(inner);
                    let otherwise = inner[end..].strip_prefix(":-").or(inner[end..].strip_prefix('-'));
                    (&inner[..end], otherwise, close + 2)
                }
                None => (&after[..name_of(after)], None, name_of(after)),
            };
            // A dollar in a password is one, unless a name follows.
            if escaped || name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
                text.push('$');
                rest = after;
                continue;
            }
            match (self.values.get(name), otherwise) {
                (Some(Value::Text(known)), _) if !known.is_empty() => text.push_str(known),
                (_, Some(otherwise)) => text.push_str(otherwise),
                (Some(Value::Text(_)), None) => {}
                (Some(Value::Needs(other)), None) => return Value::Needs(other.clone()),
                (None, None) => return Value::Needs(name.to_owned()),
            }
            rest = &after[end..];
        }
        text.push_str(rest);
        Value::Text(text)
    }
}

enum Quoted {
    Not,
    Single,
    Double,
}

enum Entry<'a> {
    Set {
        name: &'a str,
        quoted: Quoted,
        value: &'a str,
        rest: &'a str,
    },
    /// A quote that has no end.
    Open,
    /// A comment, an empty line, or what is no assignment.
    Nothing {
        rest: &'a str,
    },
}

/// The entry that `text` begins with.
fn entry(text: &str) -> Entry<'_> {
    let (line, after_line) = text.split_once('\n').unwrap_or((text, ""));
    let nothing = Entry::Nothing { rest: after_line };
    let start = line.trim_start();
    let start = match start.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
        _ => start,
    };
    let end = start.find(|c: char| !is_name(c) && c != '.' && c != '-').unwrap_or(start.len());
    let (name, rest) = start.split_at(end);
    let Some(value) = rest.trim_start().strip_prefix('=').filter(|_| !name.is_empty()) else {
        return nothing;
    };
    let value = value.trim_start();
    let quote = value.chars().next().filter(|c| ['"', '\'', '`'].contains(c));
    let Some(quote) = quote else {
        // A comment begins behind a space; `#` may stand in a password.
        let comment = value.find(" #").or_else(|| value.find("\t#")).or(value.starts_with('#').then_some(0));
        let value = value[..comment.unwrap_or(value.len())].trim_end();
        return Entry::Set { name, quoted: Quoted::Not, value, rest: after_line };
    };
    // From here on the value may reach over several lines.
    let offset = line.len() - value.len() + 1;
    let body = &text[offset..];
    let Some(close) = closing(body, quote) else { return Entry::Open };
    let rest = &body[close + 1..];
    let rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    let quoted = if quote == '"' { Quoted::Double } else { Quoted::Single };
    Entry::Set { name, quoted, value: &body[..close], rest }
}

/// Where the quote ends; in double quotes a backslash keeps the next character from ending it.
fn closing(body: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return Some(at),
            _ => {}
        }
    }
    None
}

/// The escapes of double quotes; `\$` is left for the expansion.
fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some('r')) => text.push('\r'),
            ('\\', Some('t')) => text.push('\t'),
            ('\\', Some(next @ ('"' | '\\'))) => text.push(next),
            ('\\', Some(next)) => text.extend(['\\', next]),
            (c, _) => text.push(c),
        }
    }
    text
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_that_the_common_readers_agree_on() {
        let read = DotEnv::parse(
            ".env",
            "# a comment\nPLAIN=one two   # why\nexport SHELL_STYLE=three\n  SPACED = four \n\
             SINGLE='five # six ${PLAIN}'\nDOUBLE=\"seven\\n\\\"eight\\\" ${PLAIN}\"\n\
             LINES=\"-----BEGIN\nnine\n-----END\" # key\nHASH=p#ss\nDOLLAR=p$1$\\$x\nEMPTY=\n\
             URL=postgres://${USER_NAME:-app}:${PLAIN}@$HOST_NAME/db\n\
             HOST_NAME=db\nURL2=postgres://$HOST_NAME/db\nnot an assignment\nCRLF=ten\r\nTWICE=a\nTWICE=b",
        );
        for (name, value) in [
            ("PLAIN", Some("one two")),
            ("SHELL_STYLE", Some("three")),
            ("SPACED", Some("four")),
            ("SINGLE", Some("five # six ${PLAIN}")),
            ("DOUBLE", Some("seven\n\"eight\" one two")),
            ("LINES", Some("-----BEGIN\nnine\n-----END")),
            ("HASH", Some("p#ss")),
            ("DOLLAR", Some("p$1$$x")),
            ("EMPTY", None),
            ("URL2", Some("postgres://db/db")),
            ("CRLF", Some("ten")),
            ("TWICE", Some("b")),
            ("ABSENT", None),
        ] {
            assert_eq!(read.get(name).expect(name), value, "{name}");
        }
    }

    #[test]
    fn a_variable_from_elsewhere_is_not_guessed() {
        let read = DotEnv::parse(".env", "URL=postgres://u:${SECRET}@h/d\nAGAIN=${URL}\n");
        for name in ["URL", "AGAIN"] {
            let error = read.get(name).expect_err(name);
            assert!(error.message().contains("names SECRET"), "{}", error.message());
        }
    }

    #[test]
    fn quotes_without_an_end_spoil_the_file_and_show_nothing() {
        for text in ["A=1\nB=\"hunter2\nDATABASE_URL=x\n", "A=1\nB='hunter2", "A=1\nB=\"hunter2\\\""] {
            let error = DotEnv::parse(".env", text).get("DATABASE_URL").expect_err(text);
            assert_eq!(error.message(), "cannot read .env: a quote in line 2 has no end");
        }
    }

    #[test]
    fn a_long_line_is_read_once() {
        let long = "$a${".repeat(250_000);
        assert!(DotEnv::parse(".env", &format!("A={long}\nB=2")).get("B").is_ok());
    }

    #[test]
    fn what_is_shown_for_debugging_holds_no_value() {
        let shown = format!("{:?}", DotEnv::parse(".env", "A=hunter2"));
        assert!(shown.contains('A') && !shown.contains("hunter2"), "{shown}");
    }
}
