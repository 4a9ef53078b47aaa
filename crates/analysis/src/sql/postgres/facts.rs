//! One walk over an expression or query that collects what rules ask: columns, tables,
//! calls and casts.
//!
//! The walk does not call itself, so depth costs no stack, and it visits each node once.

use std::collections::HashSet;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::{
    super::{ObjectName, expr::Cast},
    ctes::{self, Names},
    expr::Scope,
    tree, types,
};
use crate::place::Span;

/// What a walk finds.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) columns: Vec<String>,
    pub(super) tables: Vec<ObjectName>,
    pub(super) calls: Vec<String>,
    pub(super) casts: Vec<Cast>,
    pub(super) double_quoted: Vec<(String, Span)>,
    pub(super) star: bool,
    pub(super) subquery: bool,
}

/// Reads the facts under `root`.
pub(super) fn facts(root: &SyntaxNode, scope: Scope<'_>) -> Facts {
    let mut walk = Walk {
        scope,
        clauses: Vec::new(),
        casting: Vec::new(),
        callee: None,
        columns: Vec::new(),
        found: Facts::default(),
    };
    let mut node = root.clone();
    loop {
        let below = walk.enter(&node).then(|| node.first_child()).flatten();
        node = match below {
            Some(first) => first,
            None => match walk.leave_up_to(root, node) {
                Some(next) => next,
                None => return walk.finish(),
            },
        };
    }
}

struct Walk<'a> {
    scope: Scope<'a>,
    clauses: Vec<Clause>,
    casting: Vec<Casting>,
    /// The name of the function whose call was just entered.
    callee: Option<SyntaxNode>,
    /// Every column in the order read, also when read again.
    columns: Vec<String>,
    found: Facts,
}

/// A cast entered and not left yet.
struct Casting {
    node: SyntaxNode,
    /// Its place in `found.casts`.
    index: usize,
    /// The columns read before it.
    columns: usize,
}

/// A `with` clause in sight.
struct Clause {
    /// The statement it belongs to.
    owner: Option<SyntaxNode>,
    names: Names,
    /// The place of the query the walk is in, or behind all of them.
    place: usize,
    entered: usize,
}

