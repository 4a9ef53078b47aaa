//! The diff on made-up catalogs; real databases are the engine's tests.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;
use crate::catalog::{
    Column, Constraint, ConstraintKind, Defined, Domain, Enabled, Engine, Generated, Identity, Index,
    IndexKey, Object, ObjectKind, QualifiedName, Schema, Sequence, SequenceRange, Table, Trigger, Type,
    TypeShape, View, fingerprint,
};

fn column(name: &str, type_: &str) -> Column {
    Column { name: name.into(), type_: type_.into(), ..Column::default() }
}

fn constraint(kind: ConstraintKind, definition: &str) -> Constraint {
    Constraint {
        kind,
        definition: definition.into(),
        columns: Vec::new(),
        references: None,
        deferrable: false,
        initially_deferred: false,
        validated: true,
        switched_off: false,
        inherited: false,
        comment: None,
    }
}

fn index(definition: &str, constraint: Option<&str>) -> Index {
    Index {
        method: "btree".into(),
        unique: constraint.is_some(),
        keys: vec![IndexKey::default()],
        include: Vec::new(),
        predicate: None,
        definition: definition.into(),
        valid: true,
        constraint: constraint.map(str::to_owned),
        parent: None,
        clustered: false,
        tablespace: None,
        statistics: BTreeMap::new(),
        create: None,
        comment: None,
        estimates: None,
    }
}

fn with(table: Table) -> Catalog {
    let mut catalog = Catalog::empty(Engine::Postgres, 180_000);
    catalog.objects.insert("table public.notes".parse().unwrap(), Object::Table(Box::new(table)));
    catalog
}

fn told(expected: &Catalog, live: &Catalog, ignore: &Ignore) -> Vec<String> {
    let tell = |d: Difference| match d.kind {
        DifferenceKind::Missing => format!("missing {}", d.object),
        DifferenceKind::Extra => format!("extra {}", d.object),
        DifferenceKind::Different { property } => {
            format!("{property} of {}: {:?} for {:?}", d.object, d.live, d.expected)
        }
    };
    diff(expected, live, ignore).into_iter().map(tell).collect()
}

#[test]
fn a_backing_index_follows_its_renamed_constraint() {
    let named = |name: &str| {
        let mut table = Table::default();
        table.constraints.insert(name.into(), constraint(ConstraintKind::Unique, "UNIQUE (a)"));
        table.indexes.insert(name.into(), index("USING btree (a)", Some(name)));
        with(table)
    };
    let ignore = Ignore::default();
    assert_eq!(told(&named("notes_a_key"), &named("memos_a_key1"), &ignore), Vec::<String>::new());
    assert_eq!(
        told(&named("notes_a_key"), &named("mine"), &ignore),
        ["name of constraint public.notes.notes_a_key: Some(\"mine\") for Some(\"notes_a_key\")"]
    );
}

#[test]
fn two_equal_indexes_are_matched_one_to_one() {
    let named = |names: &[&str]| {
        let mut table = Table::default();
        for name in names {
            table.indexes.insert((*name).into(), index("USING btree (a)", None));
        }
        with(table)
    };
    let (two, one) = (named(&["notes_a_idx", "notes_a_idx1"]), named(&["other_a_idx"]));
    assert_eq!(told(&two, &one, &Ignore::default()), ["missing index public.notes_a_idx1"]);
    assert_eq!(told(&one, &two, &Ignore::default()), ["extra index public.notes_a_idx1"]);
}

#[test]
fn column_order_counts_only_columns_that_both_have_and_own() {
    let ordered = |names: &[&str]| {
        with(Table { columns: names.iter().map(|n| column(n, "text")).collect(), ..Table::default() })
    };
    let expected = ordered(&["a", "b", "c"]);
    assert_eq!(told(&expected, &ordered(&["a", "c"]), &Ignore::default()), ["missing column public.notes.b"]);
    let swapped = ordered(&["b", "a", "c"]);
    assert_eq!(
        told(&expected, &swapped, &Ignore::default()),
        ["column_order of table public.notes: Some(\"b, a, c\") for Some(\"a, b, c\")"]
    );
    let ignore = Ignore { column_order: true, ..Ignore::default() };
    assert_eq!(told(&expected, &swapped, &ignore), Vec::<String>::new());
}

