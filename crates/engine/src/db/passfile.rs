//! libpq's password file: `host:port:database:user:password`, one login a line.
//!
//! As in libpq the first line that matches wins, `*` matches anything, and a
//! backslash takes the next character as it is. A file that others can read is
//! not used, and a note says so.

use std::path::Path;

use crate::db::secret::Secret;

/// What a line must match.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login<'a> {
    /// The host as written; `localhost` for the usual socket directories.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) database: &'a str,
    pub(crate) user: &'a str,
}

/// The password for `login`, or why the file was not used.
pub(crate) fn look_up(path: &Path, login: Login<'_>) -> std::result::Result<Option<Secret>, String> {
    let Ok(meta) = std::fs::metadata(path) else {
        return Ok(None);
    };
    let shown = path.display();
    if !meta.is_file() {
        return Err(format!("the password file {shown} is not used: it is not a plain file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if meta.permissions().mode() & 0o077 != 0 {
            return Err(format!(
                "the password file {shown} is not used: others can read it (chmod 0600 {shown})"
            ));
        }
    }
    match std::fs::read(path) {
        Ok(bytes) => Ok(find(&String::from_utf8_lossy(&bytes), login)),
        Err(_) => Err(format!("the password file {shown} is not used: it cannot be read")),
    }
}

fn find(text: &str, login: Login<'_>) -> Option<Secret> {
    let port = login.port.to_string();
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let mut rest = line;
        for wanted in [login.host, &port, login.database, login.user] {
            let (field, after) = field(rest)?;
            if !field.matches(wanted) {
                return None;
            }
            rest = after;
        }
        let password = unescape(rest);
        (!password.is_empty()).then(|| Secret::new(password))
    })
}

enum Field {
    Any,
    Text(String),
}

impl Field {
    fn matches(&self, wanted: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Text(text) => text == wanted,
        }
    }
}

/// The field before the next bare colon, and the rest behind it.
fn field(line: &str) -> Option<(Field, &str)> {
    let mut escaped = false;
    let end = line.char_indices().find_map(|(at, c)| match c {
        _ if escaped => {
            escaped = false;
            None
        }
        '\\' => {
            escaped = true;
            None
        }
        ':' => Some(at),
        _ => None,
    })?;
    let raw = &line[..end];
    let field = if raw == "*" { Field::Any } else { Field::Text(unescape(raw)) };
    Some((field, &line[end + 1..]))
}

/// The password runs to the end of its line: colons in it need no backslash.
fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: Login<'_> = Login { host: "db.example", port: 5432, database: "app", user: "ann" };

    fn password(text: &str, login: Login<'_>) -> Option<String> {
        find(text, login).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn the_first_matching_line_wins() {
        for (file, expected) in [
            ("db.example:5432:app:ann:one\n*:*:*:*:two", Some("one")),
            ("other:5432:app:ann:one\n*:*:*:*:two", Some("two")),
            ("# db.example:5432:app:ann:no\ndb.example:*:app:ann:yes\r\n", Some("yes")),
            ("db.example:5433:app:ann:x", None),
            ("db.example:5432:app:bob:x", None),
            (r"db.example:5432:app:ann:a\:b\\c:d", Some(r"a:b\c:d")),
            ("db.example:5432:app:ann:", None),
            ("db.example:5432:app", None),
            ("", None),
            (r"\*:5432:app:ann:x", None),
            ("db.example:5432:app:ann:пароль 🔑", Some("пароль 🔑")),
        ] {
            assert_eq!(password(file, LOGIN).as_deref(), expected, "{file}");
        }
    }

    #[test]
    fn escaped_colons_belong_to_the_field() {
        let login = Login { host: "::1", database: r"a\b", ..LOGIN };
        assert_eq!(password(r"\:\:1:5432:a\\b:ann:x", login).as_deref(), Some("x"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pass");
        std::fs::write(&path, "*:*:*:*:secret").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let note = look_up(&path, LOGIN).unwrap_err();
        assert!(note.contains("chmod 0600") && !note.contains("secret"), "{note}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(look_up(&path, LOGIN).unwrap().unwrap().expose(), "secret");
        assert!(look_up(&dir.path().join("none"), LOGIN).unwrap().is_none());
        assert!(look_up(dir.path(), LOGIN).is_err());
    }
}
