//! TLS as libpq does it, by rustls with ring.
//!
//! Promise: each `sslmode` means what libpq's manual says. With a root
//! certificate (named, or `~/.postgresql/root.crt`) the server's chain is
//! checked in every mode; only `verify-full` checks the name. The provider is
//! handed over explicitly: an embedding program may have installed its own.
//!
//! Refused: `sslrootcert=system` with less than `verify-full`, a client key that
//! others can read, an encrypted client key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::db::options::{ConnectOptions, Negotiation, RootCert, TlsMode, TlsVersion};
use crate::db::url::PostgresTarget;
use crate::db::verify::{Checks, Trust, Verifier};
use crate::{Error, Result};

/// The mode that holds: the URL's, the shell's, libpq's default.
pub(crate) fn mode(target: &PostgresTarget, options: &ConnectOptions) -> Result<TlsMode> {
    let said = target.tls_mode.or(options.tls_mode);
    if root_cert(target, options) == Some(RootCert::System) {
        return match said {
            None | Some(TlsMode::VerifyFull) => Ok(TlsMode::VerifyFull),
            Some(weaker) => Err(Error::invalid(format!(
                "sslmode={} is too weak for sslrootcert=system: anybody can get such a certificate",
                weaker.as_str()
            ))
            .hint("write sslmode=verify-full")),
        };
    }
    Ok(said.unwrap_or_default())
}

fn root_cert(target: &PostgresTarget, options: &ConnectOptions) -> Option<RootCert> {
    target
        .root_cert
        .clone()
        .or_else(|| options.root_cert.clone())
        .or_else(|| options.in_home(".postgresql/root.crt").map(RootCert::File))
}

/// What begins TLS on a socket, for this target in this mode.
///
/// # Errors
/// `Invalid` when a file is missing, unreadable or no certificate, or the mode
/// needs a root certificate and none is found.
pub(crate) fn connector(
    target: &PostgresTarget,
    options: &ConnectOptions,
    mode: TlsMode,
) -> Result<MakeRustlsConnect> {
    let root = root_cert(target, options);
    let checks = match (mode, &root) {
        (TlsMode::VerifyFull, _) => Checks::ChainAndName,
        (TlsMode::VerifyCa, _) | (_, Some(_)) => Checks::Chain,
        (TlsMode::Disable | TlsMode::Allow | TlsMode::Prefer | TlsMode::Require, None) => Checks::Nothing,
    };
    let trust = match (checks, root) {
        (Checks::Nothing, _) => Trust::default(),
        (_, Some(RootCert::System)) => system_roots()?,
        (_, Some(RootCert::File(path))) => roots_of(&path)?,
        (_, None) => {
            return Err(Error::invalid(format!("sslmode={} needs a root certificate", mode.as_str())).hint(
                "name it with sslrootcert=FILE, or write sslrootcert=system for a publicly signed one",
            ));
        }
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(target)?)
        .map_err(|error| Error::bug("the TLS provider lacks a protocol version").source(error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier::new(checks, trust, algorithms)));
    let mut config = match client_identity(target, options)? {
        None => builder.with_no_client_auth(),
        Some((chain, key, shown)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
            Error::invalid(format!("the client certificate {} cannot be used: {error}", shown.display()))
        })?,
    };
    if target.negotiation == Negotiation::Direct {
        // The server refuses a direct handshake that does not name the protocol.
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(MakeRustlsConnect::new(config))
}

fn versions(target: &PostgresTarget) -> Result<Vec<&'static SupportedProtocolVersion>> {
    use rustls::version::{TLS12, TLS13};
    let (min, max) = (target.min_tls.unwrap_or(TlsVersion::V12), target.max_tls.unwrap_or(TlsVersion::V13));
    match (min, max) {
        (TlsVersion::V12, TlsVersion::V13) => Ok(vec![&TLS13, &TLS12]),
        (TlsVersion::V12, TlsVersion::V12) => Ok(vec![&TLS12]),
        (TlsVersion::V13, TlsVersion::V13) => Ok(vec![&TLS13]),
        (TlsVersion::V13, TlsVersion::V12) => {
            Err(Error::invalid("ssl_min_protocol_version is above ssl_max_protocol_version"))
        }
    }
}

fn system_roots() -> Result<Trust> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(loaded.certs);
    if usable == 0 {
        return Err(Error::invalid("no certificate authorities were found on this system")
            .hint("install the ca-certificates package, or name a file with sslrootcert=FILE"));
    }
    Ok(Trust { roots: Arc::new(roots), pinned: Vec::new() })
}

fn roots_of(path: &Path) -> Result<Trust> {
    let pinned = certificates(path, "root certificate")?;
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(pinned.iter().cloned());
    if usable == 0 {
        return Err(unusable("root certificate", path, "it is no certificate authority that can be read"));
    }
    Ok(Trust { roots: Arc::new(roots), pinned })
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, PathBuf);

/// The client's certificate and key. Certificates in the home directory are
/// used when they are there, named ones must be.
fn client_identity(target: &PostgresTarget, options: &ConnectOptions) -> Result<Option<Identity>> {
    let named = target.client_cert.clone().or_else(|| options.client_cert.clone());
    let Some(cert) = named.or_else(|| options.in_home(".postgresql/postgresql.crt")) else {
        return Ok(None);
    };
    let key = target
        .client_key
        .clone()
        .or_else(|| options.client_key.clone())
        .or_else(|| options.in_home(".postgresql/postgresql.key"))
        .ok_or_else(|| {
            Error::invalid(format!("there is no private key for the client certificate {}", cert.display()))
                .hint("name it with sslkey=FILE")
        })?;
    let chain = certificates(&cert, "client certificate")?;
    check_key_mode(&key)?;
    let pem = read(&key, "client key")?;
    if pem.windows(9).any(|window| window == b"ENCRYPTED") {
        return Err(unusable("client key", &key, "it is encrypted with a passphrase")
            .hint("decrypt it into a file that only you can read: openssl pkey -in KEY -out PLAIN"));
    }
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| unusable("client key", &key, "it holds no private key in PEM form"))?;
    Ok(Some((chain, key, cert)))
}

/// libpq's rule: 0600 or less; 0640 where root owns the file.
#[cfg(unix)]
fn check_key_mode(path: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::metadata(path)
        .map_err(|error| unusable("client key", path, &crate::db::error::io_words(&error)))?;
    let forbidden = if meta.uid() == 0 { 0o027 } else { 0o077 };
    if meta.mode() & forbidden != 0 {
        return Err(
            unusable("client key", path, "others can read it").hint(format!("chmod 0600 {}", path.display()))
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_key_mode(_: &Path) -> Result<()> {
    Ok(())
}

fn certificates(path: &Path, what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let pem = read(path, what)?;
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(unusable(what, path, "it holds no certificate in PEM form")),
    }
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| unusable(what, path, &crate::db::error::io_words(&error)))
}

fn unusable(what: &str, path: &Path, why: &str) -> Error {
    Error::invalid(format!("the {what} {} cannot be used: {why}", path.display()))
}
