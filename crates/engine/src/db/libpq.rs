//! What a program of Postgres is told by its environment to reach the database that we reach.
//!
//! Nothing of it stands in the program's arguments, which everybody on the machine can
//! read. Variables of the caller that would lead elsewhere are taken out.
//! Source of the names: PostgreSQL documentation, "Environment Variables" of libpq.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::db::connect::candidates;
use crate::db::options::{ChannelBinding, ConnectOptions, Negotiation, RootCert, TlsVersion};
use crate::db::url::{Host, PostgresTarget};

/// All that libpq reads; what we do not set must not be inherited.
const READ: [&str; 32] = [
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGREQUIREAUTH",
    "PGCHANNELBINDING",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGOPTIONS",
    "PGAPPNAME",
    "PGSSLMODE",
    "PGREQUIRESSL",
    "PGSSLNEGOTIATION",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGSSLCERTMODE",
    "PGSSLROOTCERT",
    "PGSSLCRL",
    "PGSSLCRLDIR",
    "PGSSLSNI",
    "PGREQUIREPEER",
    "PGSSLMINPROTOCOLVERSION",
    "PGSSLMAXPROTOCOLVERSION",
    "PGGSSENCMODE",
    "PGKRBSRVNAME",
    "PGCONNECT_TIMEOUT",
    "PGCLIENTENCODING",
    "PGTARGETSESSIONATTRS",
    "PGLOADBALANCEHOSTS",
];

/// Lets `command` reach the database of `target`.
pub(crate) fn reach(command: &mut Command, target: &PostgresTarget, options: &ConnectOptions) {
    for name in READ {
        command.env_remove(name);
    }
    for (name, value) in variables(target, options) {
        command.env(name, value);
    }
}

fn variables(target: &PostgresTarget, options: &ConnectOptions) -> Vec<(&'static str, OsString)> {
    let mut set: Vec<(&'static str, OsString)> = vec![("PGAPPNAME", options.application_name.clone().into())];
    let endpoints = candidates(target);
    let list = |each: &dyn Fn(&crate::db::Endpoint) -> String| -> OsString {
        endpoints.iter().map(each).collect::<Vec<_>>().join(",").into()
    };
    set.push((
        "PGHOST",
        list(&|endpoint| match &endpoint.host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(directory) => directory.display().to_string(),
        }),
    ));
    set.push(("PGPORT", list(&|endpoint| endpoint.port.to_string())));
    if endpoints.iter().any(|endpoint| endpoint.addr.is_some()) {
        let address = list(&|endpoint| endpoint.addr.map(|address| address.to_string()).unwrap_or_default());
        set.push(("PGHOSTADDR", address));
    }
    let user = target.user.as_ref().or(options.user.as_ref());
    let database = target.database.as_ref().or(user);
    let password = target.password.as_ref().or(options.password.as_ref());
    let mut text = |name, value: Option<&str>| set.extend(value.map(|value| (name, value.into())));
    text("PGUSER", user.map(String::as_str));
    text("PGDATABASE", database.map(String::as_str));
    text("PGPASSWORD", password.map(crate::db::Secret::expose));
    text("PGSSLMODE", target.tls_mode.or(options.tls_mode).map(crate::db::TlsMode::as_str));
    text("PGOPTIONS", target.options.as_deref());
    text("PGSSLNEGOTIATION", (target.negotiation == Negotiation::Direct).then_some("direct"));
    text("PGSSLMINPROTOCOLVERSION", target.min_tls.map(tls_version));
    text("PGSSLMAXPROTOCOLVERSION", target.max_tls.map(tls_version));
    text(
        "PGCHANNELBINDING",
        target.channel_binding.map(|binding| match binding {
            ChannelBinding::Disable => "disable",
            ChannelBinding::Prefer => "prefer",
            ChannelBinding::Require => "require",
        }),
    );
    // Of several hosts we take the one that can be written to, and so must the program.
    text(
        "PGTARGETSESSIONATTRS",
        (endpoints.len() > 1 && target.endpoints().len() > 1).then_some("read-write"),
    );
    let mut path =
        |name, value: Option<&Path>| set.extend(value.map(|value| (name, value.as_os_str().to_owned())));
    path("PGPASSFILE", target.passfile.as_deref().or(options.passfile.as_deref()));
    path("PGSSLCERT", target.client_cert.as_deref().or(options.client_cert.as_deref()));
    path("PGSSLKEY", target.client_key.as_deref().or(options.client_key.as_deref()));
    path(
        "PGSSLROOTCERT",
        target.root_cert.as_ref().or(options.root_cert.as_ref()).map(|root| match root {
            RootCert::System => Path::new("system"),
            RootCert::File(path) => path,
        }),
    );
    let timeout = target.connect_timeout.unwrap_or(options.connect_timeout).as_secs();
    set.push(("PGCONNECT_TIMEOUT", timeout.to_string().into()));
    set
}

fn tls_version(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::V12 => "TLSv1.2",
        TlsVersion::V13 => "TLSv1.3",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Target;

    #[test]
    fn everything_goes_by_the_environment_and_nothing_is_inherited() {
        let url =
            "postgres://app:hunter2@db.example:6543,other/notes?sslmode=verify-full&sslrootcert=/ca.pem";
        let Ok(Target::Postgres(target)) = Target::parse(url) else { panic!("a URL") };
        let mut command = Command::new("pg_dump");
        command.env("PGSERVICE", "elsewhere").env("PGHOST", "elsewhere");
        reach(&mut command, &target, &ConnectOptions::default());
        let set = |name: &str| {
            let found = command.get_envs().find(|(known, _)| *known == name);
            found.and_then(|(_, value)| value).map(|value| value.to_string_lossy().into_owned())
        };
        let shown = |name: &str| set(name).unwrap_or_else(|| "nothing".to_owned());
        assert_eq!((shown("PGHOST"), shown("PGPORT")), ("db.example,other".into(), "6543,5432".into()));
        assert_eq!((shown("PGUSER"), shown("PGDATABASE")), ("app".into(), "notes".into()));
        assert_eq!((shown("PGPASSWORD"), shown("PGSSLMODE")), ("hunter2".into(), "verify-full".into()));
        assert_eq!((shown("PGSSLROOTCERT"), set("PGSERVICE")), ("/ca.pem".into(), None));
        assert_eq!(command.get_args().count(), 0);
    }
}
