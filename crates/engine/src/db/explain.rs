//! Why a login failed, in words that say which server and what to do.

use crate::Error;
use crate::db::error::{self, Stage};
use crate::db::startup;
use crate::db::url::{Endpoint, Host, PostgresTarget};

/// What a failed try means, in words.
pub(crate) fn login(
    error: tokio_postgres::Error,
    endpoint: &Endpoint,
    target: &PostgresTarget,
    had_password: bool,
) -> Error {
    let label = endpoint.label();
    if error.as_db_error().is_some() {
        let options = error.code().is_some_and(|code| code.code() == "08P01");
        let ours = error::postgres(error).while_(format!("{label} refused the connection"));
        return if options && startup::options(target).is_some() {
            Error::invalid(ours.message().to_owned())
                .hint("a pooler may not accept `options` or `schema`: remove them from the URL, or use the direct address")
        } else {
            ours
        };
    }
    match error::stage(&error) {
        Stage::Tls => explain_tls(&error, &label, endpoint).source(error),
        Stage::Config if !had_password => {
            Error::invalid(format!("{label} asks for a password and none is given"))
                .hint("put it into PGPASSWORD, the password file or the URL")
                .source(error)
        }
        Stage::Config | Stage::Authentication | Stage::Call => {
            let why =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Error::invalid(format!("the login at {label} failed: {why}")).source(error)
        }
        Stage::Network => {
            let why =
                error::io_reason(&error).unwrap_or_else(|| "the server closed the connection".to_owned());
            let hint = match &endpoint.host {
                Host::Unix(_) => "check that the server runs and that its socket is in this directory",
                Host::Tcp(_) => {
                    "check that the server runs, listens on this address, and that no firewall is between"
                }
            };
            Error::unreachable(format!("{label} cannot be reached: {why}")).hint(hint).source(error)
        }
    }
}
fn explain_tls(error: &tokio_postgres::Error, label: &str, endpoint: &Endpoint) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(inner) = cause {
        let tls = inner.downcast_ref::<rustls::Error>().or_else(|| {
            // rustls' error travels inside an I/O error, which shows its source one level too deep.
            inner.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref::<rustls::Error>()
        });
        if let Some(tls) = tls {
            return explain_rustls(tls, label, endpoint);
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return Error::unreachable(format!(
                "the TLS handshake with {label} failed: {}",
                error::io_words(io)
            ));
        }
        if inner.to_string() == "server does not support TLS" {
            return Error::invalid(format!("{label} does not support TLS"))
                .hint("switch `ssl` on in the server, or write sslmode=disable if the network is trusted");
        }
        cause = inner.source();
    }
    Error::invalid(format!("the TLS handshake with {label} failed"))
}

fn explain_rustls(error: &rustls::Error, label: &str, endpoint: &Endpoint) -> Error {
    use rustls::CertificateError as Cert;
    let (why, hint) = match error {
        rustls::Error::InvalidCertificate(reason) => match reason {
            // A bad signature is what another authority of the same name gives.
            Cert::UnknownIssuer | Cert::BadSignature => (
                "it is not signed by a trusted authority",
                "give the authority's certificate with sslrootcert=FILE",
            ),
            Cert::Expired | Cert::ExpiredContext { .. } => {
                ("it has expired", "renew the server's certificate")
            }
            Cert::NotValidYet | Cert::NotValidYetContext { .. } => {
                ("it is not valid yet", "check the clocks of both machines")
            }
            Cert::NotValidForName | Cert::NotValidForNameContext { .. } => {
                let Host::Tcp(name) = &endpoint.host else {
                    return Error::bug("TLS on a unix socket");
                };
                return Error::invalid(format!("the certificate of {label} is not for the host {name}"))
                    .hint("connect by a name in the certificate, or write sslmode=verify-ca if any name will do");
            }
            Cert::BadEncoding => (
                "it cannot be read",
                "certificates of X.509 version 1 are not supported: sign it again with extensions",
            ),
            Cert::InvalidPurpose => {
                ("it is not meant for servers", "sign it again with extendedKeyUsage=serverAuth")
            }
            _ => (
                "it does not keep the rules for certificates",
                "make it again with a current version of openssl",
            ),
        },
        rustls::Error::AlertReceived(alert) => {
            return Error::invalid(format!(
                "{label} refused the TLS handshake: {}",
                format!("{alert:?}").chars().fold(String::new(), spaced)
            ))
            .hint("the server may want another client certificate (sslcert, sslkey)");
        }
        other => return Error::invalid(format!("the TLS handshake with {label} failed: {other}")),
    };
    Error::invalid(format!("the certificate of {label} is not accepted: {why}")).hint(hint)
}

/// `CertificateRequired` as `certificate required`.
fn spaced(mut text: String, c: char) -> String {
    if c.is_uppercase() && !text.is_empty() {
        text.push(' ');
    }
    text.extend(c.to_lowercase());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_read_as_words() {
        assert_eq!("CertificateRequired".chars().fold(String::new(), spaced), "certificate required");
    }
}
