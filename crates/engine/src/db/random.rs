//! Secrets from the operating system's own source of randomness.

use crate::db::secret::Secret;
use crate::{Error, Result};

/// A secret of 256 random bits, as 64 hexadecimal digits.
///
/// # Errors
/// `Bug` when the operating system gives no randomness.
pub(crate) fn random_secret() -> Result<Secret> {
    let mut bytes = [0_u8; 32];
    let provider = rustls::crypto::ring::default_provider();
    provider
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| Error::bug("the operating system gave no random bytes"))?;
    Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}
