//! `select`: its items, tables, joins and condition.

use sqlite3_parser::lexer::sql::TokenType;

use super::reader::{Reader, Result, unquoted};
use crate::sql::expr::Expr;
use crate::sql::{Filter, ObjectName, Query};

/// Functions that make one row of many.
const AGGREGATES: &[&str] = &[
    "avg",
    "count",
    "group_concat",
    "json_group_array",
    "json_group_object",
    "jsonb_group_array",
    "jsonb_group_object",
    "string_agg",
    "sum",
    "total",
];

/// One `select` or `values` of a compound.
#[derive(Default)]
struct Arm {
    items: Vec<Expr>,
    filter: Filter,
    values: bool,
    reduces: bool,
    joins: bool,
}

impl Reader<'_> {
    /// Records that the statement reads `table`, unless a `with` gave that name.
    pub(super) fn mention_table(&mut self, table: ObjectName) {
        let cte = table.schema.is_none() && self.ctes.iter().any(|c| c.eq_ignore_ascii_case(&table.name));
        if !cte {
            self.mentions.tables.push(table);
        }
    }

    /// A whole query: `with`, its arms, `order by`, `limit`.
    pub(super) fn query(&mut self) -> Result<Query> {
        let (tables, calls, ctes) = (self.mentions.tables.len(), self.mentions.calls.len(), self.ctes.len());
        self.with_clause()?;
        let mut query = self.query_body()?;
        self.ctes.truncate(ctes);
        if self.quiet == 0 {
            query.tables = self.mentions.tables[tables..].to_vec();
            query.calls = self.mentions.calls[calls..].to_vec();
        }
        Ok(query)
    }

    /// `with a as (..), b as (..)`; the names stay known until the caller forgets them.
    pub(super) fn with_clause(&mut self) -> Result<()> {
        use TokenType::*;
        if !self.eat(TK_WITH) {
            return Ok(());
        }
        if self.peek() == TK_RECURSIVE && self.is_name(1) {
            self.advance(1);
        }
        loop {
            let name = self.name()?;
            self.ctes.push(name);
            self.name_list()?;
            self.expect(TK_AS, "`as` was expected")?;
            self.eat(TK_NOT);
            self.eat(TK_MATERIALIZED);
            self.expect(TK_LP, "a query was expected")?;
            self.quietly(Reader::query)?;
            self.expect(TK_RP, "a closing parenthesis was expected")?;
            if !self.eat(TK_COMMA) {
                return Ok(());
            }
        }
    }

    fn query_body(&mut self) -> Result<Query> {
        use TokenType::*;
        let mut last_is_values = self.peek() == TK_VALUES;
        let first = self.arm()?;
        let mut compound = first.values;
        let mut limited = false;
        while matches!(self.peek(), TK_UNION | TK_EXCEPT | TK_INTERSECT) {
            self.advance(1);
            self.eat(TK_ALL);
            last_is_values = self.peek() == TK_VALUES;
            self.quietly(Reader::arm)?;
            compound = true;
        }
        if last_is_values && matches!(self.peek(), TK_ORDER | TK_LIMIT) {
            return Err(self.refused());
        }
        if self.eat_all(&[TK_ORDER, TK_BY]) {
            self.quietly(Reader::sorted_list)?;
        }
        if self.eat(TK_LIMIT) {
            limited = true;
            self.quietly(Reader::expr_list)?;
            if self.eat(TK_OFFSET) {
                self.quietly(Reader::expr)?;
            }
        }
        Ok(Query {
            items: first.items,
            filter: first.filter,
            compound,
            reduces: first.reduces || limited,
            joins: first.joins,
            ..Query::default()
        })
    }

    fn arm(&mut self) -> Result<Arm> {
        if self.peek() == TokenType::TK_VALUES {
            let items = self.values()?;
            return Ok(Arm { items, values: true, ..Arm::default() });
        }
        self.expect(TokenType::TK_SELECT, "a query was expected")?;
        self.nested(Reader::select)
    }

    /// Behind `select`.
    fn select(&mut self) -> Result<Arm> {
        use TokenType::*;
        let distinct = self.eat(TK_DISTINCT);
        self.eat(TK_ALL);
        let items = self.items()?;
        let joins = if self.eat(TK_FROM) { self.from()? } else { false };
        let filter = self.filter()?;
        let grouped = self.eat_all(&[TK_GROUP, TK_BY]);
        if grouped {
            self.quietly(Reader::expr_list)?;
        }
        if self.eat(TK_HAVING) {
            self.quietly(Reader::expr)?;
        }
        if self.begins_window_clause() {
            self.window_clause()?;
        }
        let aggregate = |item: &Expr| item.calls.iter().any(|c| AGGREGATES.contains(&c.as_str()));
        let reduces = distinct || grouped || items.iter().any(aggregate);
        Ok(Arm { items, filter, values: false, reduces, joins })
    }

    /// `window` is a key word only before a name and `as`.
    fn begins_window_clause(&self) -> bool {
        self.peek() == TokenType::TK_WINDOW && self.is_name(1) && self.kind(2) == TokenType::TK_AS
    }

    fn window_clause(&mut self) -> Result<()> {
        self.advance(1);
        loop {
            self.name()?;
            self.expect(TokenType::TK_AS, "`as` was expected")?;
            self.quietly(Reader::window)?;
            if !self.eat(TokenType::TK_COMMA) {
                return Ok(());
            }
        }
    }

    /// A list of result columns: of `select` and of `returning`.
    pub(super) fn items(&mut self) -> Result<Vec<Expr>> {
        let mut items = Vec::new();
        loop {
            let item = self.item()?;
            if self.quiet == 0 {
                items.push(item);
            }
            if !self.eat(TokenType::TK_COMMA) {
                return Ok(items);
            }
        }
    }

    fn item(&mut self) -> Result<Expr> {
        use TokenType::*;
        let first = self.at;
        let qualified = self.is_name(0) && self.kind(1) == TK_DOT && self.kind(2) == TK_STAR;
        if qualified || self.peek() == TK_STAR {
            self.advance(if qualified { 3 } else { 1 });
            return Ok(Expr { star: true, span: self.since(first), ..Expr::default() });
        }
        let mut item = self.expr()?;
        item.alias = self.alias().map(String::into_boxed_str);
        Ok(item)
    }

    /// `as name`, or only the name.
    fn alias(&mut self) -> Option<String> {
        use TokenType::*;
        let written = self.eat(TK_AS);
        let elided = !written
            && self.is_name(0)
            && !matches!(self.peek(), TK_INDEXED | TK_JOIN_KW)
            && !self.begins_window_clause();
        if !written && !elided {
            return None;
        }
        let alias = unquoted(self.word());
        self.advance(1);
        Some(alias)
    }

    /// Behind `from`; whether a join can leave out rows of the first table.
    pub(super) fn from(&mut self) -> Result<bool> {
        use TokenType::*;
        let mut drops_rows = false;
        loop {
            self.table_or_subquery()?;
            if self.eat(TK_ON) {
                self.quietly(Reader::expr)?;
            } else if self.eat(TK_USING) {
                self.name_list()?;
            }
            match self.join()? {
                Some(drops) => drops_rows |= drops,
                None => return Ok(drops_rows),
            }
        }
    }

    /// A join's key words; whether it can leave out rows of what stands before it.
    fn join(&mut self) -> Result<Option<bool>> {
        use TokenType::*;
        if self.eat(TK_COMMA) {
            return Ok(Some(true));
        }
        let mut keeps_left = false;
        let first = self.at;
        while self.peek() == TK_JOIN_KW {
            keeps_left |= ["left", "full"].iter().any(|w| self.word().eq_ignore_ascii_case(w));
            self.advance(1);
        }
        if self.eat(TK_JOIN) {
            return Ok(Some(!keeps_left));
        }
        if self.at > first { Err(self.stuck("`join` was expected")) } else { Ok(None) }
    }

    fn table_or_subquery(&mut self) -> Result<()> {
        use TokenType::*;
        if self.peek() == TK_LP {
            self.advance(1);
            if self.begins_query(0) {
                self.quietly(Reader::query)?;
            } else {
                self.quietly(Reader::from)?;
            }
            self.expect(TK_RP, "a closing parenthesis was expected")?;
            self.alias();
            return Ok(());
        }
        let table = self.object()?;
        if self.peek() == TK_LP {
            self.mentions.calls.push(table.name.to_ascii_lowercase());
            self.advance(1);
            if self.peek() != TK_RP {
                self.quietly(Reader::expr_list)?;
            }
            self.expect(TK_RP, "a closing parenthesis was expected")?;
            self.alias();
            return Ok(());
        }
        self.mention_table(table);
        self.alias();
        self.indexed();
        Ok(())
    }

    /// `indexed by i`, `not indexed`.
    pub(super) fn indexed(&mut self) {
        use TokenType::*;
        if self.eat_all(&[TK_INDEXED, TK_BY]) {
            self.advance(1);
        } else {
            self.eat_all(&[TK_NOT, TK_INDEXED]);
        }
    }

    /// `values (..), (..)`: the first row.
    pub(super) fn values(&mut self) -> Result<Vec<Expr>> {
        use TokenType::*;
        self.expect(TK_VALUES, "`values` was expected")?;
        self.expect(TK_LP, "a row was expected")?;
        let first = self.expr_list()?;
        self.expect(TK_RP, "a closing parenthesis was expected")?;
        while self.eat(TK_COMMA) {
            self.expect(TK_LP, "a row was expected")?;
            self.quietly(Reader::expr_list)?;
            self.expect(TK_RP, "a closing parenthesis was expected")?;
        }
        Ok(first)
    }
}
