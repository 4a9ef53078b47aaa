//! The startup message and the socket below it.

use std::net::IpAddr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding as Binding, SslMode, SslNegotiation};

use crate::db::options::{ChannelBinding, ConnectOptions, Negotiation};
use crate::db::secret::Secret;
use crate::db::url::{Endpoint, Host, PostgresTarget};

/// How one try on one address travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Without TLS.
    Plain,
    /// With TLS if the server has it; its answer alone decides.
    TlsIfOffered,
    /// With TLS or not at all.
    Tls,
}

/// Who logs in where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Startup<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) address: Option<IpAddr>,
    pub(crate) user: &'a str,
    pub(crate) database: &'a str,
    pub(crate) password: Option<&'a Secret>,
    pub(crate) timeout: Option<Duration>,
}

impl Startup<'_> {
    pub(crate) fn config(
        &self,
        target: &PostgresTarget,
        options: &ConnectOptions,
        transport: Transport,
    ) -> Config {
        let mut config = Config::new();
        match &self.endpoint.host {
            Host::Tcp(name) => config.host(name),
            #[cfg(unix)]
            Host::Unix(dir) => config.host_path(dir),
            // No such socket can be opened there: the connection fails with the path in its words.
            #[cfg(not(unix))]
            Host::Unix(dir) => config.host(dir.to_string_lossy()),
        };
        if let Some(address) = self.address {
            config.hostaddr(address);
        }
        config.port(self.endpoint.port).user(self.user).dbname(self.database);
        config.application_name(&options.application_name);
        if let Some(password) = self.password {
            config.password(password.expose());
        }
        if let Some(options) = self::options(target) {
            config.options(options);
        }
        config.ssl_mode(match transport {
            Transport::Plain => SslMode::Disable,
            Transport::TlsIfOffered => SslMode::Prefer,
            Transport::Tls => SslMode::Require,
        });
        config.ssl_negotiation(match target.negotiation {
            Negotiation::Postgres => SslNegotiation::Postgres,
            Negotiation::Direct => SslNegotiation::Direct,
        });
        config.channel_binding(match target.channel_binding.unwrap_or(ChannelBinding::Prefer) {
            ChannelBinding::Disable => Binding::Disable,
            ChannelBinding::Prefer => Binding::Prefer,
            ChannelBinding::Require => Binding::Require,
        });
        let keepalives = &target.keepalives;
        config.keepalives(keepalives.enabled).keepalives_idle(keepalives.idle);
        if let Some(interval) = keepalives.interval {
            config.keepalives_interval(interval);
        }
        if let Some(count) = keepalives.count {
            config.keepalives_retries(count);
        }
        if let Some(timeout) = keepalives.user_timeout {
            config.tcp_user_timeout(timeout);
        }
        // Used again for cancel requests; the whole login has its own limit.
        if let Some(timeout) = self.timeout {
            config.connect_timeout(timeout);
        }
        config
    }
}

/// What goes into the startup message's `options`: the URL's own, and the schema
/// an ORM asked for. A pooler that the URL names would refuse the latter.
pub(crate) fn options(target: &PostgresTarget) -> Option<String> {
    let schema = target.schema().filter(|_| !target.declares_pooler()).map(|schema| {
        let quoted = format!("\"{}\"", schema.replace('"', "\"\""));
        let escaped: String = quoted
            .chars()
            .flat_map(|c| (c == '\\' || c.is_whitespace()).then_some('\\').into_iter().chain([c]))
            .collect();
        format!("-c search_path={escaped}")
    });
    match (&target.options, schema) {
        (Some(options), Some(schema)) => Some(format!("{options} {schema}")),
        (Some(options), None) => Some(options.clone()),
        (None, schema) => schema,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_becomes_a_quoted_and_escaped_search_path() {
        for (schema, expected) in [
            ("app", r#"-c search_path="app""#),
            ("my schema", r#"-c search_path="my\ schema""#),
            (r#"a"b\c"#, r#"-c search_path="a""b\\c""#),
        ] {
            let target = PostgresTarget { schema: Some(schema.to_owned()), ..PostgresTarget::default() };
            assert_eq!(options(&target).as_deref(), Some(expected));
            let pooled = PostgresTarget { declared_pooler: true, ..target };
            assert_eq!(options(&pooled), None);
        }
    }
}
