//! Words of a statement that pg_dump wrote: always in one manner, which makes reading simple.

use crate::catalog::postgres::may_be_secret;

/// The key word that a statement begins with.
pub(super) fn first_word(sql: &str) -> &str {
    let end = sql.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(sql.len());
    &sql[..end]
}

/// A role and where in the statement it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) quoted: bool,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The role that a statement ends with, behind one of these key words.
pub(super) fn last_role(sql: &str, behind: &[&str]) -> Option<Role> {
    let end = sql.strip_suffix(" WITH GRANT OPTION").unwrap_or(sql).len();
    let text = &sql[..end];
    let quoted = text.ends_with('"');
    let start = if quoted { opening_quote(text)? } else { text.rfind(' ')? + 1 };
    let before = text[..start].strip_suffix(' ')?;
    behind.iter().any(|word| before.ends_with(&format!(" {word}"))).then(|| Role {
        name: if quoted { text[start + 1..end - 1].replace("\"\"", "\"") } else { text[start..].to_owned() },
        quoted,
        start,
        end,
    })
}

/// Where the quoted name at the end of a text begins; quotes in it are doubled.
fn opening_quote(text: &str) -> Option<usize> {
    let mut rest = text.strip_suffix('"')?;
    loop {
        let at = rest.rfind('"')?;
        match rest[..at].strip_suffix('"') {
            Some(before) => rest = before,
            None => return Some(at),
        }
    }
}

/// The name that a text begins with, and what follows it.
pub(super) fn first_name(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find(' ').unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(next) => {
                name.push('"');
                rest = next;
            }
            None => return Some((name, rest)),
        }
    }
}

/// The statement with empty values for options that may hold a password, and whether there were any.
pub(super) fn without_secrets(sql: &str) -> (String, bool) {
    let mut out = String::new();
    let mut taken = false;
    let mut rest = sql;
    while let Some(at) = rest.find('\'') {
        let (before, literal) = rest.split_at(at);
        let end = closing_quote(literal, before.ends_with(" E"));
        let name = before.strip_suffix('E').filter(|b| b.ends_with(' ')).unwrap_or(before);
        let name = name.trim_end().trim_end_matches('"');
        let name = name.rsplit(|c: char| c.is_whitespace() || "(,\"".contains(c)).next().unwrap_or_default();
        out.push_str(before);
        if may_be_secret(name) {
            out.push_str("''");
            taken = true;
        } else {
            out.push_str(&literal[..end]);
        }
        rest = &literal[end..];
    }
    out.push_str(rest);
    (out, taken)
}

/// Where a literal that begins the text ends.
fn closing_quote(text: &str, escapes: bool) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if escapes => at += 2,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}
