//! Tables, columns, constraints and indexes.

use squawk_syntax::{
    SyntaxKind::{self, *},
    SyntaxNode,
    ast::{self, AstNode},
};

use super::{
    super::{
        Action, Query,
        table::{Column, Constraint, ConstraintKind, CreateIndex, CreateTable, Generated, Reference},
    },
    expr::{self, Scope},
    lower::{Lower, named},
    tree, types,
};

impl Lower<'_> {
    pub(super) fn create_table(&mut self, node: &SyntaxNode) {
        let scope = Scope { origin: self.origin, ctes: None };
        let mut table = CreateTable {
            name: tree::object_in(node, TABLE_NAME),
            if_not_exists: tree::if_not_exists(node),
            temporary: tree::has(node, TEMP),
            unlogged: tree::has(node, UNLOGGED),
            inherits: tree::child(node, INHERITS)
                .map(|i| tree::objects_in(&i, TABLE_NAME_REF))
                .unwrap_or_default(),
            partitioned: tree::has(node, PARTITION_BY),
            partition_of: tree::child(node, PARTITION_OF).and_then(|p| tree::object_in(&p, TABLE_NAME_REF)),
            ..CreateTable::default()
        };
        for part in tree::child(node, TABLE_ARG_LIST).iter().flat_map(|list| list.children()) {
            match part.kind() {
                COLUMN => table.columns.push(column(&part, scope)),
                LIKE_CLAUSE => table.like.extend(tree::object_in(&part, RELATION_NAME_REF)),
                _ => table.constraints.extend(constraint(&part, scope)),
            }
        }
        self.push(node, Action::CreateTable(Box::new(table)));
    }

    /// `create table .. as`.
    pub(super) fn create_table_as(&mut self, node: &SyntaxNode) {
        self.data_changing_ctes(node);
        let action = Action::CreateTableAs {
            name: named(node, TABLE_NAME),
            temporary: tree::has(node, TEMP),
            if_not_exists: tree::if_not_exists(node),
            query: Box::new(self.query_of(node)),
        };
        self.push(node, action);
        if tree::has(node, EXECUTE) {
            self.push(node, Action::DynamicSql);
        }
    }

    /// `select .. into t`.
    pub(super) fn select_into(&mut self, node: &SyntaxNode) {
        self.data_changing_ctes(node);
        let Some(into) = tree::child(node, INTO_CLAUSE) else { return };
        let query: Box<Query> = Box::new(self.query_of(node));
        let (name, temporary) = (named(&into, TABLE_NAME), tree::has(&into, TEMP));
        self.push(node, Action::CreateTableAs { name, temporary, if_not_exists: false, query });
    }

    pub(super) fn create_index(&mut self, node: &SyntaxNode) {
        let scope = Scope { origin: self.origin, ctes: None };
        let on = tree::child(node, TABLE_RELATION_NAME);
        let items = tree::child(node, PARTITION_ITEM_LIST);
        let items = items.iter().flat_map(|list| list.children()).filter(|n| n.kind() == PARTITION_ITEM);
        let method = tree::child(node, USING_METHOD).and_then(|m| tree::name_in(&m, ACCESS_METHOD_REF));
        let index = CreateIndex {
            name: tree::object_in(node, INDEX),
            table: named(node, TABLE_RELATION_NAME),
            unique: tree::has_word(node, UNIQUE_KW),
            concurrently: tree::has_word(node, CONCURRENTLY_KW),
            if_not_exists: tree::if_not_exists(node),
            only: on.is_some_and(|on| tree::has_word(&on, ONLY_KW)),
            columns: items.filter_map(|item| expr::expr_in(&item, scope)).collect(),
            method: method.unwrap_or_else(|| "btree".to_owned()),
            predicate: expr::filter(node, scope),
        };
        self.push(node, Action::CreateIndex(Box::new(index)));
    }

    pub(super) fn reindex(&mut self, reindex: &ast::Reindex) {
        let node = reindex.syntax();
        let Some(target) = node.children().find_map(ast::ReindexTarget::cast) else { return };
        let (word, named) = match &target {
            ast::ReindexTarget::ReindexTargetDatabase(_) => ("database", DATABASE_REF),
            ast::ReindexTarget::ReindexTargetIndex(_) => ("index", INDEX_REF),
            ast::ReindexTarget::ReindexTargetSchema(_) => ("schema", SCHEMA_REF),
            ast::ReindexTarget::ReindexTargetSystem(_) => ("system", DATABASE_REF),
            ast::ReindexTarget::ReindexTargetTable(_) => ("table", TABLE_NAME_REF),
        };
        let name = tree::object_in(target.syntax(), named);
        let concurrently = reindex.is_concurrently();
        self.push(node, Action::Reindex { concurrently, target: word.to_owned(), name });
    }
}

