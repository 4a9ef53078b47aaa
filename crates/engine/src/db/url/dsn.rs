//! libpq's `key=value` form: `host=localhost dbname=app password='a b'`.

use super::parameter;
use super::postgres::{Draft, PostgresTarget};
use crate::{Error, Result};

/// Reads the whole text.
///
/// # Errors
/// `Invalid`; no value is repeated, because the text around a missing quote is
/// most often a password.
pub(super) fn parse(text: &str) -> Result<PostgresTarget> {
    let mut draft = Draft::default();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else {
            return Err(Error::invalid("the connection text has a word without `=`").hint(
                "write postgres://USER@HOST/DATABASE, or host=HOST dbname=DATABASE with values that contain spaces in single quotes",
            ));
        };
        let name = name.trim_end();
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || name.is_empty() {
            return Err(Error::invalid("the connection text has something other than a name before `=`")
                .hint("put values that contain spaces in single quotes"));
        }
        let (value, after) = value(after.trim_start())?;
        if name == "dbname" && (value.contains("://") || value.contains('=')) {
            return Err(Error::invalid("`dbname` holds another connection text")
                .hint("give that text itself as the database URL"));
        }
        parameter::apply(&mut draft, name, &value)?;
        rest = after.trim_start();
    }
    draft.finish()
}

/// One value, plain or quoted, and what follows it. A backslash takes the next character as it is.
fn value(text: &str) -> Result<(String, &str)> {
    let quoted = text.starts_with('\'');
    let body = if quoted { &text[1..] } else { text };
    let mut value = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            '\'' if quoted => return Ok((value, &body[at + 1..])),
            c if !quoted && c.is_whitespace() => return Ok((value, &body[at..])),
            c => value.push(c),
        }
    }
    if quoted {
        return Err(Error::invalid("a quoted value in the connection text has no end"));
    }
    Ok((value, ""))
}
