//! Why a command did not do what was asked.

use cofferdam::migrate::{self, AppliedMigration};
use cofferdam_analysis::{Error, Finding};

/// What a command returns.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// An error, the findings it rests on where rules are the reason, and what was done before it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What went wrong.
    pub(crate) error: Error,
    /// What the rules said.
    pub(crate) findings: Vec<Finding>,
    /// What `migrate` had applied, and what stays.
    pub(crate) applied: Vec<AppliedMigration>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, findings: Vec::new(), applied: Vec::new() }
    }
}

impl From<migrate::Failure> for Failure {
    fn from(failure: migrate::Failure) -> Self {
        let migrate::Failure { error, findings, applied } = failure;
        Self { error, findings, applied }
    }
}