#[test]
fn not_null_constraints_of_18_say_nothing_that_the_column_said() {
    let named = |name: Option<&str>, version| {
        let mut table =
            Table { columns: vec![Column { not_null: true, ..column("a", "text") }], ..Table::default() };
        if let Some(name) = name {
            table.constraints.insert(name.into(), constraint(ConstraintKind::NotNull, "NOT NULL a"));
        }
        Catalog { server_version: version, ..with(table) }
    };
    let ignore = Ignore::default();
    assert_eq!(
        told(&named(None, 180_000), &named(Some("notes_a_not_null"), 180_001), &ignore),
        Vec::<String>::new()
    );
    assert_eq!(told(&named(None, 170_000), &named(Some("chosen"), 180_001), &ignore), Vec::<String>::new());
    assert_eq!(
        told(&named(None, 180_000), &named(Some("chosen"), 180_001), &ignore),
        ["extra constraint public.notes.chosen"]
    );
}

#[test]
fn a_serial_columns_sequence_may_bear_the_old_name_of_its_table() {
    let named = |sequence: &str| {
        let default = Some(format!("nextval('public.{sequence}'::regclass)"));
        let mut catalog =
            with(Table { columns: vec![Column { default, ..column("id", "integer") }], ..Table::default() });
        let owned_by = Some("column public.notes.id".parse().unwrap());
        let id = ObjectId::new(ObjectKind::Sequence, QualifiedName::new("public", sequence));
        catalog.objects.insert(id, Object::Sequence(Sequence { owned_by, ..Sequence::default() }));
        catalog
    };
    assert_eq!(told(&named("notes_id_seq"), &named("old_id_seq1"), &Ignore::default()), Vec::<String>::new());
    let mut other = named("old_id_seq1");
    let Some(Object::Table(table)) = other.objects.get_mut(&"table public.notes".parse().unwrap()) else {
        panic!()
    };
    table.columns[0].default = Some("nextval('public.stray_seq'::regclass)".into());
    assert_eq!(told(&named("notes_id_seq"), &other, &Ignore::default()).len(), 1);
}

#[test]
fn a_snapshot_of_a_newer_format_is_refused_by_its_number() {
    let error = Catalog::from_snapshot("{\"version\": 2, \"shape\": \"unknown\"}").unwrap_err();
    assert!(error.message().contains("format 2"), "{error}");
    for text in [
        "",
        "{}",
        "[]",
        "{\"version\": 1}",
        "{\"version\": 1, \"engine\": \"postgres\", \"server_version\": 1, \"objects\": {\"chair x\": {}}}",
    ] {
        assert!(Catalog::from_snapshot(text).is_err(), "{text}");
    }
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{1,2}", "\\PC{1,4}"]
}

fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(prop_oneof![word(), Just("((a)::text = ANY ((ARRAY['x'::t])::text[]))".to_owned())])
}

fn columns() -> impl Strategy<Value = Vec<Column>> {
    let one = (word(), word(), any::<bool>(), text(), text(), any::<(bool, bool)>(), 0i64..9);
    let made = one.prop_map(|(name, type_, not_null, default, comment, (identity, always), start)| Column {
        not_null,
        comment,
        identity: identity.then(|| Identity {
            always,
            sequence: QualifiedName::new("public", format!("{name}_seq")),
            range: SequenceRange { start, ..SequenceRange::default() },
        }),
        generated: always.then(|| Generated { stored: not_null, expression: type_.clone() }),
        default,
        ..column(&name, &type_)
    });
    btree_map(word(), made, 0..4)
        .prop_map(|columns| columns.into_iter().map(|(name, column)| Column { name, ..column }).collect())
}