impl Walk<'_> {
    /// Takes note of a node; whether to go into it.
    fn enter(&mut self, node: &SyntaxNode) -> bool {
        use SyntaxKind::*;
        match node.kind() {
            kind if types::is_type(kind) => return false,
            // Tables to lock, and a method of sampling: neither columns nor functions.
            LOCKING_CLAUSE | TABLESAMPLE_CLAUSE => return false,
            FIELD_EXPR => return self.field(node),
            NAME_REF => self.name(node),
            COLUMN_NAME_REF => self.columns.push(tree::name(node)),
            CALL_EXPR => self.call(node),
            CAST_EXPR => self.cast(node),
            SELECT | SELECT_INTO | COMPOUND_SELECT | VALUES | TABLE => self.found.subquery = true,
            RELATION_NAME_REF => self.relation(node),
            WITH_CLAUSE => self.with(node),
            WITH_TABLE => {
                if let Some(clause) = self.clauses.last_mut() {
                    clause.place = clause.entered;
                    clause.entered += 1;
                }
            }
            _ => {}
        }
        self.callee.as_ref() != Some(node)
    }

    /// Leaves `node` and all that end with it; the next node, unless `root` is left.
    fn leave_up_to(&mut self, root: &SyntaxNode, mut node: SyntaxNode) -> Option<SyntaxNode> {
        loop {
            self.leave(&node);
            if node == *root {
                return None;
            }
            if let Some(next) = node.next_sibling() {
                return Some(next);
            }
            node = node.parent()?;
        }
    }

    fn leave(&mut self, node: &SyntaxNode) {
        if self.casting.last().is_some_and(|c| c.node == *node) {
            let Some(cast) = self.casting.pop() else { return };
            self.found.casts[cast.index].columns = distinct(&self.columns[cast.columns..]);
        }
        if node.kind() == SyntaxKind::WITH_CLAUSE {
            if let Some(clause) = self.clauses.last_mut() {
                clause.place = usize::MAX;
            }
        } else if self.clauses.last().is_some_and(|c| c.owner.as_ref() == Some(node)) {
            self.clauses.pop();
        }
    }

    /// `a`, `current_date`: a column or a function called without parentheses.
    fn name(&mut self, node: &SyntaxNode) {
        if self.callee.as_ref() == Some(node) {
            return;
        }
        let parent = node.parent();
        let is_field = parent
            .is_some_and(|p| p.kind() == SyntaxKind::FIELD_EXPR && p.first_child().as_ref() != Some(node));
        if is_field {
            return;
        }
        match niladic(node) {
            Some(function) => self.found.calls.push(function),
            None => {
                self.quoted(node);
                self.columns.push(tree::name(node));
            }
        }
    }

    /// `t.a`, `s.t.a`, `t.*`: one column. `(x).a` and `f(x).a` are looked into.
    fn field(&mut self, node: &SyntaxNode) -> bool {
        if self.callee.as_ref() == Some(node) {
            return false;
        }
        if node.parent().is_some_and(|p| p.kind() == SyntaxKind::FIELD_EXPR) {
            return true;
        }
        let base = std::iter::successors(node.first_child(), |n| n.first_child())
            .find(|n| n.kind() != SyntaxKind::FIELD_EXPR);
        if base.is_none_or(|n| n.kind() != SyntaxKind::NAME_REF) {
            return true;
        }
        if tree::has_word(node, SyntaxKind::STAR) {
            self.found.star = true;
        } else if let Some(column) = node.last_child() {
            self.quoted(&column);
            self.columns.push(tree::name(&column));
        }
        false
    }

    fn quoted(&mut self, name: &SyntaxNode) {
        if let Some(token) = name.first_token().filter(|t| t.text().starts_with('"')) {
            let span = self.scope.origin.span(token.text_range());
            self.found.double_quoted.push((token.text().to_owned(), span));
        }
    }

    fn call(&mut self, node: &SyntaxNode) {
        use SyntaxKind::*;
        let Some(callee) = node.first_child() else { return };
        let name = match callee.kind() {
            NAME_REF => tree::name(&callee),
            FIELD_EXPR => callee.last_child().map(|n| tree::name(&n)).unwrap_or_default(),
            // Forms of comparison, no functions.
            SOME_FN | ANY_FN | ALL_FN | EXISTS_FN => return,
            // `extract (.. from ..)` and its kind begin with their name.
            _ => {
                let word = callee.first_token().map(|t| t.text().to_ascii_lowercase());
                self.found.calls.extend(word);
                return;
            }
        };
        self.found.calls.push(name.to_lowercase());
        self.callee = Some(callee);
    }

    fn cast(&mut self, node: &SyntaxNode) {
        let Some(to) = types::type_in(node, self.scope.origin) else { return };
        self.casting.push(Casting {
            node: node.clone(),
            index: self.found.casts.len(),
            columns: self.columns.len(),
        });
        self.found.casts.push(Cast {
            to,
            columns: Vec::new(),
            span: self.scope.origin.span(node.text_range()),
        });
    }

    /// A table, when it is read rather than written, and no `with` query.
    fn relation(&mut self, node: &SyntaxNode) {
        use SyntaxKind::*;
        let Some(parent) = node.parent() else { return };
        let is_read = match parent.kind() {
            RELATION_FROM_ITEM => true,
            RELATION_NAME => parent.parent().is_some_and(|p| p.kind() == TABLE),
            _ => false,
        };
        let table = tree::object(node);
        if is_read && !(table.schema.is_none() && self.is_cte(&table.name)) {
            self.found.tables.push(table);
        }
    }

    fn is_cte(&self, name: &str) -> bool {
        self.clauses.iter().any(|c| c.names.sees(c.place, name))
            || self.scope.ctes.is_some_and(|c| c.contains(name))
    }

    fn with(&mut self, node: &SyntaxNode) {
        self.clauses.push(Clause { owner: ctes::owner(node), names: Names::of(node), place: 0, entered: 0 });
    }

    fn finish(mut self) -> Facts {
        self.found.columns = distinct(&self.columns);
        self.found.calls = distinct(&self.found.calls);
        self.found.tables = distinct(&self.found.tables);
        self.found
    }
}

/// The function that a bare key word such as `current_timestamp` calls.
pub(super) fn niladic(name: &SyntaxNode) -> Option<String> {
    use SyntaxKind::*;
    let token = name.first_token()?;
    matches!(
        token.kind(),
        CURRENT_CATALOG_KW
            | CURRENT_DATE_KW
            | CURRENT_ROLE_KW
            | CURRENT_SCHEMA_KW
            | CURRENT_TIME_KW
            | CURRENT_TIMESTAMP_KW
            | CURRENT_USER_KW
            | LOCALTIME_KW
            | LOCALTIMESTAMP_KW
            | SESSION_USER_KW
            | SYSTEM_USER_KW
            | USER_KW
    )
    .then(|| token.text().to_ascii_lowercase())
}

/// The items in their first order, each once.
fn distinct<T: Clone + Eq + std::hash::Hash>(items: &[T]) -> Vec<T> {
    let mut seen = HashSet::new();
    items.iter().filter(|i| seen.insert(*i)).cloned().collect()
}
