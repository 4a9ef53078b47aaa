//! A terminal of a given width, and what a person sees on it.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use unicode_width::UnicodeWidthStr as _;

use crate::project::Project;

/// Commands typed one after the other, with everything that they print.
pub(crate) struct Terminal<'a> {
    project: &'a Project,
    columns: u16,
    color: bool,
    variables: Vec<(String, String)>,
    shown: String,
}

impl<'a> Terminal<'a> {
    /// One without colours, which a person chose by `NO_COLOR`.
    pub(crate) fn new(project: &'a Project, columns: u16) -> Self {
        Self { project, columns, color: false, variables: Vec::new(), shown: String::new() }
    }

    /// One with colours; the escape character is shown as `^[`.
    pub(crate) fn colored(project: &'a Project, columns: u16) -> Self {
        Self { color: true, ..Self::new(project, columns) }
    }

    /// Sets a variable for all commands.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Types a command line, cut at spaces, that has to end with `exit`.
    #[track_caller]
    pub(crate) fn run(&mut self, exit: i32, line: &str) -> &mut Self {
        let (code, text) = self.output(line);
        assert_eq!(code, Some(exit), "cofferdam {line}\n{text}");
        let text = text.replace('\u{1b}', "^[");
        self.shown += &format!("$ cofferdam {line}\n{text}[exit {exit}]\n\n");
        self
    }

    /// Everything so far.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    fn output(&self, line: &str) -> (Option<i32>, String) {
        let (mut ours, theirs) = pair(self.columns);
        let errors = theirs.try_clone().expect("a second handle");
        let mut command = Command::new(env!("CARGO_BIN_EXE_cofferdam"));
        command.args(line.split_whitespace()).env_clear().current_dir(self.project.path(""));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.project.path("")).env("LC_ALL", "C.UTF-8");
        // Variables that other programs follow must have no say.
        command.env("COLUMNS", "33").env("TERM", "dumb").env("CLICOLOR_FORCE", "1");
        if !self.color {
            command.env("NO_COLOR", "1");
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let child = command.stdin(Stdio::null()).stdout(theirs).stderr(errors).spawn();
        let mut child = child.expect("the program");
        // The command holds the terminal's other end open.
        drop(command);
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        // The last reader's end is an error on Linux, and an empty read elsewhere.
        while let Ok(n @ 1..) = ours.read(&mut chunk) {
            bytes.extend_from_slice(&chunk[..n]);
        }
        let code = child.wait().expect("an end").code();
        (code, String::from_utf8(bytes).expect("text").replace("\r\n", "\n"))
    }
}

/// The two ends of a terminal with so many columns.
fn pair(columns: u16) -> (File, File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).expect("a terminal of ours");
    unlockpt(&ours).expect("a terminal that can be opened");
    let name = ptsname(&ours, Vec::new()).expect("its name").into_string().expect("text");
    let theirs = OpenOptions::new().read(true).write(true).open(name).expect("its other end");
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&theirs, size).expect("a size");
    (File::from(ours), theirs)
}

/// Lines that go over the edge although they could have been broken: what stays whole is SQL,
/// commands to be copied, the JSON of the audit, and a word that is longer than a line.
pub(crate) fn too_long(shown: &str, columns: usize) -> Vec<&str> {
    let whole = |line: &str| {
        line.starts_with("    ")
            || line.starts_with("  cofferdam ")
            || line.starts_with("$ ")
            || line.starts_with("-- ")
            || line.trim_start().starts_with('{')
            || line.split_whitespace().any(|word| word.width() > columns / 2)
    };
    shown.lines().filter(|line| seen(line).width() > columns && !whole(line)).collect()
}

/// What of a line is no colour.
fn seen(line: &str) -> String {
    let parts = line.split("^[[").enumerate();
    parts
        .map(|(at, part)| if at == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) })
        .collect()
}
