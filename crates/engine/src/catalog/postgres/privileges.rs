//! Access lists, reduced to what somebody changed.

use cofferdam_analysis::catalog::{Grantee, Privileges};
use cofferdam_analysis::{Error, Result};

/// Reads entries such as `SELECT* role app`.
pub(super) fn granted(entries: &[&str]) -> Result<Privileges> {
    let mut found = Privileges::new();
    for entry in entries {
        let read = entry.split_once(' ').and_then(|(right, to)| Some((right, Grantee::parse(to)?)));
        let (right, grantee) =
            read.ok_or_else(|| Error::bug(format!("the access list entry `{entry}` cannot be read")))?;
        found.entry(grantee).or_default().insert(right.to_owned());
    }
    Ok(found)
}

/// What differs from the default: `None` when nothing does.
///
/// An owner with all its rights is left out, so that who owns the object, and the rights
/// that a newer server adds to owners, change nothing.
pub(super) fn changed(mut granted: Privileges, defaults: &Privileges) -> Option<Privileges> {
    if granted == *defaults {
        return None;
    }
    match (granted.get(&Grantee::Owner), defaults.get(&Grantee::Owner)) {
        (own, default) if own == default => {
            granted.remove(&Grantee::Owner);
        }
        (None, Some(_)) => {
            granted.insert(Grantee::Owner, Default::default());
        }
        _ => {}
    }
    Some(granted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(granted_: &[&str], defaults: &[&str]) -> Option<String> {
        changed(granted(granted_).unwrap(), &granted(defaults).unwrap())
            .map(|p| p.iter().map(|(g, r)| format!("{g}: {r:?};")).collect())
    }

    #[test]
    fn only_changes_are_told() {
        let table = ["SELECT owner", "INSERT owner"];
        assert_eq!(told(&table, &table), None);
        assert_eq!(
            told(&["SELECT owner", "INSERT owner", "SELECT* role a b"], &table).as_deref(),
            Some("role a b: {\"SELECT*\"};")
        );
        assert_eq!(told(&["SELECT owner"], &table).as_deref(), Some("owner: {\"SELECT\"};"));
        assert_eq!(told(&[], &table).as_deref(), Some("owner: {};"));
    }

    #[test]
    fn a_right_taken_from_everybody_is_a_change() {
        let function = ["EXECUTE owner", "EXECUTE public"];
        assert_eq!(told(&["EXECUTE owner"], &function).as_deref(), Some(""));
        assert_eq!(told(&function, &function), None);
    }
}
