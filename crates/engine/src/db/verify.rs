//! How much of a server's certificate is checked.
//!
//! The chain is webpki's work. Two things that OpenSSL accepts and webpki does
//! not are added, because Postgres' own manual makes such certificates: a
//! self-signed one that *is* the root, and one with only a common name.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checks {
    /// Encryption only: safe from listeners, not from somebody in between.
    Nothing,
    /// Signed by a trusted authority.
    Chain,
    /// Signed by a trusted authority for the host that was named.
    ChainAndName,
}

/// Whom to trust.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    pub(crate) roots: Arc<RootCertStore>,
    /// The certificates of the root file, byte for byte.
    pub(crate) pinned: Vec<CertificateDer<'static>>,
}

impl Default for Trust {
    fn default() -> Self {
        Self { roots: Arc::new(RootCertStore::empty()), pinned: Vec::new() }
    }
}

#[derive(Debug)]
pub(crate) struct Verifier {
    checks: Checks,
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(crate) fn new(checks: Checks, trust: Trust, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { checks, trust, algorithms }
    }

    fn verify_chain(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        // A trusted certificate needs nobody to vouch for it, but it still expires.
        if self.trust.pinned.iter().any(|root| root.as_ref() == end_entity.as_ref()) {
            return check_dates(end_entity, now);
        }
        let cert = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(
            &cert,
            &self.trust.roots,
            intermediates,
            now,
            self.algorithms.all,
        )
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.checks != Checks::Nothing {
            self.verify_chain(end_entity, intermediates, now)?;
        }
        if self.checks == Checks::ChainAndName {
            verify_name(end_entity, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match self.checks {
            // Whoever stands in between can sign with a certificate of his own, so
            // the signature proves nothing here and must not keep anybody out.
            Checks::Nothing => Ok(HandshakeSignatureValid::assertion()),
            Checks::Chain | Checks::ChainAndName => {
                verify_tls12_signature(message, cert, dss, &self.algorithms)
            }
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match self.checks {
            Checks::Nothing => Ok(HandshakeSignatureValid::assertion()),
            Checks::Chain | Checks::ChainAndName => {
                verify_tls13_signature(message, cert, dss, &self.algorithms)
            }
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.algorithms.supported_schemes();
        if self.checks == Checks::Nothing {
            schemes.extend([SignatureScheme::ECDSA_NISTP521_SHA512, SignatureScheme::ED448]);
        }
        schemes
    }
}

fn bad_encoding() -> rustls::Error {
    CertificateError::BadEncoding.into()
}

fn check_dates(cert: &CertificateDer<'_>, now: UnixTime) -> Result<(), rustls::Error> {
    let cert = Certificate::from_der(cert).map_err(|_| bad_encoding())?;
    let validity = &cert.tbs_certificate.validity;
    let now = Duration::from_secs(now.as_secs());
    if now < validity.not_before.to_unix_duration() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.to_unix_duration() {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

/// The alternative names decide; only a certificate that has none is judged by
/// its common name (RFC 6125, 6.4.4, and libpq).
fn verify_name(end_entity: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), rustls::Error> {
    let parsed = Certificate::from_der(end_entity).map_err(|_| bad_encoding())?;
    if has_alternative_names(&parsed) {
        return verify_server_name(&ParsedCertificate::try_from(end_entity)?, name);
    }
    let host = name.to_str();
    match common_name(&parsed) {
        Some(pattern) if matches_host(&pattern, &host) => Ok(()),
        _ => Err(CertificateError::NotValidForName.into()),
    }
}

/// id-ce-subjectAltName.
const ALTERNATIVE_NAMES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
/// id-at-commonName.
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

fn has_alternative_names(cert: &Certificate) -> bool {
    let extensions = cert.tbs_certificate.extensions.as_deref().unwrap_or_default();
    extensions.iter().any(|extension| extension.extn_id == ALTERNATIVE_NAMES)
}

fn common_name(cert: &Certificate) -> Option<String> {
    // The last one is the most specific.
    let mut names = cert.tbs_certificate.subject.0.iter().flat_map(|relative| relative.0.iter()).rev();
    let value = names.find(|name| name.oid == COMMON_NAME)?.value.value();
    String::from_utf8(value.to_vec()).ok()
}

/// Without case; a leading `*.` stands for exactly one label.
fn matches_host(pattern: &str, host: &str) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    if host.parse::<std::net::IpAddr>().is_ok() {
        return false;
    }
    match (pattern.strip_prefix("*."), host.split_once('.')) {
        // Two labels at least, so that `*.com` matches nothing.
        (Some(rest), Some((label, domain))) => {
            !label.is_empty() && rest.contains('.') && rest.eq_ignore_ascii_case(domain)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_label() {
        for (pattern, host, expected) in [
            ("db.example.com", "DB.example.com", true),
            ("*.example.com", "db.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.com", "example.com", false),
            ("db*.example.com", "db1.example.com", false),
            ("", "db.example.com", false),
            ("*.0.0.1", "127.0.0.1", false),
            ("127.0.0.1", "127.0.0.1", true),
        ] {
            assert_eq!(matches_host(pattern, host), expected, "{pattern} {host}");
        }
    }
}
