//! Queries.

use squawk_syntax::{
    SyntaxKind, SyntaxNode,
    ast::{self, AstNode},
};

use super::{
    super::{Query, expr::Expr},
    expr::{self, Scope},
    facts::facts,
    tree,
};

/// Whether `kind` is a query by itself.
pub(super) fn is_query(kind: SyntaxKind) -> bool {
    use SyntaxKind::*;
    matches!(kind, SELECT | SELECT_INTO | COMPOUND_SELECT | VALUES | TABLE | PAREN_SELECT)
}

/// The query that is a child of `node`.
pub(super) fn query_in(node: &SyntaxNode, scope: Scope<'_>) -> Option<Query> {
    node.children().find(|n| is_query(n.kind())).map(|n| query(&n, scope))
}

/// Reads a query.
pub(super) fn query(node: &SyntaxNode, scope: Scope<'_>) -> Query {
    let facts = facts(node, scope);
    let shape = Shape::of(node);
    let filter = expr::filter(&shape.first, scope);
    Query {
        items: items(&shape.first, scope),
        tables: facts.tables,
        filter,
        compound: shape.compound,
        reduces: shape.reduces || reduces(&shape.first),
        joins: joins(&shape.first),
        calls: facts.calls,
    }
}

/// Facts of an expression that stands where a query could, as in a procedural body.
pub(super) fn expression(node: &SyntaxNode, scope: Scope<'_>) -> Query {
    let facts = facts(node, scope);
    Query { tables: facts.tables, calls: facts.calls, ..Query::default() }
}

/// What stands around the first arm of a query.
struct Shape {
    /// The first plain `select`, `values` or `table`.
    first: SyntaxNode,
    compound: bool,
    reduces: bool,
}

impl Shape {
    fn of(node: &SyntaxNode) -> Shape {
        use SyntaxKind::*;
        let mut shape = Shape { first: node.clone(), compound: false, reduces: false };
        loop {
            let node = shape.first.clone();
            match node.kind() {
                COMPOUND_SELECT => {
                    shape.compound = true;
                    // `union` drops equal rows, `intersect` and `except` others.
                    let keeps_all = tree::child(&node, UNION).is_some_and(|u| tree::has(&u, ALL));
                    shape.reduces |= !keeps_all;
                }
                PAREN_SELECT | PAREN_EXPR => {}
                VALUES => {
                    shape.compound = true;
                    return shape;
                }
                _ => return shape,
            }
            shape.reduces |= limits(&node);
            let is_arm = |n: &SyntaxNode| is_query(n.kind()) || n.kind() == PAREN_EXPR;
            let Some(inner) = node.children().find(is_arm) else { return shape };
            shape.first = inner;
        }
    }
}

/// The outermost select list.
fn items(first: &SyntaxNode, scope: Scope<'_>) -> Vec<Expr> {
    use SyntaxKind::*;
    match first.kind() {
        TABLE => vec![Expr { star: true, span: scope.origin.of(first), ..Expr::default() }],
        VALUES => {
            let row = tree::child(first, ROW_LIST).and_then(|rows| tree::child(&rows, ROW));
            row.map(|row| row_of(&row, scope)).unwrap_or_default()
        }
        _ => {
            let list = tree::child(first, SELECT_CLAUSE).and_then(|clause| tree::child(&clause, TARGET_LIST));
            list.map(|list| targets(&list, scope)).unwrap_or_default()
        }
    }
}

fn targets(list: &SyntaxNode, scope: Scope<'_>) -> Vec<Expr> {
    let is_target = |n: &SyntaxNode| n.kind() == SyntaxKind::TARGET;
    list.children().filter(is_target).map(|target| item(&target, scope)).collect()
}

fn item(target: &SyntaxNode, scope: Scope<'_>) -> Expr {
    let alias = tree::child(target, SyntaxKind::AS_NAME);
    let alias = alias.map(|n| tree::name(&n.last_child().unwrap_or(n)).into_boxed_str());
    match expr::expr_node(target) {
        Some(node) => Expr { alias, ..expr::expr(&node, scope) },
        None => {
            let star = tree::has_word(target, SyntaxKind::STAR);
            Expr { star, alias, span: scope.origin.of(target), ..Expr::default() }
        }
    }
}