fn table() -> impl Strategy<Value = Object> {
    let kind =
        prop_oneof![Just(ConstraintKind::Check), Just(ConstraintKind::Unique), Just(ConstraintKind::NotNull)];
    let constraints = btree_map(word(), (kind, word(), any::<bool>()), 0..3);
    let indexes = btree_map(word(), (word(), proptest::option::of(word())), 0..3);
    let triggers = btree_map(word(), (word(), any::<bool>()), 0..2);
    (columns(), constraints, indexes, triggers, text(), any::<bool>()).prop_map(
        |(columns, constraints, indexes, triggers, comment, row_security)| {
            let constraints = constraints.into_iter().map(|(name, (kind, text, validated))| {
                (name, Constraint { validated, ..constraint(kind, &text) })
            });
            let triggers = triggers.into_iter().map(|(name, (definition, off))| {
                let enabled = if off { Enabled::Disabled } else { Enabled::Origin };
                (name, Trigger { definition, enabled, inherited: false, create: None, comment: None })
            });
            Object::Table(Box::new(Table {
                columns,
                constraints: constraints.collect(),
                indexes: indexes.into_iter().map(|(n, (d, c))| (n, index(&d, c.as_deref()))).collect(),
                triggers: triggers.collect(),
                comment,
                row_security,
                ..Table::default()
            }))
        },
    )
}

fn object() -> impl Strategy<Value = (ObjectKind, Object)> {
    prop_oneof![
        4 => table().prop_map(|t| (ObjectKind::Table, t)),
        1 => (word(), columns()).prop_map(|(definition, columns)| {
            (ObjectKind::View, Object::View(Box::new(View { definition, columns, ..View::default() })))
        }),
        1 => vec(word(), 0..3).prop_map(|labels| {
            let shape = TypeShape::Enum { labels };
            (ObjectKind::Type, Object::Type(Type { shape, create: None, owner: None, privileges: None, comment: None }))
        }),
        1 => (word(), text()).prop_map(|(type_, default)| {
            (ObjectKind::Domain, Object::Domain(Domain { type_, default, ..Domain::default() }))
        }),
        1 => text().prop_map(|comment| (ObjectKind::Schema, Object::Schema(Schema { comment, ..Schema::default() }))),
        1 => word().prop_map(|definition| {
            (ObjectKind::Statistics, Object::Defined(Defined { definition, ..Defined::default() }))
        }),
    ]
}

fn any_catalog() -> impl Strategy<Value = Catalog> {
    vec((word(), word(), object()), 0..6).prop_map(|objects| {
        let mut catalog = Catalog::empty(Engine::Postgres, 180_000);
        for (schema, name, (kind, object)) in objects {
            let schema = (kind != ObjectKind::Schema).then_some(schema);
            catalog.objects.insert(ObjectId::new(kind, QualifiedName { schema, name }), object);
        }
        catalog
    })
}

proptest! {
    #[test]
    fn a_catalog_does_not_differ_from_itself(catalog in any_catalog()) {
        prop_assert_eq!(diff(&catalog, &catalog, &Ignore::nothing()), Vec::new());
        prop_assert_eq!(diff(&catalog, &catalog, &Ignore::default()), Vec::new());
    }

    #[test]
    fn snapshots_read_back(catalog in any_catalog()) {
        let text = catalog.to_snapshot().unwrap();
        let back = Catalog::from_snapshot(&text).unwrap();
        prop_assert_eq!(back.to_snapshot().unwrap(), text);
        prop_assert_eq!(fingerprint(&back), fingerprint(&catalog));
        prop_assert_eq!(back, catalog);
    }

    #[test]
    fn fingerprints_agree_exactly_when_nothing_differs(one in any_catalog(), two in any_catalog()) {
        let strict = Ignore { populated: true, ..Ignore::nothing() };
        prop_assert_eq!(diff(&one, &two, &strict).is_empty(), fingerprint(&one) == fingerprint(&two));
    }

    #[test]
    fn what_is_missing_one_way_is_extra_the_other(one in any_catalog(), two in any_catalog()) {
        let count = |from: &Catalog, to: &Catalog| diff(from, to, &Ignore::nothing()).len();
        prop_assert_eq!(count(&one, &two), count(&two, &one));
    }
}
