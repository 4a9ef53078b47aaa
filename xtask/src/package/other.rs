//! Programs of macOS (Mach-O) and of Windows (PE): the few fields that tell their platform.
//! The numbers are those of Apple's `mach-o/loader.h` and Microsoft's PE format.

use super::platform::Machine;

/// A Mach-O program of one machine: the machine and the least version of macOS.
pub(super) fn macho(bytes: &[u8]) -> Option<(Machine, (u32, u32))> {
    const BUILD_VERSION: u32 = 0x32;
    const MINIMUM_MACOS: u32 = 0x24;
    if u32_at(bytes, 0)? != 0xfeed_facf {
        return None;
    }
    let machine = match u32_at(bytes, 4)? {
        0x0100_0007 => Machine::X64,
        0x0100_000c => Machine::Arm64,
        _ => return None,
    };
    let mut at = 32_usize;
    for _ in 0..u32_at(bytes, 16)? {
        let version = match u32_at(bytes, at)? {
            BUILD_VERSION => Some(u32_at(bytes, at + 12)?),
            MINIMUM_MACOS => Some(u32_at(bytes, at + 8)?),
            _ => None,
        };
        if let Some(version) = version {
            return Some((machine, (version >> 16, version >> 8 & 0xff)));
        }
        at = at.checked_add(u32_at(bytes, at + 4)? as usize)?;
    }
    None
}

/// A program of Windows.
pub(super) fn pe(bytes: &[u8]) -> Option<Machine> {
    if !bytes.starts_with(b"MZ") {
        return None;
    }
    let at = u32_at(bytes, 0x3c)? as usize;
    let header = bytes.get(at..at.checked_add(6)?)?;
    match header {
        [b'P', b'E', 0, 0, 0x64, 0x86] => Some(Machine::X64),
        [b'P', b'E', 0, 0, 0x64, 0xaa] => Some(Machine::Arm64),
        _ => None,
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let found = bytes.get(at..at.checked_add(4)?)?;
    found.try_into().ok().map(u32::from_le_bytes)
}
