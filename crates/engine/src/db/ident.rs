//! Names of objects, quoted the only way that is right in both dialects.
//!
//! SQL that we write holds a name only through [`Ident`]: its `Display` *is* the
//! quoted form. A name is quoted always, because which words are reserved
//! depends on the server's version.

use std::fmt;

use crate::{Error, Result};

/// One name: `Display` writes it in double quotes, with quotes inside doubled.
///
/// Postgres cuts a name after 63 bytes and only says so in a NOTICE; see
/// [`Ident::is_cut_by_postgres`]. SQLite takes a double-quoted name that
/// resolves to nothing for a string where an expression may stand, so there a
/// name must be known to exist before it is written into an expression.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ident(String);

impl Ident {
    /// The longest name in bytes that Postgres keeps whole.
    pub const POSTGRES_BYTES: usize = 63;

    /// A name as the catalog holds it, without quotes.
    ///
    /// # Errors
    /// `Invalid` for an empty name and for one with a NUL byte: no database can
    /// hold the first in quotes or the second at all.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        if name.is_empty() {
            return Err(Error::invalid("a name must not be empty"));
        }
        if name.contains('\0') {
            return Err(Error::invalid("a name must not contain a NUL byte"));
        }
        Ok(Self(name))
    }

    /// The name without quotes, as the catalog holds it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether Postgres would shorten the name.
    pub fn is_cut_by_postgres(&self) -> bool {
        self.0.len() > Self::POSTGRES_BYTES
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        let mut parts = self.0.split('"');
        if let Some(first) = parts.next() {
            f.write_str(first)?;
        }
        for part in parts {
            f.write_str("\"\"")?;
            f.write_str(part)?;
        }
        f.write_str("\"")
    }
}

/// A name in a schema; without a schema it resolves through `search_path`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QualifiedIdent {
    /// The schema (Postgres), or the attached database (SQLite: `main`, `temp` ...).
    pub schema: Option<Ident>,
    /// The object's own name.
    pub name: Ident,
}

impl QualifiedIdent {
    /// `schema.name`, both given without quotes.
    ///
    /// # Errors
    /// As [`Ident::new`].
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Result<Self> {
        Ok(Self { schema: Some(Ident::new(schema)?), name: Ident::new(name)? })
    }

    /// A name as a statement has it.
    ///
    /// # Errors
    /// As [`Ident::new`].
    pub fn of(name: &cofferdam_analysis::sql::ObjectName) -> Result<Self> {
        let schema = name.schema.as_deref().map(Ident::new).transpose()?;
        Ok(Self { schema, name: Ident::new(name.name.as_str())? })
    }
}

impl From<Ident> for QualifiedIdent {
    fn from(name: Ident) -> Self {
        Self { schema: None, name }
    }
}

impl fmt::Display for QualifiedIdent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        write!(f, "{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn display_is_the_quoted_name() {
        for (name, quoted) in [
            ("notes", r#""notes""#),
            ("Notes", r#""Notes""#),
            (r#"a"b"#, r#""a""b""#),
            (r#"""#, r#""""""#),
            ("a.b", r#""a.b""#),
            ("; drop table notes --", r#""; drop table notes --""#),
            ("🦀", "\"🦀\""),
            (r"back\slash", r#""back\slash""#),
        ] {
            assert_eq!(Ident::new(name).unwrap().to_string(), quoted);
        }
        assert_eq!(QualifiedIdent::new("a.b", "c").unwrap().to_string(), r#""a.b"."c""#);
        assert_eq!(QualifiedIdent::from(Ident::new("c").unwrap()).to_string(), r#""c""#);
    }

    #[test]
    fn empty_names_and_nul_are_refused() {
        assert!(Ident::new("").is_err());
        assert!(Ident::new("a\0b").is_err());
    }

    #[test]
    fn postgres_cuts_from_the_64th_byte_on() {
        assert!(!Ident::new("x".repeat(63)).unwrap().is_cut_by_postgres());
        assert!(Ident::new("é".repeat(32)).unwrap().is_cut_by_postgres());
    }

    proptest! {
        /// SQLite itself is the judge: what it reads back is the name that went in.
        #[test]
        fn sqlite_reads_back_every_name(name in "[^\0]{1,40}") {
            let db = rusqlite::Connection::open_in_memory().unwrap();
            db.execute_batch(&format!("create table t ({} int)", Ident::new(name.as_str()).unwrap())).unwrap();
            let column: String = db.query_row("select name from pragma_table_info('t')", [], |r| r.get(0)).unwrap();
            prop_assert_eq!(column, name);
        }
    }
}
