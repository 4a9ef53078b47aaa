//! `alter`: of tables clause by clause, of other objects in the few ways rules ask about.

use squawk_syntax::{
    SyntaxKind::{self, *},
    SyntaxNode,
    ast::{AlterColumnOption as O, AlterTableAction as A, AstNode},
};

use super::{
    super::{
        Action, ObjectKind, ObjectName,
        table::{ObjectChange, TableChange},
    },
    expr::{self, Scope},
    lower::{Lower, named},
    table, tree, types,
};

impl Lower<'_> {
    /// `alter table`, one effect a clause.
    pub(super) fn alter_table(&mut self, node: &SyntaxNode) {
        if let Some(all) = tree::child(node, ALL_IN_TABLESPACE) {
            self.all_in_tablespace(node, &all);
            return;
        }
        let table = named(node, TABLE_RELATION_NAME);
        let if_exists = tree::if_exists(node);
        for clause in node.children().filter_map(A::cast) {
            let change = table_change(&clause, Scope { origin: self.origin, ctes: None });
            self.push(clause.syntax(), Action::AlterTable { table: table.clone(), if_exists, change });
        }
    }

    /// `alter table all in tablespace a set tablespace b`: the name is `*`, for there is none.
    fn all_in_tablespace(&mut self, node: &SyntaxNode, all: &SyntaxNode) {
        let target = tree::child(all, SET_TABLESPACE).and_then(|s| tree::name_in(&s, TABLESPACE_REF));
        let change = TableChange::SetTablespace(target.unwrap_or_default());
        self.push(node, Action::AlterTable { table: ObjectName::bare("*"), if_exists: false, change });
    }

    /// `alter` of anything that is no table, one effect a change. A change that tables have
    /// too (a view's column renamed, an index moved) is an [`Action::AlterTable`], as
    /// `alter table` on that object would be.
    pub(super) fn alter(&mut self, node: &SyntaxNode, kind: ObjectKind) {
        if let Some(all) = tree::child(node, ALL_IN_TABLESPACE) {
            self.all_in_tablespace(node, &all);
            return;
        }
        let says_how = |n: &SyntaxNode| {
            !matches!(
                n.kind(),
                IF_EXISTS | ON_RELATION | ON_TABLE | USING_METHOD | IN_DATABASE | CASCADE | RESTRICT
            )
        };
        let mut children = node.children().filter(says_how);
        let name = children.next().map(|n| tree::object(&n)).unwrap_or_else(|| ObjectName::bare(""));
        let before = self.effects.len();
        let mut others = false;
        for clause in children {
            match object_change(&clause, kind) {
                Some(change) => self.push(&clause, Action::Alter { kind, name: name.clone(), change }),
                None => match self.change_of_relation(&clause, kind) {
                    Some(change) => {
                        self.push(
                            &clause,
                            Action::AlterTable {
                                table: name.clone(),
                                if_exists: tree::if_exists(node),
                                change,
                            },
                        );
                    }
                    None => others = true,
                },
            }
        }
        if others || self.effects.len() == before {
            self.push(node, Action::Alter { kind, name, change: ObjectChange::Other });
        }
    }

    fn change_of_relation(&self, clause: &SyntaxNode, kind: ObjectKind) -> Option<TableChange> {
        let is_relation = matches!(
            kind,
            ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::Index | ObjectKind::Sequence
        );
        let clause = A::cast(clause.clone()).filter(|_| is_relation)?;
        let change = table_change(&clause, Scope { origin: self.origin, ctes: None });
        (change != TableChange::Other).then_some(change)
    }
}

/// What one clause of `alter table` changes.
fn table_change(clause: &A, scope: Scope<'_>) -> TableChange {
    let node = clause.syntax();
    let name = |kind| tree::name_in(node, kind).unwrap_or_default();
    let (if_exists, cascade) = (tree::if_exists(node), tree::cascades(node));
    match clause {
        A::AddColumn(_) => TableChange::AddColumn {
            column: Box::new(table::column(node, scope)),
            if_not_exists: tree::if_not_exists(node),
        },
        A::DropColumn(_) => TableChange::DropColumn { name: name(COLUMN_NAME_REF), if_exists, cascade },
        A::AlterColumn(_) => column_change(node, scope),
        A::AddConstraint(_) => match node.children().find_map(|n| table::constraint(&n, scope)) {
            Some(constraint) => TableChange::AddConstraint(Box::new(constraint)),
            None => TableChange::Other,
        },
        A::DropConstraint(_) => {
            TableChange::DropConstraint { name: last_name(node, CONSTRAINT_NAME_REF), if_exists, cascade }
        }
        A::ValidateConstraint(_) => TableChange::ValidateConstraint(last_name(node, CONSTRAINT_NAME_REF)),
        A::RenameConstraint(_) => TableChange::RenameConstraint {
            from: last_name(node, CONSTRAINT_NAME_REF),
            to: name(CONSTRAINT_NAME),
        },
        A::RenameColumn(_) => {
            TableChange::RenameColumn { from: name(COLUMN_NAME_REF), to: name(COLUMN_NAME) }
        }
        A::TableRenameTo(_) => TableChange::RenameTo(last_name(node, TABLE_NAME)),
        A::SetSchema(_) => TableChange::SetSchema(name(SCHEMA_REF)),
        A::SetTablespace(_) => TableChange::SetTablespace(name(TABLESPACE_REF)),
        A::SetLogged(_) => TableChange::SetLogged(true),
        A::SetUnlogged(_) => TableChange::SetLogged(false),
        A::AttachPartition(_) => TableChange::AttachPartition(Box::new(named(node, TABLE_NAME_REF))),
        A::DetachPartition(_) => TableChange::DetachPartition {
            partition: Box::new(named(node, TABLE_NAME_REF)),
            concurrently: tree::has(node, DETACH_CONCURRENTLY),
        },
        A::EnableTrigger(_) | A::EnableReplicaTrigger(_) | A::EnableAlwaysTrigger(_) => {
            TableChange::Trigger { enable: true, name: trigger(node) }
        }
        A::DisableTrigger(_) => TableChange::Trigger { enable: false, name: trigger(node) },
        A::EnableRls(_) | A::ForceRls(_) => TableChange::RowSecurity { on: true },
        A::DisableRls(_) | A::NoForceRls(_) => TableChange::RowSecurity { on: false },
        A::ReplicaIdentity(_) => TableChange::ReplicaIdentity,
        A::OwnerTo(_) => TableChange::Owner(name(ROLE_REF)),
        A::AlterConstraint(_)
        | A::AlterOptionList(_)
        | A::ClusterOn(_)
        | A::DisableRule(_)
        | A::EnableAlwaysRule(_)
        | A::EnableReplicaRule(_)
        | A::EnableRule(_)
        | A::InheritTable(_)
        | A::MergePartitions(_)
        | A::NoInheritTable(_)
        | A::NotOf(_)
        | A::OfType(_)
        | A::OptionItemList(_)
        | A::ResetOptions(_)
        | A::SetAccessMethod(_)
        | A::SetOptions(_)
        | A::SetWithoutCluster(_)
        | A::SetWithoutOids(_)
        | A::SplitPartition(_) => TableChange::Other,
    }
}

