//! Checksums of migration files.

use sha2::{Digest, Sha256, Sha384};

/// Ours: BLAKE3 of the text with BOM removed and `\r\n` turned into `\n`; nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum([u8; 32]);

impl Checksum {
    /// Of a text whose BOM is removed already.
    pub fn of_text(text: &str) -> Checksum {
        let mut hasher = blake3::Hasher::new();
        let mut rest = text;
        while let Some(at) = rest.find("\r\n") {
            hasher.update(&rest.as_bytes()[..at]);
            rest = &rest[at + 1..];
        }
        hasher.update(rest.as_bytes());
        Checksum(*hasher.finalize().as_bytes())
    }

    /// From the bytes the ledger keeps.
    pub fn from_bytes(bytes: &[u8]) -> Option<Checksum> {
        bytes.try_into().ok().map(Checksum)
    }

    /// The bytes the ledger keeps.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Display for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl std::fmt::Debug for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checksum({self})")
    }
}

impl serde::Serialize for Checksum {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// sqlx's: SHA-384 of the raw bytes of the file.
pub(super) fn sqlx(bytes: &[u8]) -> String {
    hex(&Sha384::digest(bytes))
}

/// Prisma's and Drizzle's: SHA-256 of the raw bytes of the file.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The same as Prisma once wrote it: no zero in front of a byte below 16.
pub(super) fn sha256_unpadded(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:x}")).collect()
}

/// The bytes with every `from` replaced.
pub(super) fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        match rest.strip_prefix(from) {
            Some(after) => {
                out.extend_from_slice(to);
                rest = after;
            }
            None => {
                out.push(*first);
                rest = &rest[1..];
            }
        }
    }
    out
}

/// The same bytes with `\n` for `\r\n`, or the other way round; `None` without line ends.
pub(super) fn other_line_ends(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.contains(&b'\n') {
        return None;
    }
    let mut other = Vec::with_capacity(bytes.len());
    let windows = bytes.windows(2).any(|pair| pair == b"\r\n");
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\r' if windows && bytes.get(at + 1) == Some(&b'\n') => {}
            b'\n' if !windows => other.extend(b"\r\n"),
            byte => other.push(*byte),
        }
    }
    Some(other)
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_do_not_change_ours_and_everything_else_does() {
        let lf = Checksum::of_text("a\nb\n");
        assert_eq!(lf, Checksum::of_text("a\r\nb\r\n"));
        assert_ne!(lf, Checksum::of_text("a\rb\n"));
        assert_ne!(lf, Checksum::of_text("a\nb"));
        assert_ne!(lf, Checksum::of_text("a\n\nb\n"));
    }

    #[test]
    fn line_ends_are_swapped_both_ways() {
        assert_eq!(other_line_ends(b"a\r\nb\n").as_deref(), Some(b"a\nb\n".as_slice()));
        assert_eq!(other_line_ends(b"a\nb").as_deref(), Some(b"a\r\nb".as_slice()));
        assert_eq!(other_line_ends(b"ab"), None);
    }

    #[test]
    fn sha_256_is_that_of_the_tools() {
        assert_eq!(sha256(b"hello"), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
        assert_eq!(
            sha256_unpadded(b"hello"),
            "2cf24dba5fb0a3e26e83b2ac5b9e29e1b161e5c1fa7425e7343362938b9824"
        );
    }

    #[test]
    fn sqlx_hashes_hello_as_the_tool_does() {
        assert_eq!(
            sqlx(b"hello"),
            "59e1748777448c69de6b800d7a33bbfb9ff1b463e44354c3553bcdb9c666fa90125a3c79f90397bdf5f6a13de828684f"
        );
    }
}
