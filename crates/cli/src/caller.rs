//! Who runs the program, for the audit and for those who wait for us.

/// `user@host`, as far as the system tells.
pub(crate) fn name() -> String {
    format!("{}@{}", user().unwrap_or_else(system::nameless), system::host())
}

/// The name of the user that the process runs as, if the system has one. On Linux that is
/// the password file: users of a directory service are not found, nor the numbers that
/// container platforms make up; a URL then has to name the database's user.
pub(crate) fn user() -> Option<String> {
    system::user()
}

#[cfg(unix)]
mod system {
    pub(super) fn user() -> Option<String> {
        let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
        let found = super::in_passwd(&passwd, rustix::process::geteuid().as_raw());
        // macOS keeps people's accounts elsewhere, and its own `id` knows where.
        if cfg!(target_os = "macos") { found.or_else(|| super::said("/usr/bin/id", &["-un"])) } else { found }
    }

    pub(super) fn nameless() -> String {
        format!("uid {}", rustix::process::geteuid().as_raw())
    }

    pub(super) fn host() -> String {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }
}

#[cfg(not(unix))]
mod system {
    /// `whoami` says DOMAIN\\user; a database's user is the last part.
    pub(super) fn user() -> Option<String> {
        let said = super::said("whoami", &[])?;
        said.rsplit('\\').next().map(str::to_owned)
    }

    pub(super) fn nameless() -> String {
        "somebody".to_owned()
    }

    pub(super) fn host() -> String {
        super::said("hostname", &[]).unwrap_or_else(|| "this machine".to_owned())
    }
}

/// What a program of the system prints.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = std::process::Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

#[cfg_attr(not(unix), expect(dead_code, reason = "a file of Unix"))]
fn in_passwd(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n\nbroken\napp:x:1000:1000::/home/app:/bin/sh\n";
        assert_eq!(in_passwd(passwd, 1000).as_deref(), Some("app"));
        assert_eq!(in_passwd(passwd, 7), None);
    }
}
