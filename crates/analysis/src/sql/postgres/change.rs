//! Statements that change rows.

use squawk_syntax::{
    SyntaxKind::{self, *},
    SyntaxNode,
    ast::{self, AstNode},
};

use super::{
    super::{Action, Insert, InsertSource, ObjectName, OnConflict, Update, Within, expr::Expr},
    ctes::{Ctes, Names},
    expr::{self, Scope},
    facts::facts,
    lower::{Lower, is_change, named},
    query, tree,
};

impl Lower<'_> {
    /// `insert`, `update`, `delete` or `merge`, with what its `with` queries change.
    pub(super) fn change(&mut self, node: &SyntaxNode) {
        self.data_changing_ctes(node);
        self.change_alone(node, None);
    }

    /// The same without its `with` queries; `outer` are those in sight of it.
    pub(super) fn change_alone(&mut self, node: &SyntaxNode, outer: Option<&Ctes<'_>>) {
        let names = tree::child(node, WITH_CLAUSE).map(|with| Names::of(&with));
        let own = names.as_ref().map(|names| Ctes::new(names, usize::MAX, outer));
        let scope = Scope { origin: self.origin, ctes: own.as_ref().or(outer) };
        let action = match node.kind() {
            INSERT => Action::Insert(Box::new(insert(node, scope))),
            UPDATE => Action::Update(Box::new(update(node, scope))),
            DELETE => Action::Delete {
                table: named(node, RELATION_NAME),
                filter: expr::filter(node, scope),
                using: tables_in(node, USING_CLAUSE, scope),
            },
            _ => merge(node),
        };
        self.push(node, action);
    }

    pub(super) fn truncate(&mut self, node: &SyntaxNode) {
        let list = tree::child(node, TABLE_LIST);
        let tables = list.map(|l| tree::objects_in(&l, TABLE_RELATION_NAME)).unwrap_or_default();
        self.push(node, Action::Truncate { tables, cascade: tree::cascades(node) });
    }

    pub(super) fn copy(&mut self, node: &SyntaxNode) {
        if let Some(inner) =
            tree::child(node, COPY_QUERY).and_then(|q| q.children().find_map(ast::Stmt::cast))
        {
            // `copy (delete .. returning ..) to` deletes.
            self.nested_change(inner.syntax());
        }
        let table = tree::child(node, COPY_TABLE).and_then(|t| tree::object_in(&t, TABLE_NAME_REF));
        let direction = tree::child(node, COPY_FROM).or_else(|| tree::child(node, COPY_TO));
        let stdio = direction.is_some_and(|d| tree::has(&d, COPY_STDIN) || tree::has(&d, COPY_STDOUT));
        self.push(node, Action::Copy { table, from: tree::has(node, COPY_FROM), stdio });
    }

    /// `explain analyze` does what it explains; plain `explain` does nothing.
    pub(super) fn explain(&mut self, node: &SyntaxNode) {
        let options = tree::child(node, EXPLAIN_OPTION_LIST);
        let asked = |list: &SyntaxNode| {
            list.children().any(|option| {
                let text = tree::plain_text(&option).to_ascii_lowercase();
                let mut words = text.split(' ');
                let is_analyze = matches!(words.next(), Some("analyze" | "analyse"));
                is_analyze
                    && !matches!(words.next(), Some("off" | "false" | "0" | "no" | "'off'" | "'false'"))
            })
        };
        let runs = tree::has(node, EXPLAIN_ANALYZE) || options.is_some_and(|list| asked(&list));
        match node.children().find_map(ast::Stmt::cast).filter(|_| runs) {
            Some(explained) => self.statement(&explained),
            None => self.push(node, Action::Other),
        }
    }

    /// `prepare` keeps a statement that runs when `execute` names it.
    pub(super) fn prepare(&mut self, node: &SyntaxNode) {
        self.push(node, Action::Other);
        if let Some(prepared) = node.children().find_map(ast::Stmt::cast) {
            self.entering(Within::FunctionBody, |lower| lower.statement(&prepared));
        }
    }

    pub(super) fn call(&mut self, node: &SyntaxNode) {
        self.push(node, Action::Call { name: named(node, PROCEDURE_NAME_REF) });
    }

    /// The changes made by a statement that stands within another one's parentheses.
    fn nested_change(&mut self, node: &SyntaxNode) {
        self.data_changing_ctes(node);
        if is_change(node.kind()) {
            self.entering(Within::Cte, |lower| lower.change_alone(node, None));
        }
    }
}

fn insert(node: &SyntaxNode, scope: Scope<'_>) -> Insert {
    let (on_conflict, conflict_columns) = on_conflict(node, scope);
    Insert {
        table: named(node, RELATION_NAME_REF),
        columns: tree::child(node, COLUMN_TARGET_LIST).map(|list| target_columns(&list)),
        source: source(node, scope),
        on_conflict,
        conflict_columns,
    }
}

