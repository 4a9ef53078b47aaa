//! Types what a page says into a shell, and looks whether it is so.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cofferdam_testkit::Cofferdam;

use super::page::{Part, Section, agrees};
use crate::project::Project;

/// Between what one block printed and the next.
const MARK: char = '\u{1e}';

/// Who sits in a project and does what a page says.
pub(super) struct Typist<'a> {
    project: &'a Project,
    variables: Vec<(String, OsString)>,
    /// Folders in which programs are looked for first.
    programs: Vec<PathBuf>,
    path: OsString,
    /// What the reader has in the place of what the page writes.
    instead: Vec<(String, String)>,
    /// Whether what is printed must be what the page shows.
    judges: bool,
}

impl<'a> Typist<'a> {
    pub(super) fn new(project: &'a Project) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_cofferdam")).parent().expect("a folder").to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self {
            project,
            variables: Vec::new(),
            programs: vec![program],
            path,
            instead: Vec::new(),
            judges: true,
        }
    }

    /// Sets a variable of the shell.
    pub(super) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Looks for programs here, before `PATH`.
    pub(super) fn programs(mut self, folder: impl Into<PathBuf>) -> Self {
        self.programs.push(folder.into());
        self
    }

    /// The `PATH` behind the folders of [`programs`](Self::programs).
    pub(super) fn path(mut self, path: OsString) -> Self {
        self.path = path;
        self
    }

    /// The reader's own name, address or path for what the page calls `written`.
    pub(super) fn instead_of(mut self, written: &str, theirs: &str) -> Self {
        self.instead.push((written.to_owned(), theirs.to_owned()));
        self
    }

    /// Only the exit codes matter: the page shows another database's output.
    pub(super) fn without_reading(mut self) -> Self {
        self.judges = false;
        self
    }

    /// Does everything of the section. Each command must end well; one that is to fail says so
    /// on the page itself, by `; echo "exit $?"`.
    #[track_caller]
    pub(super) fn follows(&self, section: &Section) {
        let script = self.script(section);
        self.project.write(".typed.sh", &script);
        let mut folders = self.programs.clone();
        folders.extend(std::env::split_paths(&self.path));
        let path = std::env::join_paths(folders).expect("no colon in a folder's name");
        let mut shell = Cofferdam::new("/bin/sh")
            .arg(".typed.sh")
            .current_dir(self.project.path(""))
            .timeout(Duration::from_secs(180))
            .env("PATH", path);
        for (name, value) in &self.variables {
            shell = shell.env(name, value);
        }
        let output = shell.any_status().run();
        let mut told = output.stdout.split(MARK);
        for part in &section.parts {
            let Part::Type { lines, shown } = part else { continue };
            let mut printed = String::new();
            for line in lines {
                printed += told.next().unwrap_or_default();
                let code = told.next().unwrap_or("none");
                assert_eq!(code, "0", "{}: `{line}` ended with {code}\n{output}", section.heading);
            }
            let Some(shown) = shown.as_ref().filter(|_| self.judges) else { continue };
            let printed =
                self.instead.iter().fold(printed, |text, (written, theirs)| text.replace(theirs, written));
            assert!(
                agrees(shown, &printed),
                "{}: the page shows\n{shown}\n\nand {lines:?} prints\n{printed}",
                section.heading
            );
        }
    }

    fn script(&self, section: &Section) -> String {
        let mut script = String::from("exec 2>&1\n");
        for part in &section.parts {
            match part {
                Part::Type { lines, .. } => {
                    for line in lines {
                        let line = self
                            .instead
                            .iter()
                            .fold(line.clone(), |text, (written, theirs)| text.replace(written, theirs));
                        // `$?` is still the command's own for what comes next.
                        _ = writeln!(
                            script,
                            "{line}\ntyped=$?; printf '{MARK}%s{MARK}' $typed; (exit $typed)"
                        );
                    }
                }
                Part::Write { path, text } => {
                    _ = write!(
                        script,
                        "typed=$?; set -- {path}; mkdir -p \"$(dirname \"$1\")\"; cat > \"$1\" <<'END OF FILE'\n\
                         {text}END OF FILE\n(exit $typed)\n"
                    );
                }
            }
        }
        script
    }
}
