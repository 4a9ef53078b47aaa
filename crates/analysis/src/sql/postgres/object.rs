//! `create` and `drop` of everything that is no table and no index.

use squawk_syntax::{
    SyntaxKind::{self, *},
    SyntaxNode,
    ast::{self, AstNode},
};

use super::{
    super::{Action, ObjectKind, ObjectName, Within},
    lower::Lower,
    tree,
};

impl Lower<'_> {
    /// `create`; `named` is the kind of node that holds the new name.
    pub(super) fn create(&mut self, node: &SyntaxNode, kind: ObjectKind, named: SyntaxKind) {
        let name = match tree::child(node, named) {
            Some(name) if matches!(named, CAST_SIG | OP) => ObjectName::bare(tree::plain_text(&name)),
            Some(name) => tree::object(&name),
            None => ObjectName::bare(""),
        };
        let action = Action::Create {
            kind,
            name,
            on: on(node),
            or_replace: tree::has(node, OR_REPLACE),
            if_not_exists: tree::if_not_exists(node),
            temporary: tree::has(node, TEMP),
        };
        self.push(node, action);
    }

    /// `create schema s create table t ..`: the elements stand in the schema.
    pub(super) fn create_schema(&mut self, node: &SyntaxNode) {
        let target = node.children().find(|n| matches!(n.kind(), NAMED_SCHEMA | AUTHORIZATION_SCHEMA));
        // Without a name, the schema is called as its owner.
        let name =
            target.map(|t| tree::name_in(&t, SCHEMA).or_else(|| tree::name_in(&t, ROLE)).unwrap_or_default());
        let schema = name.unwrap_or_default();
        self.push(
            node,
            Action::Create {
                kind: ObjectKind::Schema,
                name: ObjectName::bare(schema.clone()),
                on: None,
                or_replace: false,
                if_not_exists: tree::if_not_exists(node),
                temporary: false,
            },
        );
        let elements = self.effects.len();
        for element in node.children().filter_map(ast::SchemaElement::cast) {
            if let Some(stmt) = ast::Stmt::cast(element.syntax().clone()) {
                self.statement(&stmt);
            }
        }
        for effect in &mut self.effects[elements..] {
            if let Some(name) = created(&mut effect.action) {
                name.schema.get_or_insert_with(|| schema.clone());
            }
        }
    }

    /// `create rule`, whose actions run when it fires.
    pub(super) fn create_rule(&mut self, node: &SyntaxNode) {
        self.create(node, ObjectKind::Rule, RULE);
        let Some(action) = tree::child(node, RULE_DO) else { return };
        let list = tree::child(&action, RULE_STMT_LIST).unwrap_or(action);
        for stmt in list.children().filter_map(ast::Stmt::cast) {
            self.entering(Within::TriggerBody, |lower| lower.statement(&stmt));
        }
    }

    pub(super) fn drop(&mut self, node: &SyntaxNode, kind: ObjectKind) {
        let action = Action::Drop {
            kind,
            names: dropped(node),
            on: on(node),
            if_exists: tree::if_exists(node),
            cascade: tree::cascades(node),
            concurrently: tree::has_word(node, CONCURRENTLY_KW),
        };
        self.push(node, action);
    }

    /// `drop owned by` and `reassign owned by`.
    pub(super) fn drop_owned(&mut self, node: &SyntaxNode, reassign: bool) {
        let roles =
            tree::child(node, ROLE_REF_LIST).map(|list| tree::names_in(&list, ROLE_REF)).unwrap_or_default();
        self.push(node, Action::DropOwned { roles, reassign });
    }
}

/// The table of a trigger, rule or policy.
fn on(node: &SyntaxNode) -> Option<ObjectName> {
    let place = node.children().find(|n| matches!(n.kind(), ON_RELATION | ON_TABLE | RULE_ON))?;
    tree::object_in(&place, RELATION_NAME_REF).or_else(|| tree::object_in(&place, TABLE_NAME_REF))
}

/// The names in a `drop`, whatever kind of object the grammar makes of them.
fn dropped(node: &SyntaxNode) -> Vec<ObjectName> {
    let mut names = Vec::new();
    for child in node.children() {
        match child.kind() {
            IF_EXISTS
            | CASCADE
            | RESTRICT
            | ON_RELATION
            | ON_TABLE
            | USING_METHOD
            | SERVER_CLAUSE
            | DROP_DATABASE_FORCE_CLAUSE => {}
            FUNCTION_SIG_LIST | PROCEDURE_SIG_LIST | ROUTINE_SIG_LIST => {
                names.extend(child.children().map(|n| tree::object(&n)));
            }
            OP_SIG_LIST => names.extend(child.children().map(|n| ObjectName::bare(tree::plain_text(&n)))),
            CAST_SIG => names.push(ObjectName::bare(tree::plain_text(&child))),
            _ => names.push(tree::object(&child)),
        }
    }
    names
}

/// The name of what an element of `create schema` creates, or of the table it stands on.
fn created(action: &mut Action) -> Option<&mut ObjectName> {
    match action {
        Action::CreateTable(table) => table.name.as_mut(),
        Action::CreateIndex(index) => Some(&mut index.table),
        Action::Create { kind: ObjectKind::Trigger, on, .. } => on.as_mut(),
        Action::Create { name, .. } => Some(name),
        _ => None,
    }
}
