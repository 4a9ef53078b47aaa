//! Help is read more often than any page of the guide.

use crate::project::Project;

#[test]
fn commands_stand_in_groups_with_one_line_each() {
    let output = Project::new().cofferdam("--help").run();
    insta::assert_snapshot!(output.stdout, @r"
    Write ordinary SQL; it runs as if the most careful DBA did it, and it can be
    undone

    Usage: cofferdam [OPTIONS] <COMMAND>

    Every day:
      init      Look at this project and write cofferdam.toml
      new       Make the next migration file
      check     Judge migration files before they run, without a database
      explain   Say what a rule finds or an exit code means, and what to do about it
      plan      Ask the database what `migrate` would do
      migrate   Apply the pending migrations
      status    Show what is applied, what is pending and what is wrong

    Once:
      adopt     Take over the history of another migration tool, in place
      baseline  Take a database under management that no migration tool manages
      guard     Refuse drops and truncates that no migration asks for
      uninstall Take the ledger out of the database and leave

    Safety:
      rollback  Take the last migration back, or all after a version
      diff      Compare the database's schema with what the applied migrations make
      audit     Show who changed what, and prove that the record is whole

    Try:
      demo      See a dangerous migration refused, and the safe one applied, proved
                and undone

    Shell and editor:
      generate  Print shell completions, manual pages, or the schema of
                cofferdam.toml

    check reads files, plan asks your database.
    migrate applies, rollback undoes a migration.

    Options of every command:
          --database-url <URL>
              The database: postgres://.., sqlite:PATH, env:NAME, or file:PATH of a
              file that holds a URL
              
              Without it: the database_url of --env, then the variable DATABASE_URL,
              then database_url in cofferdam.toml, then .env and the settings of the
              project's own tool. A password on a command line can be seen by
              everybody on the machine: env:NAME or file:PATH hide it.

          --env <NAME>
              Use the database of [env.NAME] in cofferdam.toml

          --config <FILE>
              Read this file instead of ./cofferdam.toml

          --dir <DIR>
              The migrations folder
              
              Without it: `dir` under [migrations] in cofferdam.toml, then
              ./migrations, ./db/migrations or that of the project's own tool.

          --format <FORMAT>
              Print text, or one JSON document
              
              [default: human]
              [possible values: human, json]

          --progress <PROGRESS>
              Show progress on stderr as bars (on a terminal), as JSON lines, or not
              at all
              
              [default: auto]
              [possible values: auto, json, none]

          --color <COLOR>
              Colour the output: auto means on a terminal, unless NO_COLOR is set
              and not empty
              
              [default: auto]
              [possible values: auto, always, never]

      -q, --quiet
              Say only what failed

      -v, --verbose...
              Say more; twice, also what is sent to the database

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    `cofferdam COMMAND --help` says more about a command.
    A project begins with `cofferdam init`.
    ");
}

#[test]
fn without_a_command_help_is_shown_and_the_exit_is_2() {
    Project::new().cofferdam("").status(2).stderr_contains("Every day:").run();
}

#[test]
fn no_line_of_help_is_longer_than_80_columns() {
    let project = Project::new();
    let commands = [
        "",
        "init",
        "new",
        "check",
        "explain",
        "plan",
        "migrate",
        "status",
        "adopt",
        "uninstall",
        "rollback",
        "audit",
        "demo",
    ];
    for command in commands {
        let output = project.cofferdam(&format!("{command} --help")).run();
        let long: Vec<&str> = output.stdout.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "{command}: {long:#?}");
    }
}
