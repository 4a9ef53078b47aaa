//! Finding Postgres server binaries, and their majors.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cofferdam_analysis::{Error, Result};

#[cfg(unix)]
use super::account::Account;
#[cfg(not(unix))]
use super::elsewhere;

/// Where packages of the common systems put server binaries. `*` stands for one directory name.
const WELL_KNOWN: [&str; 6] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql/bin",
];

/// A directory with `postgres` and `initdb` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    directory: PathBuf,
    major: u32,
    version: String,
}

impl Binaries {
    /// All server binaries of this machine, newest major first, one per directory.
    ///
    /// Looks into `directories` (in this order), into those of `path` (the
    /// caller's `PATH`) and into the places where packages put them. Among equal
    /// majors the order of the places stays. A directory without a working
    /// server is passed over.
    pub fn find(directories: &[PathBuf], path: Option<&str>) -> Vec<Self> {
        let on_path = path.into_iter().flat_map(std::env::split_paths);
        let known = WELL_KNOWN.iter().flat_map(|pattern| expand(pattern));
        let mut seen = Vec::new();
        let mut found = Vec::new();
        for directory in directories.iter().cloned().chain(on_path).chain(known) {
            // Programs on the PATH are often links into the real installation, where the others are.
            let Ok(program) = directory.join("postgres").canonicalize() else { continue };
            let Some(directory) = program.parent().map(Path::to_owned) else { continue };
            if seen.contains(&directory) {
                continue;
            }
            if let Ok(binaries) = Self::at(&directory) {
                found.push(binaries);
            }
            seen.push(directory);
        }
        found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
        found
    }

    /// The server binaries in `directory`.
    ///
    /// # Errors
    /// Invalid when `postgres` or `initdb` is missing there or does not run.
    pub fn at(directory: &Path) -> Result<Self> {
        let initdb = directory.join("initdb");
        if !initdb.is_file() {
            return Err(Error::invalid(format!("no Postgres server in {}", directory.display())));
        }
        let postgres = directory.join("postgres");
        let output = Command::new(&postgres)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(|e| Error::invalid(format!("run {}: {e}", postgres.display())).source(e))?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let Some(major) = major(&version).filter(|_| output.status.success()) else {
            let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(
                Error::invalid(format!("{} does not tell its version", postgres.display())).detail(complaint)
            );
        };
        Ok(Self { directory: directory.to_owned(), major, version })
    }

    /// The directory that holds the programs.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The major version: 15, 16 ...
    pub fn major(&self) -> u32 {
        self.major
    }

    /// What `postgres --version` prints.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether a cluster of the caller could run these: true for an ordinary
    /// user, and for root when an ordinary user of the machine can execute them.
    ///
    /// # Errors
    /// Invalid with what stands in the way.
    pub fn usable(&self) -> Result<()> {
        let program = self.directory.join("postgres");
        #[cfg(unix)]
        return Account::able_to_run(&program).map(drop);
        #[cfg(not(unix))]
        return elsewhere::able_to_run(&program);
    }

    /// The program `name` of the same installation, when it is there.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        Some(self.directory.join(name)).filter(|program| program.is_file())
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian ..)` and `postgres (PostgreSQL) 19beta1` give 15 and 19.
fn major(version: &str) -> Option<u32> {
    let number = version.strip_prefix("postgres (PostgreSQL) ")?;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

/// The directories that a pattern with at most one `*` names, in order.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return vec![PathBuf::from(pattern)] };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let Ok(entries) = fs::read_dir(if parent.is_empty() { "/" } else { parent }) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(prefix))
        .map(|name| PathBuf::from(format!("{parent}/{name}{after}")))
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_is_read_from_releases_and_pre_releases() {
        let cases = [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some(15)),
            ("postgres (PostgreSQL) 18.4", Some(18)),
            ("postgres (PostgreSQL) 19beta1", Some(19)),
            ("postgres (PostgreSQL) devel", None),
            ("psql (PostgreSQL) 15.18", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(major(text), expected, "{text}");
        }
    }

    #[test]
    fn a_pattern_names_the_directories_that_exist() {
        let root = tempfile::tempdir().expect("a temporary directory");
        for name in ["pg-16", "pg-15", "other"] {
            fs::create_dir(root.path().join(name)).expect("a directory");
        }
        let found = expand(&format!("{}/pg-*/bin", root.path().display()));
        assert_eq!(found, [root.path().join("pg-15/bin"), root.path().join("pg-16/bin")]);
        assert_eq!(expand("/no/such/place-*/bin"), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_directory_without_a_server_is_refused_by_name() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let error = Binaries::at(root.path()).expect_err("nothing is there");
        assert_eq!(error.message(), format!("no Postgres server in {}", root.path().display()));
    }
}
