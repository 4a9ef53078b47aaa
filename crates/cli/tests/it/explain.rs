//! `explain` shows what a rule says.

use crate::project::{Project, document};

#[test]
fn every_rule_is_listed_and_each_has_its_page() {
    let project = Project::new();
    let document = document("explain", &project.cofferdam("explain --format json").run());
    let rules = document["rules"].as_array().expect("rules");
    let listed = project.cofferdam("explain").run();
    for rule in rules {
        let id = rule["id"].as_str().expect("an id");
        assert!(listed.stdout.lines().any(|line| line.starts_with(id)), "{id} in:\n{}", listed.stdout);
        project.cofferdam(&format!("explain {id}")).stdout_contains(format!("{id} (")).run();
    }
}

#[test]
fn one_rule_is_one_page() {
    let output = Project::new().cofferdam("explain --format json drop-table").run();
    let document = document("explain", &output);
    assert_eq!(document["rules"].as_array().map(Vec::len), Some(1));
    assert_eq!(document["rules"][0]["loss"], true);
}

#[test]
fn a_mistyped_rule_is_corrected() {
    let output = Project::new().cofferdam("explain drop-tabel").status(2).run();
    assert_eq!(output.stderr, "error: there is no rule `drop-tabel`\nhint: did you mean `drop-table`?\n");
}

#[test]
fn prose_ends_at_the_width_and_sql_stays_as_it_is() {
    let project = Project::new();
    let document = document("explain", &project.cofferdam("explain --format json").run());
    for rule in document["rules"].as_array().expect("rules") {
        let id = rule["id"].as_str().expect("an id");
        let page = project.cofferdam(&format!("explain {id}")).run().stdout;
        let long = page.lines().find(|line| !line.starts_with(' ') && line.chars().count() > 80);
        assert_eq!(long, None, "{page}");
        let sql = rule["bad"]["text"].as_str().unwrap_or_default();
        for line in sql.lines().filter(|line| !line.trim().is_empty()) {
            assert!(page.contains(&format!("    {line}")), "{line} in {page}");
        }
    }
}
