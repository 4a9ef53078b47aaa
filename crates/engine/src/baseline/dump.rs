//! `pg_dump`: which one, and what it writes.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use cofferdam_analysis::catalog::QualifiedName;
use cofferdam_analysis::{Error, Result};

use crate::db::{ConnectOptions, Ident, PostgresTarget, libpq};

/// How long pg_dump waits for a table that somebody changes: it reads definitions only, but
/// whoever wants a strong lock waits for it, and everybody else for them.
const LOCK_WAIT: &str = "--lock-wait-timeout=5s";

/// A `pg_dump` that runs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    path: PathBuf,
    major: u32,
}

/// What is asked of it.
pub(super) struct Wanted<'a> {
    pub(super) target: &'a PostgresTarget,
    pub(super) connect: &'a ConnectOptions,
    /// Tables and sequences to leave out.
    pub(super) without: Vec<&'a QualifiedName>,
    pub(super) no_privileges: bool,
}

impl Program {
    /// The one in `directories` that fits a server of this major: it refuses newer servers
    /// than itself, and the nearer it is, the fewer settings it uses that the server lacks.
    /// Among equals the first counts. It blocks.
    pub(super) fn find(directories: &[PathBuf], server: u32) -> Result<Self> {
        let mut found: Vec<Program> = Vec::new();
        let mut seen = Vec::new();
        for path in directories.iter().map(|directory| directory.join("pg_dump")) {
            let Ok(real) = path.canonicalize() else { continue };
            if seen.contains(&real) {
                continue;
            }
            seen.push(real);
            found.extend(major_of(&path).map(|major| Program { path, major }));
        }
        let fit = found.iter().filter(|program| program.major >= server).min_by_key(|program| program.major);
        if let Some(program) = fit {
            return Ok(program.clone());
        }
        let error = Error::invalid(format!("no pg_dump of Postgres {server} or newer was found"))
            .hint(format!("install the client package of Postgres {server} (postgresql-client-{server}), or put its directory into PATH"));
        let old = |error: Error, program: &Program| {
            error.detail(format!("{} is of Postgres {}", program.path.display(), program.major))
        };
        Err(found.iter().fold(error, old))
    }

    /// The schema as it writes it.
    pub(super) async fn schema(&self, wanted: &Wanted<'_>) -> Result<String> {
        let mut command = Command::new(&self.path);
        command
            // Nobody is there to answer: it would ask at the terminal, whatever stdin is.
            .arg("--no-password")
            .args(["--schema-only", "--no-tablespaces", "--no-security-labels", "--no-subscriptions"])
            .args([
                "--encoding=UTF8",
                "--exclude-schema=cofferdam",
                "--exclude-schema=cofferdam_guard",
                LOCK_WAIT,
            ])
            .args(wanted.no_privileges.then_some("--no-privileges"))
            .args(wanted.without.iter().map(|name| format!("--exclude-table={}", pattern(name))));
        libpq::reach(&mut command, wanted.target, wanted.connect);
        // Its own words are read below; the server's come in the server's language.
        command.env("LC_ALL", "C");
        let mut command = tokio::process::Command::from(command);
        // Not in our group: a Ctrl-C at the terminal is ours to handle.
        command.stdin(Stdio::null()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        #[cfg(windows)]
        command.creation_flags(NEW_GROUP);
        let role = wanted.target.user().or(wanted.connect.user.as_deref());
        let output = command.output().await.map_err(|error| {
            Error::invalid(format!("cannot run {}: {error}", self.path.display())).source(error)
        })?;
        if !output.status.success() {
            return Err(self.failed(&String::from_utf8_lossy(&output.stderr), role));
        }
        String::from_utf8(output.stdout)
            .map_err(|_| Error::bug("pg_dump wrote something that is not UTF-8, which it was asked for"))
    }

    fn failed(&self, said: &str, role: Option<&str>) -> Error {
        let message = format!("{} could not read the schema", self.path.display());
        let error = if ["no password supplied", "authentication failed", "no pg_hba.conf entry"]
            .iter()
            .any(|words| said.contains(words))
        {
            Error::invalid(format!("{} was not let in by the server", self.path.display())).hint(
                "give it the password: in the URL, in PGPASSWORD, or in a ~/.pgpass that only you may read",
            )
        } else if said.contains("lock timeout") {
            Error::blocked(message).hint("somebody changes a table: run this again when they have finished")
        } else if said.contains("permission denied") {
            Error::invalid(message).hint(format!(
                "pg_dump locks every table in the weakest mode: grant select on the table named below to {}, \
                 connect as the owner, or leave tables out with --exclude",
                role.map(Ident::new)
                    .and_then(Result::ok)
                    .map_or_else(|| "this role".to_owned(), |role| role.to_string())
            ))
        } else {
            Error::conflict(message)
        };
        said.lines().filter(|line| !line.trim().is_empty()).take(8).fold(error, Error::detail)
    }
}

/// A name as pg_dump's patterns spell it: within quotes nothing has a meaning.
fn pattern(name: &QualifiedName) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let schema = name.schema.as_deref().map(|schema| quoted(schema) + ".").unwrap_or_default();
    schema + &quoted(&name.name)
}

