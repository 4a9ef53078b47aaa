//! The audit chain: each entry carries the hash of the one before.
//!
//! A changed entry breaks its own hash, a removed one the next entry's, and a cut tail
//! shows because every migration row names the entry that was written with it.

use cofferdam_analysis::Result;

use super::{Applied, damaged};

/// The `prev` of the first entry.
pub const ROOT: [u8; 32] = [0; 32];

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From 1, without gaps.
    pub seq: i64,
    /// UTC text, exactly as hashed.
    pub at: String,
    /// Who: `user@host` as the shell says; on Postgres `user@host as ROLE`, the role that
    /// logged in.
    pub actor: String,
    /// What: `migrate`, `adopt`, `rollback` ...
    pub action: String,
    /// The exact JSON text.
    pub detail: String,
    /// The hash of the entry before.
    pub prev: Vec<u8>,
    /// Over all of the above.
    pub hash: Vec<u8>,
}

/// The hash of an entry: BLAKE3 over its fields, each behind its length in bytes as a
/// little-endian u64.
pub fn hash(seq: i64, at: &str, actor: &str, action: &str, detail: &str, prev: &[u8]) -> [u8; 32] {
    let seq = seq.to_string();
    let mut hasher = blake3::Hasher::new();
    for field in [seq.as_bytes(), at.as_bytes(), actor.as_bytes(), action.as_bytes(), detail.as_bytes(), prev]
    {
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    *hasher.finalize().as_bytes()
}

/// Where a chain breaks first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The entry (or the first that should be there).
    pub seq: i64,
    /// What is wrong with it, as a lower-case fragment.
    pub reason: String,
}

/// Checks the chain, and that the migrations tell the same story as the entries do.
pub fn verify(entries: &[Entry], migrations: &[Applied]) -> Option<Break> {
    let mut prev: Vec<u8> = ROOT.to_vec();
    for (entry, expected) in entries.iter().zip(1..) {
        let broken = |reason: &str| Some(Break { seq: expected, reason: reason.to_owned() });
        if entry.seq != expected {
            return broken("an entry is missing");
        }
        if entry.prev != prev {
            return broken("it does not follow the entry before it");
        }
        let hash = hash(entry.seq, &entry.at, &entry.actor, &entry.action, &entry.detail, &entry.prev);
        if entry.hash != hash {
            return broken("its content was changed");
        }
        prev = entry.hash.clone();
    }
    migrations_agree(entries, migrations)
}

/// Replays the entries that add and remove migrations and compares the result.
fn migrations_agree(entries: &[Entry], migrations: &[Applied]) -> Option<Break> {
    let mut told: Vec<(i64, Recorded)> = Vec::new();
    for entry in entries {
        let Ok(detail) = serde_json::from_str::<serde_json::Value>(&entry.detail) else {
            return Some(Break { seq: entry.seq, reason: "its detail is not JSON".to_owned() });
        };
        let list = |name: &str| detail.get(name).and_then(|v| v.as_array()).cloned().unwrap_or_default();
        told.extend(list("recorded").iter().map(|r| (entry.seq, Recorded::of(r))));
        let removed: Vec<Recorded> = list("removed").iter().map(Recorded::of).collect();
        told.retain(|(_, t)| !removed.iter().any(|r| r.source == t.source && r.version == t.version));
    }
    for (seq, recorded) in &told {
        let row = migrations.iter().find(|m| m.source == recorded.source && m.version == recorded.version);
        let reason = match row {
            None => format!("migration {} was recorded here and its row is gone", recorded.version),
            Some(row) if row.audit_seq != *seq => {
                format!("migration {} names entry {}", row.version, row.audit_seq)
            }
            Some(row) if row.checksum.map(|c| c.to_string()) != recorded.checksum => {
                format!("the checksum of migration {} was changed", row.version)
            }
            Some(_) => continue,
        };
        return Some(Break { seq: *seq, reason });
    }
    let untold =
        migrations.iter().find(|m| !told.iter().any(|(_, t)| t.source == m.source && t.version == m.version));
    untold.map(|m| Break { seq: m.audit_seq, reason: format!("migration {} has no entry", m.version) })
}

