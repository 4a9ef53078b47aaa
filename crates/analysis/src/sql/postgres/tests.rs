//! Statements and what is read of them.

mod show;

use show::show;

#[test]
fn each_clause_of_alter_table_is_an_effect() {
    assert_eq!(show("alter table t drop a, drop b"), "alter table t drop a\nalter table t drop b");
}
