//! A project of somebody who installs a package.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cofferdam_testkit::Cofferdam;

use crate::packed;

/// A statement that runs for a while, and one after it.
pub(crate) const LONG: &str = "create table counted as\n\
    with recursive c(n) as (select 1 union all select n + 1 from c where n < 20000000)\n\
    select max(n) as n from c;\n";

/// A folder that goes with the value.
pub(crate) struct Project {
    root: tempfile::TempDir,
}

impl Project {
    /// One with a SQLite database named and a migration to apply.
    pub(crate) fn new() -> Self {
        let project = Self { root: tempfile::tempdir().expect("a directory") };
        project.write("cofferdam.toml", "database_url = \"sqlite:notes.db\"\n");
        project
            .write("migrations/0001_notes.sql", "create table notes (id integer primary key, body text);\n");
        project
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// A run of anything here; `line` is cut at spaces. Nothing of the developer's own npm and
    /// pip is seen, and nothing is fetched.
    pub(crate) fn run(&self, program: impl Into<PathBuf>, line: &str) -> Cofferdam {
        Cofferdam::new(program)
            .args(line.split_whitespace())
            .current_dir(self.root.path())
            .env("npm_config_offline", "true")
            .env("npm_config_update_notifier", "false")
            .env("npm_config_audit", "false")
            .env("npm_config_fund", "false")
            .env("PIP_NO_INDEX", "1")
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .timeout(Duration::from_secs(120))
    }

    /// `npm install` of all packages that `wanted` accepts, by their file names.
    pub(crate) fn npm_install(&self, wanted: impl Fn(&str) -> bool) {
        let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
        let tarballs: Vec<_> =
            packed::packages("npm").into_iter().filter(|path| wanted(&name(path))).collect();
        self.run("npm", "install").args(tarballs).run();
    }

    /// With both packages installed, and `db:migrate` among the scripts.
    pub(crate) fn with_npm() -> Self {
        let project = Self::new();
        project.write(
            "package.json",
            r#"{ "name": "notes", "private": true, "scripts": { "db:migrate": "cofferdam migrate" } }"#,
        );
        project.npm_install(|_| true);
        project
    }

    /// With a migration that `check` finds fault with and `migrate` refuses.
    pub(crate) fn with_a_loss_pending(&self) {
        self.run(packed::program(), "migrate").run();
        self.write("migrations/0002_gone.sql", "drop table notes;\n");
    }

    /// Where the launcher stands in an installed project.
    pub(crate) fn launcher(&self) -> String {
        self.path("node_modules/.bin/cofferdam").display().to_string()
    }
}

/// All kinds of Node there are here: the installed one, and one that can replace itself.
pub(crate) fn nodes() -> Vec<PathBuf> {
    let fetched = cofferdam_testkit::checkout::cache().join("tools/node-24/bin/node-24");
    let mut nodes = Vec::new();
    if packed::installed("node") {
        nodes.push(PathBuf::from("node"));
    }
    if fetched.is_file() {
        nodes.push(fetched);
    } else {
        eprintln!("skipped: node-24 is not there; `cargo xtask fetch-tools node-24` brings it");
    }
    nodes
}

/// Whether a process of this group is left.
pub(crate) fn group_lives(leader: u32) -> bool {
    let leader = i32::try_from(leader).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
    rustix::process::test_kill_process_group(leader).is_ok()
}

/// A file of the package `name` in a tarball, by the tar that every system has.
pub(crate) fn member(tarball: &Path, file: &str) -> String {
    Cofferdam::new("tar").args([Path::new("-xOf"), tarball, Path::new(file)]).run().stdout
}