/// What an entry says of one migration that it recorded or removed.
#[derive(Debug, PartialEq, Eq)]
struct Recorded {
    source: String,
    version: String,
    checksum: Option<String>,
}

impl Recorded {
    fn of(value: &serde_json::Value) -> Recorded {
        let text = |name: &str| value.get(name).and_then(|v| v.as_str()).map(str::to_owned);
        Recorded {
            source: text("source").unwrap_or_default(),
            version: text("version").unwrap_or_default(),
            checksum: text("checksum"),
        }
    }
}

/// The entry that follows `tip`.
pub(crate) fn next(
    tip: Option<(i64, Vec<u8>)>,
    at: &str,
    actor: &str,
    action: &str,
    detail: &str,
) -> Result<Entry> {
    let (seq, prev) = match tip {
        Some((seq, hash)) => (seq + 1, hash),
        None => (1, ROOT.to_vec()),
    };
    if prev.len() != ROOT.len() {
        return Err(damaged(format!("audit entry {} with a hash of {} bytes", seq - 1, prev.len())));
    }
    let hash = hash(seq, at, actor, action, detail, &prev).to_vec();
    Ok(Entry {
        seq,
        at: at.to_owned(),
        actor: actor.to_owned(),
        action: action.to_owned(),
        detail: detail.to_owned(),
        prev,
        hash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Checksum;
    use crate::ledger::Kind;

    fn chain(details: &[&str]) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for detail in details {
            let tip = entries.last().map(|e| (e.seq, e.hash.clone()));
            entries
                .push(next(tip, "2026-11-20T09:00:00.000000Z", "me", "migrate", detail).expect("a good tip"));
        }
        entries
    }

    fn row(version: &str, audit_seq: i64) -> Applied {
        Applied {
            seq: audit_seq,
            source: "native".into(),
            version: version.into(),
            name: "x".into(),
            kind: Kind::Applied,
            checksum: Some(Checksum::of_text(version)),
            foreign_checksum: None,
            applied_at: String::new(),
            duration_ms: None,
            run_id: None,
            audit_seq,
        }
    }

    fn recorded(version: &str) -> String {
        let checksum = Checksum::of_text(version).to_string();
        serde_json::json!({"recorded": [{"source": "native", "version": version, "checksum": checksum}]})
            .to_string()
    }

    fn story() -> (Vec<Entry>, Vec<Applied>) {
        (chain(&["{}", &recorded("1"), &recorded("2")]), vec![row("1", 2), row("2", 3)])
    }

    #[test]
    fn an_untouched_chain_verifies() {
        let (entries, rows) = story();
        assert_eq!(verify(&entries, &rows), None);
    }

    #[test]
    fn every_kind_of_tampering_is_found_at_its_entry() {
        type Tamper = fn(&mut Vec<Entry>, &mut Vec<Applied>);
        let cases: [(&str, i64, Tamper); 7] = [
            ("changed detail", 2, |e, _| e[1].detail = "{}".into()),
            ("changed actor", 1, |e, _| e[0].actor = "you".into()),
            ("removed middle", 2, |e, _| drop(e.remove(1))),
            ("cut tail", 3, |e, _| drop(e.pop())),
            ("changed checksum", 2, |_, m| m[0].checksum = Some(Checksum::of_text("other"))),
            ("removed row", 3, |_, m| drop(m.pop())),
            ("row pointed elsewhere", 2, |_, m| m[0].audit_seq = 1),
        ];
        for (name, seq, tamper) in cases {
            let (mut entries, mut rows) = story();
            tamper(&mut entries, &mut rows);
            assert_eq!(verify(&entries, &rows).map(|b| b.seq), Some(seq), "{name}");
        }
    }

    #[test]
    fn a_removed_migration_may_be_recorded_again() {
        let removed = serde_json::json!({"removed": [{"source": "native", "version": "1"}]}).to_string();
        let entries = chain(&[&recorded("1"), &removed, &recorded("1")]);
        assert_eq!(verify(&entries, &[row("1", 3)]), None);
    }
}
