//! Which user a scratch server runs as.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use cofferdam_analysis::{Error, Result};

/// Users that package managers create for servers, then the one that every system has.
const CANDIDATES: [&str; 3] = ["postgres", "_postgres", "nobody"];

/// The user that a scratch server runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// The caller is an ordinary user, and so is the server.
    Caller,
    /// The caller is root: Postgres refuses to run as root, so somebody else has to.
    Other { uid: u32, gid: u32 },
}

impl Account {
    /// The caller, or for root the first ordinary user who can run `postgres`.
    ///
    /// Only users of the password file are considered: `initdb` looks its own
    /// name up there and gives up without one.
    pub(super) fn able_to_run(postgres: &Path) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Caller);
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let candidates = CANDIDATES.iter().filter_map(|name| lookup(&passwd, name));
        let mut tried = Vec::new();
        for account in candidates {
            if account.runs(postgres) {
                return Ok(account);
            }
            tried.push(account);
        }
        let message = if tried.is_empty() {
            "no ordinary user to run a scratch Postgres as: Postgres refuses to run as root".to_owned()
        } else {
            format!("no ordinary user can execute {}", postgres.display())
        };
        Err(Error::invalid(message)
            .hint("run this as an ordinary user, or let the user postgres or nobody reach the binaries"))
    }

    fn runs(self, postgres: &Path) -> bool {
        let status = self
            .command(postgres)
            .arg("--version")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    }

    /// A command that will run as this user.
    pub(super) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        self.apply(&mut command);
        command
    }

    fn apply(self, command: &mut Command) {
        use std::os::unix::process::CommandExt as _;
        if let Self::Other { uid, gid } = self {
            // std also drops root's supplementary groups when it sets the uid.
            command.uid(uid).gid(gid);
        }
    }

    /// Gives `path` to this user.
    pub(super) fn own(self, path: &Path) -> Result<()> {
        let Self::Other { uid, gid } = self else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(uid), Some(gid))
            .map_err(|e| Error::invalid(format!("give {} to user {uid}: {e}", path.display())).source(e))
    }
}

fn lookup(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then_some(())?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then_some(Account::Other { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:7::/:/bin/sh\npostgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(lookup(passwd, "postgres"), Some(Account::Other { uid: 101, gid: 104 }));
        assert_eq!(lookup(passwd, "nobody"), None);
    }

    #[test]
    fn a_second_name_of_root_is_not_an_ordinary_user() {
        assert_eq!(lookup("postgres:x:0:0::/:/bin/sh\n", "postgres"), None);
    }
}