/// A column's definition, in `create table` or behind `add column`.
pub(super) fn column(node: &SyntaxNode, scope: Scope<'_>) -> Column {
    let mut column = Column { span: scope.origin.of(node), ..Column::default() };
    for part in node.children() {
        match part.kind() {
            COLUMN_NAME => {
                column.name = tree::name(&part);
                // Without the words `add column` before it.
                column.span.start = scope.origin.of(&part).start;
            }
            COLLATE => column.collation = tree::object_in(&part, COLLATION_REF).map(|c| c.name),
            NOT_NULL_CONSTRAINT => column.not_null = true,
            PRIMARY_KEY_CONSTRAINT => column.primary_key = true,
            UNIQUE_CONSTRAINT => column.unique = true,
            CHECK_CONSTRAINT => column.checks.extend(expr::expr_in(&part, scope)),
            DEFAULT_CONSTRAINT => column.default = expr::expr_in(&part, scope).map(Box::new),
            REFERENCES_CONSTRAINT => column.references = Some(Box::new(reference(&part))),
            GENERATED_CONSTRAINT => {
                column.identity |= tree::has(&part, GENERATED_IDENTITY);
                column.generated = tree::child(&part, GENERATED_STORED).map(|g| generated(&g));
            }
            kind if types::is_type(kind) => {
                column.ty = Some(Box::new(types::type_name(&part, scope.origin)));
            }
            _ => {}
        }
    }
    column
}

/// `virtual` is what Postgres 18 takes when nothing is said; before it only `stored` is allowed.
fn generated(node: &SyntaxNode) -> Generated {
    if tree::has(node, STORED) { Generated::Stored } else { Generated::Virtual }
}

fn reference(node: &SyntaxNode) -> Reference {
    let columns = match node.children().filter(|n| n.kind() == FOREIGN_KEY_COLUMN_LIST).nth(1) {
        Some(list) => key_columns(&list),
        None => tree::names_in(node, COLUMN_NAME_REF),
    };
    Reference {
        table: named(node, TABLE_NAME_REF),
        columns,
        on_delete: referential(node, ON_DELETE_ACTION),
        on_update: referential(node, ON_UPDATE_ACTION),
    }
}

fn referential(node: &SyntaxNode, event: SyntaxKind) -> String {
    let action = tree::child(node, event).and_then(|a| a.first_child()).map(|a| a.kind());
    match action {
        Some(CASCADE) => "cascade",
        Some(RESTRICT) => "restrict",
        Some(SET_NULL_COLUMNS) => "set null",
        Some(SET_DEFAULT_COLUMNS) => "set default",
        _ => "no action",
    }
    .to_owned()
}

/// The columns of a list, `period c` included.
fn key_columns(list: &SyntaxNode) -> Vec<String> {
    let columns = list.children().filter(|n| matches!(n.kind(), COLUMN_NAME_REF | PERIOD_COLUMN));
    columns.map(|n| tree::name_in(&n, COLUMN_NAME_REF).unwrap_or_else(|| tree::name(&n))).collect()
}

/// A table's constraint; `None` when the node is none.
pub(super) fn constraint(node: &SyntaxNode, scope: Scope<'_>) -> Option<Constraint> {
    let kind = match node.kind() {
        PRIMARY_KEY_CONSTRAINT => {
            let (columns, using_index) = key(node);
            ConstraintKind::PrimaryKey { columns, using_index }
        }
        UNIQUE_CONSTRAINT => {
            let (columns, using_index) = key(node);
            ConstraintKind::Unique { columns, using_index }
        }
        CHECK_CONSTRAINT => ConstraintKind::Check(expr::expr_in(node, scope).unwrap_or_default()),
        FOREIGN_KEY_CONSTRAINT => ConstraintKind::ForeignKey {
            columns: tree::child(node, FOREIGN_KEY_COLUMN_LIST).map(|l| key_columns(&l)).unwrap_or_default(),
            references: reference(node),
        },
        EXCLUDE_CONSTRAINT => ConstraintKind::Exclude,
        NOT_NULL_CONSTRAINT => {
            ConstraintKind::NotNull(tree::name_in(node, COLUMN_NAME_REF).unwrap_or_default())
        }
        _ => return None,
    };
    Some(Constraint {
        name: tree::child(node, CONSTRAINT_NAME_CLAUSE).and_then(|c| tree::name_in(&c, CONSTRAINT_NAME)),
        span: scope.origin.of(node),
        kind,
        not_valid: tree::has(node, NOT_VALID),
        on_conflict: None,
    })
}

/// The columns of a key, or the index it takes over.
fn key(node: &SyntaxNode) -> (Vec<String>, Option<String>) {
    let index = tree::child(node, USING_INDEX_NAME).and_then(|u| tree::object_in(&u, INDEX_REF));
    let list = tree::child(node, INDEX_PARAMETERS).and_then(|p| tree::child(&p, CONSTRAINT_COLUMN_REF_LIST));
    (list.map(|l| tree::names_in(&l, COLUMN_NAME_REF)).unwrap_or_default(), index.map(|i| i.name))
}
