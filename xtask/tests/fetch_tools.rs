//! `fetch-tools` with programs of our own in place of npm, Python and cargo: no network.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use cofferdam_testkit::Cofferdam;

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    /// A place whose PATH begins with these scripts, and holds the shell's programs.
    fn new(programs: &[(&str, &str)]) -> Self {
        let place = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        fs::create_dir(place.programs()).expect("a directory");
        for (name, script) in programs {
            place.program(&place.programs().join(name), script);
        }
        place
    }

    fn program(&self, path: &Path, script: &str) {
        fs::write(path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
    }

    fn programs(&self) -> PathBuf {
        self.directory.path().join("programs")
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    fn fetch(&self, line: &str) -> Cofferdam {
        let path = format!("{}:/bin:/usr/bin", self.programs().display());
        self.fetch_with(line).env("PATH", path)
    }

    /// Nothing but the scripts is found.
    fn fetch_with(&self, line: &str) -> Cofferdam {
        Cofferdam::new(env!("CARGO_BIN_EXE_xtask"))
            .args([Path::new("fetch-tools"), Path::new("--into"), &self.cache()])
            .args(line.split_whitespace())
            .current_dir(self.directory.path())
            .env("PATH", self.programs())
            .env("CARGO", "cargo")
    }
}

/// An `npm ci` that installs knex as a script that answers.
const NPM: &str = "mkdir -p node_modules/.bin
printf '#!/bin/sh\\necho 3\\n' > node_modules/.bin/knex
chmod +x node_modules/.bin/knex";

#[test]
fn a_tool_is_there_as_a_whole_and_is_not_fetched_again() {
    let place = Place::new(&[("npm", NPM)]);
    place.fetch("knex").stdout("").stderr("fetching knex\n").run();
    let tool = place.cache().join("knex");
    assert!(tool.join("bin/knex").is_file() && tool.join("package").is_file());
    assert!(!place.cache().join("unfinished").exists());
    let none = Place::new(&[]);
    none.fetch_with("knex").status(2).stderr_contains("npm is not installed").run();
    place.program(&place.programs().join("npm"), "exit 1");
    place.fetch("knex").stdout("").stderr("").run();
}

#[test]
fn a_tool_of_another_recipe_is_replaced() {
    let place = Place::new(&[("npm", NPM)]);
    place.fetch("knex").run();
    let package = place.cache().join("knex/package");
    fs::write(&package, "knex by recipe 00").expect("a file");
    place.fetch("knex").stderr("fetching knex\n").run();
    assert_ne!(fs::read_to_string(package).expect("a file"), "knex by recipe 00");
}

#[test]
fn install_scripts_do_not_run_and_the_lock_file_rules() {
    let place = Place::new(&[("npm", &format!("echo \"$@\" > ../../words\n{NPM}"))]);
    place.fetch("knex").run();
    let words = fs::read_to_string(place.cache().join("words")).expect("npm was called");
    assert!(words.starts_with("ci --ignore-scripts "), "{words}");
    let pip = Place::new(&[("python3", "echo \"$@\" > ../../words; exit 1")]);
    pip.fetch("alembic").status(5).run();
    let words = fs::read_to_string(pip.cache().join("words")).expect("pip was called");
    assert!(words.contains(" --require-hashes ") && words.contains(" --only-binary :all: "), "{words}");
    let cargo = Place::new(&[("cargo", "echo \"$@\" > ../words; exit 1")]);
    cargo.fetch("sqlx").status(5).run();
    let words = fs::read_to_string(cargo.cache().join("words")).expect("cargo was called");
    assert!(words.starts_with("install --locked ") && words.contains(" sqlx-cli@0.9.0 "), "{words}");
}

#[test]
fn a_tool_that_does_not_run_is_not_kept() {
    let place = Place::new(&[("npm", &NPM.replace("echo 3", "exit 7"))]);
    place.fetch("knex").status(5).stderr_contains("cannot fetch knex: knex failed").run();
    assert!(!place.cache().join("knex").exists());
}

#[test]
fn one_that_cannot_be_had_does_not_keep_the_others_away() {
    let python = "echo no network >&2; exit 1";
    let place = Place::new(&[("npm", NPM), ("python3", python)]);
    let output = place.fetch("alembic knex").status(5).stderr_contains("no network").run();
    assert_eq!(output.stdout, "alembic: cannot be had here\n");
    assert!(place.cache().join("knex/bin/knex").is_file());
}

#[test]
fn a_package_that_is_not_the_pinned_one_is_told_apart() {
    let place = Place::new(&[
        ("npm", "echo 'npm error code EINTEGRITY' >&2; exit 1"),
        ("python3", "echo 'THESE PACKAGES DO NOT MATCH THE HASHES' >&2; exit 1"),
    ]);
    place.fetch("knex").status(6).run();
    place.fetch("django").status(6).run();
    assert!(!place.cache().join("knex").exists() && !place.cache().join("django").exists());
}

#[test]
fn a_quick_run_builds_nothing_and_says_what_is_missing() {
    let place = Place::new(&[("cargo", "touch ../called; exit 1")]);
    place.fetch("--quick sqlx").stdout_contains("sqlx: not built yet").stderr("").run();
    assert!(!place.cache().join("called").exists());
}

#[test]
fn an_unknown_tool_is_a_mistake_of_the_caller() {
    Place::new(&[]).fetch("sqlxx").status(2).stderr_contains("'sqlxx' is none of the tools").run();
}
