//! What a program runs on, and what npm and Python call that.

use super::elf::Elf;
use super::other;

/// What every Linux that calls itself compatible has (PEP 513 and its successors list them for
/// wheels). A program that needs more would install and then not start.
const LIBRARIES: [&str; 8] = [
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "librt.so.1",
    "libpthread.so.0",
    "libgcc_s.so.1",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
];
/// No installer in use asks for less, and what was built against less runs on this too.
const OLDEST_GLIBC: (u32, u32) = (2, 17);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    X64,
    Arm64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    /// With this version of the GNU C library or a newer one.
    Glibc(u32, u32),
    /// With musl as a shared library.
    Musl,
    /// Any Linux: nothing is linked at run time.
    StaticLinux,
    /// This version of macOS or a newer one.
    Macos(u32, u32),
    Windows,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Platform {
    pub(super) system: System,
    pub(super) machine: Machine,
}

impl Platform {
    /// Reads it from a program; else why it cannot be packaged.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, String> {
        if let Some(elf) = Elf::read(bytes) {
            return Self::of_elf(&elf);
        }
        if let Some((machine, (major, minor))) = other::macho(bytes) {
            return Ok(Self { system: System::Macos(major, minor), machine });
        }
        if let Some(machine) = other::pe(bytes) {
            return Ok(Self { system: System::Windows, machine });
        }
        Err("it is no program of Linux, macOS or Windows for one 64-bit machine".to_owned())
    }

    fn of_elf(elf: &Elf) -> Result<Self, String> {
        let machine = match elf.machine {
            62 => Machine::X64,
            183 => Machine::Arm64,
            other => return Err(format!("no package is made for ELF machine {other}")),
        };
        let Some(loader) = &elf.interpreter else { return Ok(Self { system: System::StaticLinux, machine }) };
        if loader.contains("/ld-musl-") {
            return Ok(Self { system: System::Musl, machine });
        }
        if let Some(library) = elf.libraries.iter().find(|name| !LIBRARIES.contains(&name.as_str())) {
            return Err(format!("it needs {library}, which not every Linux has: link it statically"));
        }
        let versions = elf.versions.iter().filter_map(|name| glibc(name));
        let (major, minor) = versions.chain([OLDEST_GLIBC]).max().expect("one is always there");
        Ok(Self { system: System::Glibc(major, minor), machine })
    }

    /// Whether the program can be started where this runs.
    pub(super) fn is_of_this_machine(self) -> bool {
        let machine = match self.machine {
            Machine::X64 => cfg!(target_arch = "x86_64"),
            Machine::Arm64 => cfg!(target_arch = "aarch64"),
        };
        machine
            && match self.system {
                System::Glibc(..) => cfg!(target_env = "gnu"),
                System::Musl => cfg!(target_env = "musl"),
                System::StaticLinux => cfg!(target_os = "linux"),
                System::Macos(..) => cfg!(target_os = "macos"),
                System::Windows => cfg!(windows),
            }
    }

    /// The file name of the program.
    pub(super) fn program(self) -> &'static str {
        if self.system == System::Windows { "cofferdam.exe" } else { "cofferdam" }
    }

    /// As Node's `process.platform` and `process.arch` have it: `linux-x64`, `linux-x64-musl`.
    pub(super) fn npm_name(self) -> String {
        let suffix = if matches!(self.system, System::Musl | System::StaticLinux) { "-musl" } else { "" };
        format!("{}-{}{suffix}", self.npm_os(), self.npm_cpu())
    }

    pub(super) fn npm_os(self) -> &'static str {
        match self.system {
            System::Glibc(..) | System::Musl | System::StaticLinux => "linux",
            System::Macos(..) => "darwin",
            System::Windows => "win32",
        }
    }

    pub(super) fn npm_cpu(self) -> &'static str {
        match self.machine {
            Machine::X64 => "x64",
            Machine::Arm64 => "arm64",
        }
    }

    /// The platform tags of a wheel (PEP 425, 600 and 656), the narrowest promise first.
    pub(super) fn wheel_tags(self) -> Vec<String> {
        let linux = match self.machine {
            Machine::X64 => "x86_64",
            Machine::Arm64 => "aarch64",
        };
        let (oldest_major, oldest_minor) = OLDEST_GLIBC;
        match self.system {
            System::Glibc(major, minor) => vec![format!("manylinux_{major}_{minor}_{linux}")],
            System::Musl => vec![format!("musllinux_1_2_{linux}")],
            System::StaticLinux => vec![
                format!("manylinux_{oldest_major}_{oldest_minor}_{linux}"),
                format!("musllinux_1_1_{linux}"),
            ],
            System::Macos(major, minor) => {
                let machine = if self.machine == Machine::X64 { "x86_64" } else { "arm64" };
                // From 11 on installers know only the major version.
                let minor = if major >= 11 { 0 } else { minor };
                vec![format!("macosx_{major}_{minor}_{machine}")]
            }
            System::Windows => {
                vec![if self.machine == Machine::X64 { "win_amd64" } else { "win_arm64" }.to_owned()]
            }
        }
    }
}

