//! Versions: what tells migrations of a folder apart, and where each stands.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::migration::Migration;

/// What a version is compared by. Two versions with equal keys mean the same migration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// Zeros in front do not count: `1` and `0001` are the same.
    Number(u128),
    /// `1.2.3`; zeros at the end do not count: `1` and `1.0` are the same.
    Dotted(Vec<u128>),
    /// As it is written.
    Text(String),
    /// Runs again whenever its file changed; after all others.
    Repeatable(String),
}

/// A version exactly as its file writes it, with its key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    text: String,
    key: Key,
}

impl Version {
    /// A version whose key the format made of it.
    pub fn new(text: impl Into<String>, key: Key) -> Version {
        Version { text: text.into(), key }
    }

    /// Digits; leading zeros do not count in the order.
    pub fn number(text: &str) -> Option<Version> {
        Some(Version::new(text, Key::Number(digits(text)?)))
    }

    /// Numbers between dots.
    pub fn dotted(text: &str) -> Option<Version> {
        let mut parts = text.split('.').map(digits).collect::<Option<Vec<u128>>>()?;
        while parts.len() > 1 && parts.last() == Some(&0) {
            parts.pop();
        }
        Some(Version::new(text, Key::Dotted(parts)))
    }

    /// A text that counts as it stands.
    pub fn text(text: &str) -> Version {
        Version::new(text, Key::Text(text.to_owned()))
    }

    /// As the file writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it is compared by.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The number, where tools keep it as one; `None` for anything else or what does not fit.
    pub fn as_i64(&self) -> Option<i64> {
        match self.key {
            Key::Number(number) => i64::try_from(number).ok(),
            Key::Dotted(_) | Key::Text(_) | Key::Repeatable(_) => None,
        }
    }

    /// Whether it is one of those that run again when their file changed.
    pub fn is_repeatable(&self) -> bool {
        matches!(self.key, Key::Repeatable(_))
    }
}

/// A version of a tool that goes by whole names, `<digits>_<name>`: the digits are what
/// people call the version, and the whole is what counts.
pub(super) fn of_name(text: &str, name: &str) -> Version {
    let whole = match digits(text) {
        Some(_) if !name.is_empty() => format!("{text}_{name}"),
        _ => text.to_owned(),
    };
    Version::new(text, Key::Text(whole))
}

/// Takes the tags of such a tool's migrations apart into version and name. Of several with
/// the same digits each has its whole tag as its version.
pub(super) fn tell_apart(migrations: &mut [Migration]) {
    let split = |tag: &str| {
        let (number, name) = tag.split_once('_')?;
        (digits(number).is_some() && !name.is_empty()).then(|| (number.to_owned(), name.to_owned()))
    };
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for (number, _) in migrations.iter().filter_map(|m| split(&m.tag)) {
        *count.entry(number).or_default() += 1;
    }
    for migration in migrations {
        let alone = split(&migration.tag).filter(|(number, _)| count.get(number) == Some(&1));
        let (text, name) = alone.unwrap_or_else(|| (migration.tag.clone(), String::new()));
        migration.version = of_name(&text, &name);
        migration.name = name;
    }
}

fn digits(text: &str) -> Option<u128> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ignore_zeros_in_front_and_dotted_ones_zeros_at_the_end() {
        let same = |a: Option<Version>, b: Option<Version>| a.map(|v| v.key) == b.map(|v| v.key);
        assert!(same(Version::number("1"), Version::number("0001")));
        assert!(same(Version::dotted("1"), Version::dotted("01.0")));
        assert!(!same(Version::dotted("1.1"), Version::dotted("1.10")));
        assert!(Version::dotted("1.9") < Version::dotted("1.10"));
        assert!(Version::number("").is_none() && Version::dotted("1..2").is_none());
    }
}
