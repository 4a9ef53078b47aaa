//! Other migration tools, run as their users run them.
//!
//! `cargo xtask fetch-tools` brings them into `.cache/tools`; one that is installed serves as
//! well. They know nothing of this machine but what [`Cofferdam`] passes on, and none of them
//! gets to its maker's servers.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::{Cofferdam, checkout};

/// A tool that is there.
#[derive(Debug)]
pub struct Tool {
    program: PathBuf,
    /// Where JavaScript configuration finds what it imports.
    modules: Option<PathBuf>,
}

impl Tool {
    /// The tool of this program name; `None`, with a word on why, where it is not there.
    pub fn find(name: &str) -> Option<Self> {
        let place = checkout::cache().join("tools").join(name);
        let found = Self::at(&place, name).or_else(|| Self::installed(name));
        if found.is_none() {
            eprintln!("skipped: {name} is not there; `cargo xtask fetch-tools {name}` brings it");
        }
        found
    }

    /// As `fetch-tools` leaves a tool.
    fn at(place: &Path, name: &str) -> Option<Self> {
        let program = place.join("bin").join(name);
        let modules = Some(place.join("node_modules")).filter(|modules| modules.is_dir());
        program.is_file().then_some(Self { program, modules })
    }

    fn installed(name: &str) -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let program = std::env::split_paths(&path).map(|place| place.join(name)).find(|at| at.is_file())?;
        Some(Self { program, modules: None })
    }

    /// A run in `directory`, with an environment of its own. Configuration there may import
    /// what the tool came with.
    ///
    /// # Panics
    /// When `directory` cannot be given its `node_modules`.
    pub fn command(&self, directory: &Path) -> Cofferdam {
        if let Some(modules) = &self.modules {
            let link = directory.join("node_modules");
            if link.symlink_metadata().is_err() {
                symlink(modules, &link).unwrap_or_else(|e| panic!("cannot make {}: {e}", link.display()));
            }
        }
        let command = Cofferdam::new(&self.program).current_dir(directory);
        QUIET.iter().fold(command, |command, (name, value)| command.env(name, value))
    }
}

/// What tools are started with: no colours, no call home, and for Prisma no search for engines
/// that its WebAssembly replaces.
pub const QUIET: [(&str, &str); 5] = [
    ("NO_COLOR", "1"),
    ("CHECKPOINT_DISABLE", "1"),
    ("PRISMA_HIDE_UPDATE_MESSAGE", "1"),
    ("PRISMA_SCHEMA_ENGINE_BINARY", "/bin/true"),
    ("PRISMA_QUERY_ENGINE_LIBRARY", "/bin/true"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> tempfile::TempDir {
        let place = tempfile::tempdir().expect("a directory");
        let programs = place.path().join("bin");
        std::fs::create_dir(&programs).expect("a directory");
        std::fs::copy("/bin/sh", programs.join(name)).expect("a program");
        place
    }

    #[test]
    fn a_tool_runs_where_it_is_told_and_sees_nothing_of_the_caller() {
        let (place, project) = (place("tool"), tempfile::tempdir().expect("a directory"));
        let tool = Tool::at(place.path(), "tool").expect("it is there");
        let script = "pwd; echo \"${CARGO_MANIFEST_DIR-withheld} $CHECKPOINT_DISABLE\"";
        let at = project.path().canonicalize().expect("a path");
        tool.command(&at).args(["-c", script]).stdout(format!("{}\nwithheld 1\n", at.display())).run();
    }

    #[test]
    fn configuration_finds_what_the_tool_came_with() {
        let (place, project) = (place("tool"), tempfile::tempdir().expect("a directory"));
        std::fs::create_dir_all(place.path().join("node_modules/pg")).expect("a directory");
        let tool = Tool::at(place.path(), "tool").expect("it is there");
        for _ in 0..2 {
            tool.command(project.path()).args(["-c", "ls node_modules"]).stdout("pg\n").run();
        }
    }

    #[test]
    fn a_tool_that_is_nowhere_is_not_found() {
        assert!(Tool::find("no-such-tool").is_none());
        assert!(Tool::at(place("tool").path(), "other").is_none());
        assert!(Tool::installed("sh").is_some());
    }
}
