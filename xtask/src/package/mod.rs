//! `package npm|wheel`: makes the packages that bring the program into Node and Python projects.
//!
//! Programs go in, one for each platform, and tarballs or wheels come out. What platform a program
//! is for is read from the program itself ([`platform`]), so that no label can be wrong; the
//! version is that of this working copy, and a program that can run here must say the same.
//! Nothing is published and nothing is fetched: `npm pack` and Python's own `zipfile` do the packing.
//!
//! A killed run leaves `unfinished` in the output directory, which the next run clears.
//!
//! Exit codes: 1 a program cannot be read or packed, 2 npm or Python is missing or a word is wrong,
//! 6 a program is none, is for no known platform, or has another version.

mod elf;
mod npm;
mod other;
mod platform;
mod wheel;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use platform::Platform;

use crate::Failure;
use crate::files::{cannot, clear};

/// The version of everything here: that of the workspace, in `Cargo.toml`.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// For the description of each package.
const SUMMARY: &str =
    "Runs SQL migrations on Postgres and SQLite without losing rows or blocking the application.";
const LICENSES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// `package npm|wheel --binary PATH [--binary PATH ..] --out DIR`. On stdout the files made.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let wanted = parse(words)?;
    let programs = wanted.binaries.iter().map(|path| Program::read(path)).collect::<Result<Vec<_>, _>>()?;
    fs::create_dir_all(&wanted.out).map_err(cannot("make", &wanted.out))?;
    let stage = wanted.out.join("unfinished");
    clear(&stage)?;
    let made = match wanted.kind {
        Kind::Npm => npm::make(&programs, &stage, &wanted.out)?,
        Kind::Wheel => wheel::make(&programs, &stage, &wanted.out)?,
    };
    clear(&stage)?;
    for file in made {
        println!("{}", wanted.out.join(file).display());
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Npm,
    Wheel,
}

/// What the command's words ask for.
struct Wanted {
    kind: Kind,
    binaries: Vec<PathBuf>,
    out: PathBuf,
}

fn parse(words: &[String]) -> Result<Wanted, Failure> {
    let wrong =
        || Failure::usage("usage: cargo xtask package npm|wheel --binary PATH [--binary PATH ..] --out DIR");
    let (kind, rest) = words.split_first().ok_or_else(wrong)?;
    let kind = match kind.as_str() {
        "npm" => Kind::Npm,
        "wheel" => Kind::Wheel,
        _ => return Err(wrong()),
    };
    let (mut binaries, mut out) = (Vec::new(), None);
    for pair in rest.chunks(2) {
        let [name, value] = pair else { return Err(wrong()) };
        match name.as_str() {
            "--binary" => binaries.push(PathBuf::from(value)),
            "--out" => out = Some(std::path::absolute(value).map_err(cannot("find", Path::new(value)))?),
            _ => return Err(wrong()),
        }
    }
    match out {
        Some(out) if !binaries.is_empty() => Ok(Wanted { kind, binaries, out }),
        _ => Err(wrong()),
    }
}

/// A built `cofferdam` and what it runs on.
struct Program {
    path: PathBuf,
    platform: Platform,
}

impl Program {
    fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = fs::read(path).map_err(cannot("read", path))?;
        let platform = Platform::of(&bytes)
            .map_err(|reason| Failure::damaged(format!("cannot package {}: {reason}", path.display())))?;
        let program = Self { path: path.to_owned(), platform };
        program.prove_version()?;
        Ok(program)
    }

    /// A program that runs on this machine must be of the version that the package will claim. One
    /// for elsewhere cannot be asked.
    fn prove_version(&self) -> Result<(), Failure> {
        if !self.platform.is_of_this_machine() {
            return Ok(());
        }
        let path = self.path.canonicalize().map_err(cannot("find", &self.path))?;
        let mut command = Command::new(&path);
        let output = command.arg("--version").stdin(Stdio::null()).output().map_err(cannot("run", &path))?;
        let said = String::from_utf8_lossy(&output.stdout);
        if said.trim() == format!("cofferdam {VERSION}") {
            return Ok(());
        }
        Err(Failure::damaged(format!(
            "cannot package {}: it says '{}', and this working copy is cofferdam {VERSION}: build it again",
            self.path.display(),
            said.trim()
        )))
    }

    /// Puts the program at `place`, for everybody to run.
    fn put(&self, place: &Path) -> Result<(), Failure> {
        make_parent(place)?;
        fs::copy(&self.path, place).map_err(cannot("write", place))?;
        fs::set_permissions(place, fs::Permissions::from_mode(0o755)).map_err(cannot("change", place))
    }
}

/// The directory of this repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the working copy")
}

/// Puts a file of this repository at `place`, readable by everybody.
fn put_file(from: &str, place: &Path) -> Result<(), Failure> {
    let from = root().join(from);
    make_parent(place)?;
    // Its text alone: whoever checks out with another umask gets the same package.
    let text = fs::read(&from).map_err(cannot("read", &from))?;
    put_text(text, place)
}

fn put_text(text: impl AsRef<[u8]>, place: &Path) -> Result<(), Failure> {
    make_parent(place)?;
    fs::write(place, text).map_err(cannot("write", place))?;
    fs::set_permissions(place, fs::Permissions::from_mode(0o644)).map_err(cannot("change", place))
}

fn make_parent(place: &Path) -> Result<(), Failure> {
    let directory = place.parent().expect("every staged file lies in a directory");
    fs::create_dir_all(directory).map_err(cannot("make", directory))
}

/// Runs a packer and returns what it printed.
fn pack(mut command: Command, name: &str) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Failure::usage(format!("cannot package: {name} is not installed")),
        _ => Failure::here(format!("cannot run {name}: {e}")),
    })?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::here(format!("cannot package: {name} failed\n{}", complaint.trim())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
