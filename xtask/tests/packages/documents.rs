//! The commands of docs/install.md and docs/deploy.md, typed by a shell.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::packed::{self, installed};
use crate::project::Project;
use crate::yaml;

/// Stands for cargo: what is built is the program under test, and chores are the real ones.
const CARGO: &str = "#!/bin/sh
set -e
case \"$1 $2\" in
'build --release')
    mkdir -p target/release
    strip -o target/release/cofferdam \"$PROGRAM\" 2>/dev/null || cp \"$PROGRAM\" target/release/cofferdam ;;
'install --locked')
    [ \"$3 $4\" = '--path crates/cli' ] && cp \"$PROGRAM\" \"$BIN/cofferdam\" ;;
'xtask package')
    shift; exec \"$XTASK\" \"$@\" ;;
*) exit 9 ;;
esac
";

/// Runs a block in the folder that its first line names. `exact` are replacements.
fn run(project: &Project, block: &str) {
    let folder = match block.lines().next().expect("a line") {
        "# in the checkout" => "cofferdam",
        "# in your project, beside the checkout" | "# in your project" => "app",
        other => panic!("where does this run? {other}"),
    };
    let path = format!("{}:{}", project.path("bin").display(), std::env::var("PATH").unwrap_or_default());
    project
        .run("bash", "--noprofile --norc -euo pipefail -c")
        .arg(block)
        .current_dir(project.path(folder))
        .env("PATH", path)
        .env("PROGRAM", packed::program())
        .env("XTASK", env!("CARGO_BIN_EXE_xtask"))
        .env("BIN", project.path("bin"))
        .timeout(Duration::from_secs(240))
        .run();
}

/// A checkout and a project side by side.
fn side_by_side() -> Project {
    let project = Project::new();
    project.write("bin/cargo", CARGO);
    fs::set_permissions(project.path("bin/cargo"), fs::Permissions::from_mode(0o755)).expect("its mode");
    fs::create_dir(project.path("cofferdam")).expect("a folder");
    project.write("app/package.json", r#"{ "name": "app", "private": true }"#);
    project.write("app/cofferdam.toml", "database_url = \"sqlite:notes.db\"\n");
    project.write("app/migrations/0001_notes.sql", "create table notes (id integer primary key);\n");
    project
}

#[test]
fn installing_works_as_written() {
    let project = side_by_side();
    let mut ran = 0;
    for block in yaml::blocks("docs/install.md", "sh") {
        let tool = [
            ("docker ", "docker"),
            ("package npm", "npm"),
            ("npx", "npm"),
            ("python3", "python3"),
            ("package wheel", "python3"),
        ]
        .into_iter()
        .find(|(word, _)| block.contains(word))
        .map_or("bash", |(_, tool)| tool);
        if tool == "docker" {
            eprintln!("skipped: needs a Docker daemon: {block}");
        } else if installed(tool) {
            run(&project, &block);
            ran += 1;
        }
    }
    assert!(ran >= 1 && (!installed("npm") || project.path("app/notes.db").is_file()), "{ran} blocks ran");
}

#[test]
fn the_secrets_of_compose_are_made_as_written() {
    if !installed("openssl") {
        return;
    }
    let project = side_by_side();
    std::os::unix::fs::symlink(packed::program(), project.path("bin/cofferdam")).expect("a link");
    project.write("app/compose.yaml", &yaml::file("packaging/docker/compose.yaml"));
    let blocks = yaml::blocks("docs/deploy.md", "sh");
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        blocks.iter().partition(|block| block.starts_with("# in your project"));
    let [block] = here[..] else { panic!("{here:?}") };
    run(&project, block);
    let mode =
        |path: &str| fs::metadata(project.path(path)).expect("it was made").permissions().mode() & 0o777;
    assert_eq!((mode("app/secrets"), mode("app/secrets/database_url")), (0o700, 0o444));
    let url = fs::read_to_string(project.path("app/secrets/database_url")).expect("a file");
    assert!(url.starts_with("postgres://app:") && url.ends_with("@db/app\n"), "{}", url.len());
    // As root, on a server with systemd: not here. The files that they name must exist.
    for block in elsewhere {
        assert!(block.starts_with("# on the server, as root"), "{block}");
        for file in block.split_whitespace().filter(|word| word.starts_with("packaging/")) {
            assert!(cofferdam_testkit::checkout::root().join(file).is_file(), "{file}");
        }
    }
}