fn source(node: &SyntaxNode, scope: Scope<'_>) -> InsertSource {
    let Some(from) = node.children().find(|n| query::is_query(n.kind())) else {
        return InsertSource::DefaultValues;
    };
    let only_rows = from.kind() == VALUES && from.children().all(|n| n.kind() == ROW_LIST);
    if only_rows && tree::has(&from, ROW_LIST) {
        InsertSource::Values
    } else {
        InsertSource::Query(Box::new(query::query(&from, scope)))
    }
}

fn target_columns(list: &SyntaxNode) -> Box<[String]> {
    let targets = list.children().filter(|n| n.kind() == COLUMN_TARGET);
    targets.filter_map(|target| tree::name_in(&target, COLUMN_NAME_REF)).collect()
}

fn on_conflict(node: &SyntaxNode, scope: Scope<'_>) -> (OnConflict, Box<[String]>) {
    let Some(clause) = tree::child(node, ON_CONFLICT_CLAUSE) else {
        return (OnConflict::Fail, Box::default());
    };
    let items =
        tree::child(&clause, CONFLICT_ON_INDEX).and_then(|i| tree::child(&i, CONFLICT_INDEX_ITEM_LIST));
    let columns = items.map(|items| {
        let items = items.children().filter(|n| n.kind() == CONFLICT_INDEX_ITEM);
        items.filter_map(|item| Some(expr::expr_in(&item, scope)?.column?.into())).collect()
    });
    // `do select` (Postgres 19) leaves the row out as well.
    let action =
        if tree::has(&clause, CONFLICT_DO_UPDATE_SET) { OnConflict::Update } else { OnConflict::Ignore };
    (action, columns.unwrap_or_default())
}

fn update(node: &SyntaxNode, scope: Scope<'_>) -> Update {
    Update {
        table: named(node, RELATION_NAME),
        assignments: tree::child(node, SET_CLAUSE).map(|set| assignments(&set, scope)).unwrap_or_default(),
        filter: expr::filter(node, scope),
        from: tables_in(node, FROM_CLAUSE, scope).into(),
        on_conflict: OnConflict::Fail,
        on_conflict_span: None,
    }
}

fn assignments(set: &SyntaxNode, scope: Scope<'_>) -> Box<[(String, Expr)]> {
    let Some(list) = tree::child(set, SET_COLUMN_LIST) else { return Box::default() };
    let mut found = Vec::new();
    for assignment in list.children() {
        if let Some(target) = tree::child(&assignment, COLUMN_TARGET) {
            let column = tree::name_in(&target, COLUMN_NAME_REF).unwrap_or_default();
            let value = tree::child(&assignment, SET_EXPR).map(|v| assigned(&v, scope)).unwrap_or_default();
            found.push((column, value));
        } else if let Some(targets) = tree::child(&assignment, COLUMN_TARGET_LIST) {
            let values = tree::child(&assignment, SET_EXPR_LIST);
            let mut values = values.iter().flat_map(|v| v.children()).filter(|n| n.kind() == SET_EXPR);
            let row = tree::child(&assignment, PAREN_SELECT);
            for column in target_columns(&targets) {
                let value = values.next().or_else(|| row.clone());
                found.push((column, value.map(|v| assigned(&v, scope)).unwrap_or_default()));
            }
        }
    }
    found.into()
}

/// The right side of an assignment: an expression, `default`, or a query for several columns.
fn assigned(node: &SyntaxNode, scope: Scope<'_>) -> Expr {
    let inner = if node.kind() == SET_EXPR { expr::expr_node(node) } else { None };
    expr::expr(&inner.unwrap_or_else(|| node.clone()), scope)
}

/// The tables in a `from` or `using` clause.
fn tables_in(node: &SyntaxNode, clause: SyntaxKind, scope: Scope<'_>) -> Vec<ObjectName> {
    tree::child(node, clause).map(|c| facts(&c, scope).tables).unwrap_or_default()
}

fn merge(node: &SyntaxNode) -> Action {
    let mut branches = node.children().filter_map(|when| {
        when.children()
            .find(|n| matches!(n.kind(), MERGE_DELETE | MERGE_UPDATE | MERGE_INSERT))
            .map(|n| n.kind())
    });
    let (mut deletes, mut updates, mut inserts) = (false, false, false);
    for branch in branches.by_ref() {
        deletes |= branch == MERGE_DELETE;
        updates |= branch == MERGE_UPDATE;
        inserts |= branch == MERGE_INSERT;
    }
    Action::Merge { table: named(node, TABLE_RELATION_NAME), deletes, updates, inserts }
}