/// What `alter column` changes.
fn column_change(node: &SyntaxNode, scope: Scope<'_>) -> TableChange {
    let name = tree::name_in(node, COLUMN_NAME_REF).unwrap_or_default();
    let Some(option) = node.children().find_map(O::cast) else { return TableChange::Other };
    let clause = option.syntax();
    match &option {
        O::SetType(_) => TableChange::AlterType {
            name,
            ty: Box::new(types::type_in(clause, scope.origin).unwrap_or_default()),
            using: tree::child(clause, USING_EXPR).and_then(|u| expr::expr_in(&u, scope)).map(Box::new),
        },
        O::SetDefault(_) => {
            TableChange::Default { name, default: expr::expr_in(clause, scope).map(Box::new) }
        }
        O::DropDefault(_) => TableChange::Default { name, default: None },
        O::SetNotNull(_) => TableChange::SetNotNull(name),
        O::DropNotNull(_) => TableChange::DropNotNull(name),
        O::DropExpression(_) | O::DropIdentity(_) => TableChange::Generation { name, drop: true },
        O::AddGenerated(_)
        | O::SetExpression(_)
        | O::SetGenerated(_)
        | O::SetGeneratedOptions(_)
        | O::SetSequenceOption(_)
        | O::Restart(_) => TableChange::Generation { name, drop: false },
        O::Inherit(_)
        | O::NoInherit(_)
        | O::ResetOptions(_)
        | O::SetCompression(_)
        | O::SetOptions(_)
        | O::SetOptionsList(_)
        | O::SetStatistics(_)
        | O::SetStorage(_) => TableChange::Other,
    }
}

/// The last part of a name that the grammar lets be qualified.
fn last_name(node: &SyntaxNode, kind: SyntaxKind) -> String {
    tree::object_in(node, kind).map(|o| o.name).unwrap_or_default()
}

fn trigger(node: &SyntaxNode) -> String {
    node.first_child().map(|n| tree::name(&n)).unwrap_or_default()
}

/// The changes of other objects; `None` for those that none of the variants describes.
fn object_change(clause: &SyntaxNode, kind: ObjectKind) -> Option<ObjectChange> {
    Some(match clause.kind() {
        SET_SCHEMA => ObjectChange::SetSchema(tree::name_in(clause, SCHEMA_REF)?),
        OWNER_TO => ObjectChange::Owner(tree::name_in(clause, ROLE_REF)?),
        ADD_VALUE => ObjectChange::AddEnumValue {
            value: tree::string_in(clause)?,
            placed: tree::has(clause, BEFORE_VALUE) || tree::has(clause, AFTER_VALUE),
            if_not_exists: tree::if_not_exists(clause),
        },
        RENAME_VALUE => ObjectChange::RenameEnumValue,
        ADD_CONSTRAINT if kind == ObjectKind::Domain => {
            let not_valid = clause.children().any(|c| tree::has(&c, NOT_VALID));
            ObjectChange::AddDomainConstraint { not_valid }
        }
        SET_NOT_NULL if kind == ObjectKind::Domain => ObjectChange::AddDomainConstraint { not_valid: false },
        ALTER_EXTENSION_UPDATE => ObjectChange::UpdateExtension,
        OPTION_RESTART => ObjectChange::RestartSequence,
        REFRESH_PUBLICATION | SET_PUBLICATION | ADD_PUBLICATION | DROP_SUBSCRIPTION_PUBLICATION => {
            ObjectChange::RefreshSubscription
        }
        _ if renames(clause) => ObjectChange::RenameTo(tree::object(&clause.first_child()?).name),
        _ => return None,
    })
}

/// `rename to`, which the grammar has one node for each kind of object.
fn renames(clause: &SyntaxNode) -> bool {
    let mut words = clause.children_with_tokens().filter(|e| !e.kind().is_trivia());
    words.next().is_some_and(|e| e.kind() == RENAME_KW) && words.next().is_some_and(|e| e.kind() == TO_KW)
}
