//! Why a command did not do what was asked.

use cofferdam_analysis::{Error, Finding};

/// What a command returns.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// An error, and the findings it rests on where rules are the reason.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What went wrong.
    pub(crate) error: Error,
    /// What the rules said.
    pub(crate) findings: Vec<Finding>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, findings: Vec::new() }
    }
}
