//! `alter table`, and what looks like it but is none of SQLite's.
//!
//! SQLite knows few forms. The others are syntax errors, and still their
//! meaning is clear: they are read as well, so that a rule can name them.

use sqlite3_parser::lexer::sql::TokenType;

use super::reader::{Reader, Result};
use crate::sql::table::{Column, Constraint, ObjectChange, TableChange};
use crate::sql::{Action, ObjectKind, ObjectName};

impl Reader<'_> {
    /// A whole `alter table` that the grammar has accepted.
    pub(super) fn alter_table(&mut self) -> Result<&'static str> {
        self.advance(2);
        let table = self.object()?;
        let clause = self.at;
        let change = self.clause()?;
        self.effect(clause, Action::AlterTable { table, if_exists: false, change });
        Ok("alter table")
    }

    /// An `alter` that the grammar has refused: as many clauses as can be made out.
    /// One that cannot becomes [`TableChange::Other`], and ends the reading.
    pub(super) fn foreign_alter(&mut self) -> Result<&'static str> {
        use TokenType::*;
        let first = self.at;
        self.advance(1);
        if !self.eat(TK_TABLE) {
            return self.foreign_alter_object(first);
        }
        let if_exists = self.if_exists();
        if self.word().eq_ignore_ascii_case("only") && self.is_name(1) {
            self.advance(1);
        }
        let table = self.object()?;
        loop {
            let clause = self.at;
            let changes = self.clauses().unwrap_or_else(|_| vec![TableChange::Other]);
            for change in changes {
                let table = table.clone();
                self.effect(clause, Action::AlterTable { table, if_exists, change });
            }
            if !self.eat(TK_COMMA) {
                return Ok("alter table");
            }
        }
    }

    /// `alter index a rename to b`, `alter view ..`.
    fn foreign_alter_object(&mut self, first: usize) -> Result<&'static str> {
        let (kind, verb) = match self.word().to_ascii_lowercase().as_str() {
            "index" => (ObjectKind::Index, "alter index"),
            "view" => (ObjectKind::View, "alter view"),
            "trigger" => (ObjectKind::Trigger, "alter trigger"),
            _ => return Err(self.stuck("an unknown kind of object")),
        };
        self.advance(1);
        self.if_exists();
        let name: ObjectName = self.object()?;
        let renamed = self.eat_all(&[TokenType::TK_RENAME, TokenType::TK_TO]);
        let change = if renamed { ObjectChange::RenameTo(self.name()?) } else { ObjectChange::Other };
        self.effect(first, Action::Alter { kind, name, change });
        Ok(verb)
    }

    /// One clause, or the several columns of `add (a int, b int)`.
    fn clauses(&mut self) -> Result<Vec<TableChange>> {
        use TokenType::*;
        if self.eat_all(&[TK_ADD, TK_LP]) || self.eat_all(&[TK_ADD, TK_COLUMNKW, TK_LP]) {
            let mut changes = Vec::new();
            loop {
                changes.push(added(self.column()?, false));
                if !self.eat(TK_COMMA) {
                    self.expect(TK_RP, "a closing parenthesis was expected")?;
                    return Ok(changes);
                }
            }
        }
        Ok(vec![self.clause()?])
    }

    fn clause(&mut self) -> Result<TableChange> {
        use TokenType::*;
        let kind = self.peek();
        let word = self.word().to_ascii_lowercase();
        self.advance(1);
        match kind {
            TK_ADD => self.add_clause(),
            TK_DROP => self.drop_clause(),
            TK_RENAME => self.rename_clause(),
            TK_ALTER => self.alter_clause(),
            _ => match word.as_str() {
                // MySQL's words for a new definition of a column.
                "modify" => self.new_definition(),
                "change" => {
                    self.eat(TK_COLUMNKW);
                    self.name()?;
                    self.new_definition()
                }
                "owner" => {
                    self.expect(TK_TO, "`to` was expected")?;
                    Ok(TableChange::Owner(self.name()?))
                }
                _ => Err(self.stuck("an unknown clause")),
            },
        }
    }

    fn add_clause(&mut self) -> Result<TableChange> {
        if self.begins_constraint() {
            let mut constraints: Vec<Constraint> = Vec::new();
            self.table_constraints(&mut constraints)?;
            let constraint = constraints.pop().ok_or_else(|| self.stuck("a constraint was expected"))?;
            return Ok(TableChange::AddConstraint(Box::new(constraint)));
        }
        self.eat(TokenType::TK_COLUMNKW);
        let if_not_exists = self.if_not_exists();
        Ok(added(self.column()?, if_not_exists))
    }

    fn drop_clause(&mut self) -> Result<TableChange> {
        use TokenType::*;
        let constraint = self.eat(TK_CONSTRAINT);
        if !constraint {
            self.eat(TK_COLUMNKW);
        }
        let if_exists = self.if_exists();
        let name = self.name()?;
        let cascade = self.eat(TK_CASCADE);
        self.eat(TK_RESTRICT);
        Ok(if constraint {
            TableChange::DropConstraint { name, if_exists, cascade }
        } else {
            TableChange::DropColumn { name, if_exists, cascade }
        })
    }

    fn rename_clause(&mut self) -> Result<TableChange> {
        use TokenType::*;
        if self.eat(TK_TO) {
            return Ok(TableChange::RenameTo(self.name()?));
        }
        let constraint = self.eat(TK_CONSTRAINT);
        if !constraint {
            self.eat(TK_COLUMNKW);
        }
        let from = self.name()?;
        self.expect(TK_TO, "`to` was expected")?;
        let to = self.name()?;
        Ok(if constraint {
            TableChange::RenameConstraint { from, to }
        } else {
            TableChange::RenameColumn { from, to }
        })
    }

    /// Behind `alter`: `column c type t`, `c set not null` ...
    fn alter_clause(&mut self) -> Result<TableChange> {
        use TokenType::*;
        self.eat(TK_COLUMNKW);
        let name = self.name()?;
        if self.eat_all(&[TK_DROP, TK_NOT, TK_NULL]) {
            return Ok(TableChange::DropNotNull(name));
        }
        if self.eat_all(&[TK_SET, TK_NOT, TK_NULL]) {
            if self.eat_all(&[TK_ON, TK_CONFLICT]) {
                self.advance(1);
            }
            return Ok(TableChange::SetNotNull(name));
        }
        if self.eat_all(&[TK_DROP, TK_DEFAULT]) {
            return Ok(TableChange::Default { name, default: None });
        }
        if self.eat(TK_SET) {
            if self.peek() == TK_DEFAULT {
                let default = Some(Box::new(self.default_value()?));
                return Ok(TableChange::Default { name, default });
            }
            self.expect_word("data")?;
        }
        self.expect_word("type")?;
        let ty = Box::new(self.type_name()?.unwrap_or_default());
        let mut using = None;
        if self.eat(TK_USING) {
            using = Some(Box::new(self.expr()?));
        }
        Ok(TableChange::AlterType { name, ty, using })
    }

    /// `c varchar(20) not null`, the definition that replaces the column's.
    fn new_definition(&mut self) -> Result<TableChange> {
        self.eat(TokenType::TK_COLUMNKW);
        let Column { name, ty, .. } = self.column()?;
        Ok(TableChange::AlterType { name, ty: ty.unwrap_or_default(), using: None })
    }

    fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.eat_word(word) { Ok(()) } else { Err(self.stuck("an unknown clause")) }
    }
}

fn added(column: Column, if_not_exists: bool) -> TableChange {
    TableChange::AddColumn { column: Box::new(column), if_not_exists }
}