/// `pg_dump (PostgreSQL) 15.18 (Debian ..)` is 15.
fn major_of(path: &std::path::Path) -> Option<u32> {
    let output = Command::new(path).arg("--version").stdin(Stdio::null()).output().ok()?;
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = version.strip_prefix("pg_dump (PostgreSQL) ")?;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

/// `CREATE_NEW_PROCESS_GROUP` of Windows.
#[cfg(windows)]
const NEW_GROUP: u32 = 0x200;

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn programs(versions: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let root = tempfile::tempdir().expect("a directory");
        let directories = versions.iter().map(|version| {
            let directory = root.path().join(version);
            std::fs::create_dir(&directory).expect("a directory");
            let program = directory.join("pg_dump");
            let text = format!("#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}'\n");
            std::fs::write(&program, text).expect("a file");
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&program, mode).expect("a file of ours");
            directory
        });
        let directories = directories.collect();
        (root, directories)
    }

    #[test]
    fn the_nearest_that_is_not_older_than_the_server_is_taken() {
        let (_root, directories) = programs(&["18.4", "15.18", "17beta1"]);
        let major = |server| Program::find(&directories, server).map(|program| program.major).ok();
        assert_eq!((major(15), major(16), major(18)), (Some(15), Some(17), Some(18)));
        let error = Program::find(&directories, 19).expect_err("none is so new");
        assert_eq!(error.message(), "no pg_dump of Postgres 19 or newer was found");
        assert_eq!(error.details().len(), 3);
    }

    #[tokio::test]
    async fn a_password_is_not_asked_for_at_the_terminal_and_its_lack_is_told() {
        let root = tempfile::tempdir().expect("a directory");
        let path = root.path().join("pg_dump");
        // As the real one: without the option it would ask, here it says so.
        let text = "#!/bin/sh\ncase \" $* \" in\n*' --no-password '*) \
            echo 'fe_sendauth: no password supplied' >&2; exit 1;;\nesac\necho asked >&2; exit 1\n";
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a file of ours");
        let Ok(crate::db::Target::Postgres(target)) = crate::db::Target::parse("postgres://app@db/notes")
        else {
            panic!("a URL")
        };
        let connect = ConnectOptions::default();
        let wanted = Wanted { target: &target, connect: &connect, without: Vec::new(), no_privileges: false };
        let error = Program { path, major: 18 }.schema(&wanted).await.expect_err("it fails");
        assert_eq!(error.details(), ["fe_sendauth: no password supplied"]);
        assert_eq!(error.kind(), cofferdam_analysis::ErrorKind::Invalid);
        assert!(error.message().ends_with("was not let in by the server"), "{error}");
        assert!(error.hint_text().is_some_and(|hint| hint.contains("password")), "{error}");
    }

    #[test]
    fn a_pattern_means_the_name_and_nothing_else() {
        assert_eq!(pattern(&QualifiedName::new("a*b", "q\"x.y")), "\"a*b\".\"q\"\"x.y\"");
    }
}
