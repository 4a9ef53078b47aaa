//! The unit, by systemd's own judgement, and its command as systemd would run it.

use std::path::PathBuf;

use crate::packed::{self, installed};
use crate::project::Project;
use crate::yaml;

const UNIT: &str = "packaging/systemd/cofferdam-migrate.service";
const DROP_IN: &str = "packaging/systemd/app.service.d/10-cofferdam.conf";

/// The units with an application, as they would lie in /etc/systemd/system, for this machine.
fn units(project: &Project) -> PathBuf {
    let unit = yaml::file(UNIT)
        .replace("/usr/local/bin/cofferdam", &packed::program().display().to_string())
        .replace("/srv/app", &project.path("").display().to_string());
    project.write("units/cofferdam-migrate.service", &unit);
    project.write("units/app.service.d/10-cofferdam.conf", &yaml::file(DROP_IN));
    project.write("units/app.service", "[Service]\nExecStart=/bin/true\n");
    project.path("units")
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    if !installed("systemd-analyze") {
        return;
    }
    let project = Project::new();
    let units = units(&project);
    let run = project.run("systemd-analyze", "verify --man=no").arg(units.join("app.service"));
    let run = run.arg(units.join("cofferdam-migrate.service"));
    // The colon: and what systemd has by itself.
    let run = run.env("SYSTEMD_UNIT_PATH", format!("{}:", units.display()));
    let output = run.any_status().run();
    // The tool ends with 0 after a warning: whatever it says of ours counts.
    let ours = |line: &&str| line.contains("cofferdam") || line.contains("app.service");
    let complaints: Vec<_> = output.stderr.lines().chain(output.stdout.lines()).filter(ours).collect();
    assert!(output.status.success() && complaints.is_empty(), "{output}");
}

#[test]
fn the_unit_is_as_closed_as_its_work_allows() {
    if !installed("systemd-analyze") {
        return;
    }
    let project = Project::new();
    let unit = units(&project).join("cofferdam-migrate.service");
    // In tenths: what is left is the network and the file system that it reads.
    let run = project.run("systemd-analyze", "security --offline=true --no-pager --threshold=15").arg(unit);
    let output = run.any_status().run();
    if output.stderr.contains("unrecognized option") || output.stderr.contains("Unknown option") {
        eprintln!("skipped: this systemd-analyze judges no file");
        return;
    }
    assert!(output.status.success(), "{output}");
}

#[test]
fn the_command_migrates_with_the_credential_it_is_given() {
    let unit = yaml::file(UNIT);
    let setting = |name: &str| {
        let found = unit.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_else(|| panic!("no {name}")).to_owned()
    };
    let project = Project::new();
    std::fs::remove_file(project.path("cofferdam.toml")).expect("it was there");
    let credential = setting("LoadCredential");
    let (name, _) = credential.split_once(':').expect("a name and a file");
    project.write(&format!("credentials/{name}"), &format!("sqlite:{}\n", project.path("app.db").display()));
    let environment =
        setting("Environment").replace("%d", &project.path("credentials").display().to_string());
    let (variable, value) = environment.split_once('=').expect("a variable");
    let command = setting("ExecStart");
    let words = command.strip_prefix("/usr/local/bin/cofferdam ").expect("the program");
    let run = || project.run(packed::program(), words).env(variable, value);
    run().stderr_contains("1 applied, 0 already").run();
    run().stderr_contains("0 applied, 1 already").run();
    // Oneshot, and not active afterwards: each start of the application asks again.
    assert_eq!(setting("Type"), "oneshot");
    assert!(!unit.contains("RemainAfterExit"));
}
