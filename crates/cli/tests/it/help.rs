//! Help is read more often than any page of the guide.

use crate::project::Project;

#[test]
fn commands_stand_in_groups_with_one_line_each() {
    let output = Project::new().cofferdam("--help").run();
    insta::assert_snapshot!(output.stdout, @"");
}

#[test]
fn without_a_command_help_is_shown_and_the_exit_is_2() {
    Project::new().cofferdam("").status(2).stderr_contains("Every day:").run();
}

#[test]
fn no_line_of_help_is_longer_than_80_columns() {
    let project = Project::new();
    let commands = ["", "init", "new", "check", "explain"];
    for command in commands {
        let output = project.cofferdam(&format!("{command} --help")).run();
        let long: Vec<&str> = output.stdout.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "{command}: {long:#?}");
    }
}
