//! Whose rows a table or a column can hold: the question behind every loss.

use super::world::{Filled, Origin, Table, World};
use crate::finding::NobodysRows;
use crate::sql::{Dialect, ObjectName};

/// Whose rows would be lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// Nobody's: temporary, absent, or made in this very transaction, which nobody else can see.
    Nothing,
    /// This run made it, and nothing says that others wrote to it: true if `migrate` proves it.
    OursIfProven(NobodysRows),
    /// Somebody's, or nothing is known.
    Somebody,
}

impl World {
    /// Whose rows the table holds.
    pub fn table_holds(&self, name: &ObjectName) -> Holds {
        match self.table(name) {
            None if self.is_absent(name) || self.is_temporary(name) => Holds::Nothing,
            None => Holds::Somebody,
            Some(table) if self.holds_moved_rows(&table.filled, table.took_over) => Holds::Somebody,
            Some(table) if table.temporary => Holds::Nothing,
            Some(table) => self.by_origin(name, table, table.origin, None),
        }
    }

    /// Whose values the column holds.
    pub fn column_holds(&self, name: &ObjectName, column: &str) -> Holds {
        let whole = self.table_holds(name);
        if whole == Holds::Nothing {
            return whole;
        }
        let Some(table) = self.table(name) else { return Holds::Somebody };
        let Some(known) = table.column(column, self.dialect) else {
            return if table.columns_complete { Holds::Nothing } else { Holds::Somebody };
        };
        if self.holds_moved_rows(&known.filled, false)
            || self.holds_moved_rows(&table.filled, table.took_over)
        {
            return Holds::Somebody;
        }
        self.by_origin(name, table, known.origin, Some(known.definition.name.clone()))
    }

    /// Whose rows all these tables hold: the worst answer, with one proof for all.
    pub fn tables_hold<'n>(&self, names: impl IntoIterator<Item = &'n ObjectName>) -> Holds {
        let mut proof: Option<NobodysRows> = None;
        for name in names {
            match self.table_holds(name) {
                Holds::Nothing => {}
                Holds::Somebody => return Holds::Somebody,
                Holds::OursIfProven(more) => match &mut proof {
                    None => proof = Some(more),
                    Some(proof) => {
                        proof.tables.extend(more.tables);
                        proof.must_be_empty |= more.must_be_empty;
                    }
                },
            }
        }
        proof.map_or(Holds::Nothing, Holds::OursIfProven)
    }

    /// Whether the schema was made in this very transaction, so that nobody else can have
    /// put anything into it.
    pub fn schema_is_ours_alone(&self, name: &str) -> bool {
        self.schemas.get(name).is_some_and(|made| made.transaction == self.now.transaction)
    }

    /// The proof names the table as the statement does, so that both mean the same one
    /// whatever the session's search path is by then.
    fn by_origin(&self, name: &ObjectName, table: &Table, origin: Origin, column: Option<String>) -> Holds {
        let Origin::New(made) = origin else { return Holds::Somebody };
        if made.transaction == self.now.transaction {
            return Holds::Nothing;
        }
        let unseen_writes = self.opaque.is_some_and(|transaction| transaction > made.transaction);
        let must_be_empty = self.dialect == Dialect::Postgres && (table.rewritten || unseen_writes);
        Holds::OursIfProven(NobodysRows { tables: vec![name.clone()], column, must_be_empty })
    }

    /// Rows that stood before the run were copied here, their source lost some since, and
    /// nobody copied them all on: this may be their only copy. A table that took over the
    /// name of their source is their home, whoever else has a copy.
    fn holds_moved_rows(&self, filled: &Filled, took_over: bool) -> bool {
        filled.from.iter().any(|(source, copied)| {
            let lost = self.lost.get(source).copied().unwrap_or(0);
            lost > *copied && (took_over || filled.copied_on < lost)
        })
    }
}