/// `GLIBC_2.34` as (2, 34), `GLIBC_2.2.5` as (2, 2); nothing for other libraries' versions.
fn glibc(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.strip_prefix("GLIBC_")?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(machine: u16, loader: Option<&str>, libraries: &[&str], versions: &[&str]) -> Elf {
        Elf {
            machine,
            interpreter: loader.map(str::to_owned),
            libraries: libraries.iter().map(|name| (*name).to_owned()).collect(),
            versions: versions.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    const GNU: Option<&str> = Some("/lib64/ld-linux-x86-64.so.2");

    #[test]
    fn linux_programs_are_named_by_what_they_link() {
        for (elf, npm, tags) in [
            // As numbers: as text 2.9 would be more than 2.34.
            (
                elf(62, GNU, &["libc.so.6"], &["GLIBC_2.9", "GLIBC_2.34", "GCC_3.0"]),
                "linux-x64",
                "manylinux_2_34_x86_64",
            ),
            (elf(62, GNU, &["libc.so.6"], &["GLIBC_2.2.5"]), "linux-x64", "manylinux_2_17_x86_64"),
            (
                elf(183, Some("/lib/ld-linux-aarch64.so.1"), &["libc.so.6"], &["GLIBC_2.28"]),
                "linux-arm64",
                "manylinux_2_28_aarch64",
            ),
            (
                elf(183, Some("/lib/ld-musl-aarch64.so.1"), &["libc.musl-aarch64.so.1"], &[]),
                "linux-arm64-musl",
                "musllinux_1_2_aarch64",
            ),
            (elf(62, None, &[], &[]), "linux-x64-musl", "manylinux_2_17_x86_64.musllinux_1_1_x86_64"),
        ] {
            let platform = Platform::of_elf(&elf).expect("a platform");
            assert_eq!((platform.npm_name().as_str(), platform.wheel_tags().join(".").as_str()), (npm, tags));
        }
    }

    #[test]
    fn a_program_that_would_not_start_elsewhere_is_refused() {
        let reason = Platform::of_elf(&elf(62, GNU, &["libc.so.6", "libpq.so.5"], &[])).expect_err("libpq");
        assert!(reason.contains("libpq.so.5"), "{reason}");
        let reason = Platform::of_elf(&elf(243, GNU, &[], &[])).expect_err("RISC-V");
        assert!(reason.contains("243"), "{reason}");
        let reason = Platform::of(b"#!/usr/bin/env node\n").expect_err("a script");
        assert!(reason.contains("no program"), "{reason}");
    }

    #[test]
    fn programs_of_macos_and_windows_are_told_from_their_headers() {
        for (cpu, version, npm, tag) in [
            (0x0100_000c_u32, 0x000b_0300_u32, "darwin-arm64", "macosx_11_0_arm64"),
            (0x0100_0007, 0x000a_0c00, "darwin-x64", "macosx_10_12_x86_64"),
        ] {
            let words = [0xfeed_facf, cpu, 0, 2, 2, 0, 0, 0, 0x19, 8, 0x32, 24, 1, version, 0, 0];
            let bytes: Vec<u8> = words.iter().flat_map(|word: &u32| word.to_le_bytes()).collect();
            let platform = Platform::of(&bytes).expect("a platform");
            assert_eq!((platform.npm_name().as_str(), platform.wheel_tags().join(".").as_str()), (npm, tag));
        }
        let mut bytes = vec![0; 0x40];
        bytes[..2].copy_from_slice(b"MZ");
        bytes[0x3c] = 0x40;
        bytes.extend(b"PE\0\0\x64\x86");
        let platform = Platform::of(&bytes).expect("a platform");
        assert_eq!(platform.npm_name(), "win32-x64");
        assert_eq!(platform.wheel_tags(), ["win_amd64"]);
        assert_eq!(platform.program(), "cofferdam.exe");
    }
}
