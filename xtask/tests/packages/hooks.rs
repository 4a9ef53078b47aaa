//! `.pre-commit-hooks.yaml`, by pre-commit itself, with the configuration that the document shows.

use cofferdam_testkit::Cofferdam;
use cofferdam_testkit::tools::Tool;

use crate::packed::{self, installed};
use crate::project::Project;
use crate::yaml;

/// `git` in a folder of the project, without anybody's own settings.
fn git(project: &Project, folder: &str, line: &str) -> Cofferdam {
    let run = project.run("git", line).current_dir(project.path(folder));
    let run = run
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "A")
        .env("GIT_AUTHOR_EMAIL", "a@example.com");
    run.env("GIT_COMMITTER_NAME", "A").env("GIT_COMMITTER_EMAIL", "a@example.com")
}

/// A repository of everything in the folder; its commit.
fn commit(project: &Project, folder: &str) -> String {
    git(project, folder, "init --quiet").run();
    git(project, folder, "add --all").run();
    git(project, folder, "commit --quiet --message all").run();
    git(project, folder, "rev-parse HEAD").run().stdout.trim().to_owned()
}

#[test]
fn changed_migrations_are_judged_before_a_commit() {
    let Some(tool) = Tool::find("pre_commit") else { return };
    if !installed("git") {
        return;
    }
    let project = Project::new();
    project.write("hooks/.pre-commit-hooks.yaml", &yaml::file(".pre-commit-hooks.yaml"));
    let revision = commit(&project, "hooks");
    let documented = yaml::blocks("docs/deploy.md", "yaml");
    let config = documented.iter().find(|block| block.starts_with("repos:")).expect("a configuration");
    let config = config
        .replace("https://github.com/cofferdam-db/cofferdam", &project.path("hooks").display().to_string())
        .replace("rev: main", &format!("rev: {revision}"));
    project.write("app/.pre-commit-config.yaml", &config);
    project.write("app/migrations/0001_notes.sql", "create table notes (id integer primary key);\n");
    commit(&project, "app");
    let programs = packed::program();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = programs.parent().map(Into::into).into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(places).expect("a path");
    let run = |code| {
        git(&project, "app", "add --all").run();
        let run = tool.command(&project.path("app")).args(["run", "--color", "never", "--verbose"]);
        run.env("PATH", &path).env("PRE_COMMIT_HOME", project.path("cache")).status(code).run().stdout
    };
    project.write("app/migrations/0002_more.sql", "create table more (id integer primary key);\n");
    // Not a migration by the configuration.
    project.write("app/queries/clean.sql", "drop table notes;\n");
    let said = run(0);
    assert!(said.contains("cofferdam check.") && said.contains("Passed"), "{said}");
    project.write("app/migrations/0003_gone.sql", "drop table notes;\n");
    project
        .write("app/compose.yaml", "services:\n  app:\n    command: npx prisma db push --accept-data-loss\n");
    let said = run(1);
    assert!(said.contains("migrations/0003_gone.sql:1") && said.contains("drop-table"), "{said}");
    assert!(said.contains("compose.yaml:3"), "{said}");
    assert!(!said.contains("clean.sql"), "{said}");
}

#[test]
fn deployment_files_are_those_that_check_understands() {
    let Some(hooks) = yaml::read(&yaml::file(".pre-commit-hooks.yaml")) else { return };
    let pattern = hooks[1]["files"].as_str().expect("a pattern");
    assert_eq!((&hooks[0]["files"], &hooks[0]["require_serial"]), (&r"\.sql$".into(), &true.into()));
    let script =
        "import re, sys\nfor name in sys.argv[2:]:\n  print(name, bool(re.search(sys.argv[1], name)))";
    let names = [
        ("web/package.json", true),
        ("docker-compose.prod.yml", true),
        ("compose.yaml", true),
        ("deploy/Dockerfile", true),
        ("Dockerfile.prod", true),
        ("api.dockerfile", true),
        ("docker/entrypoint.sh", true),
        ("Procfile", true),
        ("package-lock.json", false),
        ("config.yml", false),
        ("0001_a.sql", false),
    ];
    let run = Cofferdam::new("python3").args(["-c", script, pattern]).args(names.map(|(name, _)| name));
    let expected =
        names.map(|(name, judged)| format!("{name} {}\n", if judged { "True" } else { "False" })).concat();
    run.stdout(expected).run();
}
