//! What a Linux program needs of the system: its machine, loader, libraries and symbol versions.
//!
//! Read from the dynamic section as the loader reads it (System V ABI, and the GNU extension
//! for symbol versions in the Linux Standard Base), so that a stripped program tells as much.

use std::collections::BTreeSet;

const SEGMENT_LOAD: u32 = 1;
const SEGMENT_DYNAMIC: u32 = 2;
const SEGMENT_INTERPRETER: u32 = 3;
const TAG_NEEDED: u64 = 1;
const TAG_STRINGS: u64 = 5;
const TAG_VERSIONS_NEEDED: u64 = 0x6fff_fffe;
const TAG_VERSIONS_COUNT: u64 = 0x6fff_ffff;

/// The facts of one program. All texts are as the file has them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Elf {
    /// 62 is x86-64, 183 is AArch64.
    pub(super) machine: u16,
    /// The loader, `/lib64/ld-linux-x86-64.so.2`; a static program has none.
    pub(super) interpreter: Option<String>,
    /// `libc.so.6` and the like.
    pub(super) libraries: Vec<String>,
    /// `GLIBC_2.34` and the like.
    pub(super) versions: BTreeSet<String>,
}

impl Elf {
    /// Reads a 64-bit little-endian file; `None` for any other, or one that is cut short.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let file = File(bytes);
        if !bytes.starts_with(b"\x7fELF\x02\x01") {
            return None;
        }
        let segments = file.segments()?;
        let mut elf = Self {
            machine: file.u16(0x12)?,
            interpreter: None,
            libraries: Vec::new(),
            versions: BTreeSet::new(),
        };
        for segment in &segments {
            match segment.kind {
                SEGMENT_INTERPRETER => elf.interpreter = Some(file.text(segment.offset)?),
                SEGMENT_DYNAMIC => elf.read_dynamic(&file, &segments, segment)?,
                _ => {}
            }
        }
        Some(elf)
    }

    fn read_dynamic(&mut self, file: &File<'_>, segments: &[Segment], dynamic: &Segment) -> Option<()> {
        let mut entries = Vec::new();
        for at in (dynamic.offset..dynamic.offset.checked_add(dynamic.size)?).step_by(16) {
            entries.push((file.u64(at)?, file.u64(at + 8)?));
        }
        let value = |tag| entries.iter().find(|(found, _)| *found == tag).map(|(_, value)| *value);
        let place = |address: u64| segments.iter().find_map(|segment| segment.place_of(address));
        let Some(strings) = value(TAG_STRINGS) else { return Some(()) };
        let strings = place(strings)?;
        let text = |offset: usize| file.text(strings.checked_add(offset)?);
        for (_, name) in entries.iter().filter(|(tag, _)| *tag == TAG_NEEDED) {
            self.libraries.push(text(usize::try_from(*name).ok()?)?);
        }
        let (Some(needed), Some(count)) = (value(TAG_VERSIONS_NEEDED), value(TAG_VERSIONS_COUNT)) else {
            return Some(());
        };
        let mut library = place(needed)?;
        for _ in 0..count {
            let mut version = library.checked_add(file.u32(library + 8)? as usize)?;
            for _ in 0..file.u16(library + 2)? {
                self.versions.insert(text(file.u32(version + 8)? as usize)?);
                version = version.checked_add(file.u32(version + 12)? as usize)?;
            }
            library = library.checked_add(file.u32(library + 12)? as usize)?;
        }
        Some(())
    }
}

/// A part of the file and the addresses at which it will stand.
struct Segment {
    kind: u32,
    offset: usize,
    address: u64,
    size: usize,
}

impl Segment {
    /// Where in the file the byte of this address is.
    fn place_of(&self, address: u64) -> Option<usize> {
        let within = usize::try_from(address.checked_sub(self.address)?).ok()?;
        (self.kind == SEGMENT_LOAD && within < self.size).then(|| self.offset + within)
    }
}

struct File<'a>(&'a [u8]);

impl File<'_> {
    fn segments(&self) -> Option<Vec<Segment>> {
        let (start, size, count) = (self.usize(0x20)?, self.u16(0x36)?, self.u16(0x38)?);
        (0..usize::from(count))
            .map(|number| {
                let at = start.checked_add(number * usize::from(size))?;
                let (offset, size) = (self.usize(at + 8)?, self.usize(at + 32)?);
                Some(Segment { kind: self.u32(at)?, offset, address: self.u64(at + 16)?, size })
            })
            .collect()
    }

    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    fn u16(&self, at: usize) -> Option<u16> {
        self.bytes(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.bytes(at).map(u32::from_le_bytes)
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.bytes(at).map(u64::from_le_bytes)
    }

    fn usize(&self, at: usize) -> Option<usize> {
        self.u64(at).and_then(|value| usize::try_from(value).ok())
    }

    fn text(&self, at: usize) -> Option<String> {
        let rest = self.0.get(at..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        String::from_utf8(rest[..end].to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_this_machine_is_read_as_the_loader_reads_it() {
        // The test itself is one.
        let bytes = std::fs::read(std::env::current_exe().expect("a path")).expect("a file");
        let elf = Elf::read(&bytes).expect("it is read");
        assert!(elf.libraries.iter().any(|name| name.starts_with("libc.")), "{elf:?}");
        assert!(elf.interpreter.as_deref().is_some_and(|path| path.contains("/ld-")), "{elf:?}");
        assert!(elf.versions.iter().any(|name| name.starts_with("GLIBC_2.")), "{elf:?}");
    }

    #[test]
    fn a_file_that_is_cut_short_or_none_at_all_is_not_read() {
        let bytes = std::fs::read(std::env::current_exe().expect("a path")).expect("a file");
        for length in [0, 5, 60, 200] {
            assert_eq!(Elf::read(&bytes[..length]), None, "{length} bytes");
        }
        assert_eq!(Elf::read(b"#!/bin/sh\n"), None);
    }
}
