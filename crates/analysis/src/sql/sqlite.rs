//! SQLite text -> statements.
use super::Read;
pub(crate) fn read(_text: &str) -> Read {
    Read { statements: Vec::new(), comments: Vec::new(), meta: Vec::new() }
}
