//! Who runs the program, for the audit and for those who wait for us.

/// `user@host`, as far as the system tells.
pub(crate) fn name() -> String {
    let user = user().unwrap_or_else(|| format!("uid {}", rustix::process::geteuid().as_raw()));
    let host = rustix::system::uname();
    format!("{user}@{}", host.nodename().to_string_lossy())
}

/// The name of the user that the process runs as, if the password file has one. Users of
/// a directory service are not found, nor the numbers that container platforms make up;
/// a URL then has to name the database's user.
pub(crate) fn user() -> Option<String> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    in_passwd(&passwd, rustix::process::geteuid().as_raw())
}

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