/// The expressions of one row of `values`.
fn row_of(row: &SyntaxNode, scope: Scope<'_>) -> Vec<Expr> {
    let values = row.children().filter(|n| ast::Expr::can_cast(n.kind()));
    values.map(|n| expr::expr(&n, scope)).collect()
}

/// `limit`, `offset`, `fetch first`.
fn limits(node: &SyntaxNode) -> bool {
    use SyntaxKind::*;
    node.children().any(|n| matches!(n.kind(), LIMIT_CLAUSE | OFFSET_CLAUSE | FETCH_CLAUSE))
}

fn reduces(first: &SyntaxNode) -> bool {
    use SyntaxKind::*;
    let clause = tree::child(first, SELECT_CLAUSE);
    limits(first)
        || tree::has(first, GROUP_BY_CLAUSE)
        || tree::has(first, HAVING_CLAUSE)
        || clause.as_ref().is_some_and(|c| tree::has(c, DISTINCT_CLAUSE))
        || clause.and_then(|c| tree::child(&c, TARGET_LIST)).is_some_and(|list| aggregates(&list))
}

/// Whether an aggregate function is called in the select list itself: not as a window
/// function, not within a subquery.
fn aggregates(list: &SyntaxNode) -> bool {
    use SyntaxKind::*;
    let mut node = list.clone();
    loop {
        if node.kind() == CALL_EXPR && !tree::has(&node, OVER_CLAUSE) && is_aggregate(&node) {
            return true;
        }
        let inner = if is_query(node.kind()) { None } else { node.first_child() };
        let next = inner.or_else(|| following(list, node));
        match next {
            Some(next) => node = next,
            None => return false,
        }
    }
}

/// The node after `node` and all below it, within `root`.
fn following(root: &SyntaxNode, mut node: SyntaxNode) -> Option<SyntaxNode> {
    while node != *root {
        if let Some(next) = node.next_sibling() {
            return Some(next);
        }
        node = node.parent()?;
    }
    None
}

/// The aggregate functions of the server.
const AGGREGATES: [&str; 45] = [
    "any_value",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "every",
    "json_agg",
    "json_agg_strict",
    "json_arrayagg",
    "json_object_agg",
    "json_object_agg_strict",
    "json_objectagg",
    "jsonb_agg",
    "jsonb_agg_strict",
    "jsonb_object_agg",
    "jsonb_object_agg_strict",
    "max",
    "min",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "range_agg",
    "range_intersect_agg",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "xmlagg",
];

fn is_aggregate(call: &SyntaxNode) -> bool {
    let Some(callee) = call.first_child() else { return false };
    let name = match callee.kind() {
        SyntaxKind::NAME_REF => tree::name(&callee),
        SyntaxKind::FIELD_EXPR => callee.last_child().map(|n| tree::name(&n)).unwrap_or_default(),
        _ => callee.first_token().map(|t| t.text().to_ascii_lowercase()).unwrap_or_default(),
    };
    AGGREGATES.binary_search(&name.as_str()).is_ok() || name.starts_with("var_") || name == "variance"
}

/// Whether the outermost `from` can drop rows of its first table: inner and right joins,
/// lists with commas.
fn joins(first: &SyntaxNode) -> bool {
    use SyntaxKind::*;
    let Some(from) = tree::child(first, FROM_CLAUSE) else { return false };
    let items: Vec<_> = from.children().filter(|n| ast::FromListItem::can_cast(n.kind())).collect();
    if items.len() > 1 {
        return true;
    }
    // The first table is at the far left of a chain of joins.
    let mut item = items.into_iter().next();
    while let Some(node) = item {
        if let Some(join) = tree::child(&node, JOIN)
            && (tree::has(&join, JOIN_INNER) || tree::has(&join, JOIN_RIGHT))
        {
            return true;
        }
        item = match node.kind() {
            JOIN_EXPR => node.first_child(),
            // `from (t join u on ..)`
            PAREN_FROM_ITEM | PAREN_EXPR => {
                node.children().find(|n| n.kind() == PAREN_EXPR || ast::FromListItem::can_cast(n.kind()))
            }
            _ => None,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_of_aggregates_is_sorted() {
        assert!(super::AGGREGATES.is_sorted());
    }
}
