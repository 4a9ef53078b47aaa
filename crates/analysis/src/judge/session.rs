//! The session a statement runs in: its transaction, and the settings in force.

use std::collections::HashMap;
use std::ops::Range;

use crate::plan::{self, outside_of_transaction};
use crate::sql::{Action, Dialect, DirectiveKind, Script, Statement, TransactionCommand};

/// Whether the runner puts a file into one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transaction {
    /// As `migrate` does: unless the file says `no-transaction` or holds a statement that refuses one.
    #[default]
    Auto,
    /// Each file, whatever it holds.
    Always,
    /// No file.
    Never,
}

/// Transaction state and settings, as they stand before the next statement.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// The runner's own transaction around the file is open.
    wrapped: bool,
    /// A `begin` of the file itself is open.
    explicit: bool,
    /// Counts transactions over the whole set; a statement outside of one is its own.
    transaction: usize,
    settings: HashMap<String, Setting>,
    /// SQLite: the statements left when `pragma foreign_keys` is lifted off both ends.
    body: Option<Range<usize>>,
    /// SQLite: the whole file runs with foreign keys off, as a part of it asks.
    off_throughout: bool,
}

#[derive(Debug, Clone)]
struct Setting {
    value: Option<String>,
    local: bool,
}

impl Session {
    /// A fresh session for `script`, as each file gets one.
    pub(super) fn begin_file(&mut self, script: &Script, transaction: Transaction) {
        self.wrapped = match transaction {
            Transaction::Always => true,
            Transaction::Never => false,
            Transaction::Auto => !refuses_transaction(script),
        };
        self.explicit = false;
        self.transaction += 1;
        self.settings.clear();
        self.body = None;
        self.off_throughout = false;
        if transaction == Transaction::Auto && script.dialect == Dialect::Sqlite {
            let (body, foreign_keys) = plan::lift_foreign_keys(script);
            self.body = Some(body);
            self.off_throughout = self.wrapped && plan::off_throughout(script);
            let said = if self.off_throughout { Some(false) } else { foreign_keys };
            if let Some(on) = said {
                let value = Some(if on { "on" } else { "off" }.to_owned());
                self.settings.insert("foreign_keys".to_owned(), Setting { value, local: false });
            }
        }
    }

    pub(super) fn begin_statement(&mut self) {
        if !self.in_transaction() {
            self.transaction += 1;
        }
    }

    /// Whether the next statement shares a transaction with others.
    pub fn in_transaction(&self) -> bool {
        self.wrapped || self.explicit
    }

    /// Whether the runner itself opened the transaction.
    pub fn wrapped(&self) -> bool {
        self.wrapped
    }

    /// The number of the transaction of the statement at hand: equal numbers, one commit.
    pub fn transaction(&self) -> usize {
        self.transaction
    }

    /// The value of a setting or pragma (name in lower case) that this file has made, in force now.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name)?.value.as_deref()
    }

    /// SQLite: whether foreign keys are enforced now. They are unless this file turned
    /// them off: `migrate` says so to each session, and of other runners nothing is known.
    pub fn enforces_foreign_keys(&self) -> bool {
        self.setting("foreign_keys").is_none_or(pragma_is_on)
    }

    /// SQLite: whether the runner takes the statement, a `pragma foreign_keys` at the file's
    /// beginning or end, out of the transaction, or heeds it for the whole file.
    pub fn lifts(&self, statement: usize) -> bool {
        self.off_throughout || self.body.as_ref().is_some_and(|body| !body.contains(&statement))
    }

    /// The transaction of each statement of `script`, which begins in this session:
    /// equal numbers, one commit.
    pub fn transactions(&self, script: &Script) -> Vec<usize> {
        let mut session = self.clone();
        let follow = |statement: &Statement| {
            session.begin_statement();
            let number = session.transaction;
            statement.actions().for_each(|action| session.apply(action));
            number
        };
        script.statements.iter().map(follow).collect()
    }

    pub(super) fn apply(&mut self, action: &Action) {
        match action {
            Action::Transaction(command) => self.command(*command),
            // Outside of a transaction `set local` does nothing.
            Action::Set { local: true, .. } if !self.in_transaction() => {}
            Action::Set { local, name, value } => {
                self.settings.insert(name.clone(), Setting { value: value.clone(), local: *local });
            }
            // SQLite takes this one silently within a transaction and changes nothing.
            Action::Pragma { name, .. } if name == "foreign_keys" && self.in_transaction() => {}
            Action::Pragma { name, value: Some(value) } => {
                let value = Some(value.to_ascii_lowercase());
                self.settings.insert(name.clone(), Setting { value, local: false });
            }
            _ => {}
        }
    }

    fn command(&mut self, command: TransactionCommand) {
        match command {
            TransactionCommand::Begin => self.explicit = true,
            // A `commit` in a file also ends the transaction that the runner opened.
            TransactionCommand::Commit | TransactionCommand::Rollback | TransactionCommand::TwoPhase => {
                self.explicit = false;
                self.wrapped = false;
                self.transaction += 1;
                self.settings.retain(|_, setting| !setting.local);
            }
            TransactionCommand::Savepoint
            | TransactionCommand::Release
            | TransactionCommand::RollbackTo
            | TransactionCommand::SetTransaction => {}
        }
    }
}

/// How SQLite reads the value of a pragma that is on or off.
pub fn pragma_is_on(value: &str) -> bool {
    let number = value.parse::<f64>().is_ok_and(|n| n != 0.0);
    number || ["on", "yes", "true"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn refuses_transaction(script: &Script) -> bool {
    script.directives.iter().any(|d| d.kind == DirectiveKind::NoTransaction)
        || script.statements.iter().any(|s| outside_of_transaction(s, script.dialect).is_some())
}
