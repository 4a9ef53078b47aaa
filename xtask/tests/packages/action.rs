//! `action.yml`, each step in a shell as GitHub's runner starts it.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use cofferdam_testkit::{Cofferdam, Output, checkout};
use serde_json::Value;

use crate::packed::{self, installed, version};
use crate::project::Project;
use crate::yaml;

/// A run of the action: its inputs, and where its programs are looked for.
struct Run<'a> {
    project: &'a Project,
    inputs: Vec<(&'a str, &'a str)>,
    /// What the steps that have an id have told, as `steps.ID.outputs.NAME`.
    told: HashMap<String, String>,
    /// In front of the system's programs.
    path: Vec<String>,
}

impl<'a> Run<'a> {
    /// On a machine that has cofferdam.
    fn new(project: &'a Project) -> Self {
        let path = vec![packed::program().parent().expect("a directory").display().to_string()];
        Self { project, inputs: Vec::new(), told: HashMap::new(), path }
    }

    /// On a machine whose programs are these scripts and the system's.
    fn with_programs(project: &'a Project, programs: &[(&str, &str)]) -> Self {
        for (name, script) in programs {
            project.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(project.path(&format!("bin/{name}")), mode).expect("its mode");
        }
        let path = vec![project.path("bin").display().to_string()];
        Self { project, inputs: Vec::new(), told: HashMap::new(), path }
    }

    fn input(mut self, name: &'a str, value: &'a str) -> Self {
        self.inputs.push((name, value));
        self
    }

    /// The output of each step that ran; after one that failed none does. `None` where nothing
    /// reads YAML.
    fn steps(mut self) -> Option<Vec<Output>> {
        let action = yaml::read(&yaml::file("action.yml"))?;
        assert_eq!(action["runs"]["using"], "composite");
        self.project.write("runner/told", "");
        let mut outputs = Vec::new();
        for step in action["runs"]["steps"].as_array().expect("steps") {
            let output = self.step(&action, step);
            let ended = !output.status.success();
            outputs.push(output);
            if ended {
                break;
            }
            let told = fs::read_to_string(self.project.path("runner/told")).expect("a file");
            let id = step["id"].as_str().unwrap_or_default();
            for (name, value) in told.lines().filter_map(|line| line.split_once('=')) {
                self.told.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
            }
            self.project.write("runner/told", "");
        }
        Some(outputs)
    }

    fn step(&self, action: &Value, step: &Value) -> Output {
        assert_eq!(step["shell"], "bash", "a composite step needs one: {step}");
        let script = step["run"].as_str().expect("a script");
        // What somebody types into an input must never become a part of the script.
        assert!(!script.contains("${{"), "{script}");
        self.project.write("runner/step.sh", script);
        let directory = self.value(action, step["working-directory"].as_str().unwrap_or("."));
        let mut run = Cofferdam::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail"])
            .arg(self.project.path("runner/step.sh"))
            .current_dir(self.project.path(&directory))
            .env("PATH", format!("{}:/usr/bin:/bin", self.path.join(":")))
            .env("RUNNER_TEMP", self.project.path("runner"))
            .env("GITHUB_OUTPUT", self.project.path("runner/told"))
            .any_status();
        for (name, value) in step["env"].as_object().expect("variables") {
            run = run.env(name, self.value(action, value.as_str().expect("text")));
        }
        run.run()
    }

    /// A text with its one expression replaced.
    fn value(&self, action: &Value, text: &str) -> String {
        let Some(expression) = text.strip_prefix("${{ ").and_then(|text| text.strip_suffix(" }}")) else {
            return text.to_owned();
        };
        if expression == "github.action_path" {
            return checkout::root().display().to_string();
        }
        if expression.starts_with("steps.") {
            return self.told.get(expression).unwrap_or_else(|| panic!("{expression}")).clone();
        }
        let name = expression.strip_prefix("inputs.").unwrap_or_else(|| panic!("{expression}"));
        let input = &action["inputs"][name];
        assert!(input["description"].is_string(), "no input {name}");
        let given = self.inputs.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
        given.or(input["default"].as_str()).expect("a default").to_owned()
    }
}

#[test]
fn a_project_without_findings_passes() {
    let project = Project::new();
    let Some(steps) = Run::new(&project).steps() else { return };
    let [found, judged] = &steps[..] else { panic!("{steps:?}") };
    assert!(found.stdout.contains(&format!("cofferdam {} in ", version())), "{found}");
    assert!(judged.status.success() && obeyed(judged).is_empty(), "{judged}");
}

/// The lines that GitHub's runner takes for commands, as it reads them: after `::stop-commands::TOKEN`
/// none is one until `::TOKEN::`.
fn obeyed(output: &Output) -> Vec<&str> {
    let mut stopped: Option<String> = None;
    let mut obeyed = Vec::new();
    for line in output.stdout.lines() {
        match (&stopped, line.trim_start().strip_prefix("::stop-commands::")) {
            (Some(end), _) if line == end => stopped = None,
            (Some(_), _) => {}
            (None, Some(token)) => stopped = Some(format!("::{token}::")),
            (None, None) if line.contains("::") || line.contains("##[") => obeyed.push(line),
            (None, None) => {}
        }
    }
    assert_eq!(stopped, None, "commands stay stopped: {output}");
    obeyed
}

#[test]
fn what_stands_in_a_file_commands_nothing() {
    let project = Project::new();
    let name = "x\n::stop-commands::zzz\n::add-mask::error\n##[error]here";
    project.write("migrations/0002_a.sql", &format!("select 1;\ndrop table \"{name}\";\n"));
    let Some(steps) = Run::new(&project).steps() else { return };
    let judged = steps.last().expect("a step");
    assert_eq!(judged.status.code(), Some(1), "{judged}");
    let commands = obeyed(judged);
    let ours =
        |line: &&str| line.starts_with("::error title=cofferdam ") || line.starts_with("::warning title=");
    assert!(commands.iter().all(ours), "{commands:?}");
    assert!(!installed("jq") || !commands.is_empty(), "{judged}");
}

#[test]
fn what_lies_beside_the_projects_package_is_not_run() {
    let project = Project::new();
    let script = format!("#!/bin/sh\nexec {} \"$@\"\n", packed::program().display());
    for (name, text) in [("cofferdam", script.as_str()), ("jq", "#!/bin/sh\ntouch \"$RUNNER_TEMP/made\"\n")] {
        let path = format!("node_modules/.bin/{name}");
        project.write(&path, text);
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(project.path(&path), mode).expect("its mode");
    }
    let Some(steps) = Run::with_programs(&project, &[]).steps() else { return };
    assert!(steps[0].stdout.contains("of this project"), "{}", steps[0]);
    assert!(steps[1].status.success(), "{}", steps[1]);
    assert!(!project.path("runner/made").exists());
}

#[test]
fn a_finding_fails_the_step_and_stands_at_its_line() {
    let project = Project::new();
    project.write("app/migrations/0001_a%b,c.sql", "select 1;\ndrop table notes;\n");
    let Some(steps) = Run::new(&project).input("working-directory", "./app/").steps() else { return };
    let judged = steps.last().expect("a step");
    assert_eq!(judged.status.code(), Some(1), "{judged}");
    assert!(judged.stdout.contains("drops the table notes"), "the log says nothing: {judged}");
    if installed("jq") {
        let [mark] = obeyed(judged)[..] else { panic!("{judged}") };
        let place =
            "::error title=cofferdam drop-table,file=app/migrations/0001_a%25b%2Cc.sql,line=2,col=1::drops";
        assert!(mark.starts_with(place) && mark.contains("%0A"), "{mark}");
    }
}

#[test]
fn arguments_are_words_and_nothing_else() {
    let project = Project::new();
    project.write("one.sql", "drop table a;\n");
    let run = |args| Run::new(&project).input("args", args).steps();
    let Some(steps) = run("one.sql --dialect postgres") else { return };
    assert_eq!(steps.last().expect("a step").status.code(), Some(1));
    for args in ["$(touch made)", "; touch made", "`touch made`", "*.sql"] {
        let steps = run(args).expect("as before");
        let judged = steps.last().expect("a step");
        assert_eq!(judged.status.code(), Some(2), "{args}: {judged}");
        assert!(!installed("jq") || judged.stdout.contains("::error title=cofferdam::"), "{args}: {judged}");
    }
    assert!(!project.path("made").exists());
}

#[test]
fn the_projects_own_package_goes_first_and_another_version_is_built() {
    let project = Project::new();
    let old = "echo cofferdam 0.0.1";
    let cargo = "root=; while [ $# -gt 0 ]; do [ $1 = --root ] && root=$2; shift; done
        mkdir -p \"$root/bin\"; ln -s \"$PROGRAM\" \"$root/bin/cofferdam\"";
    let cargo = cargo.replace("$PROGRAM", &packed::program().display().to_string());
    let programs = [("cofferdam", old), ("cargo", &cargo)];
    let version = version();
    let Some(steps) =
        Run::with_programs(&project, &programs).input("version", &format!("v{version}")).steps()
    else {
        return;
    };
    assert!(steps[0].stdout.contains(&format!("cofferdam {version}, built")), "{}", steps[0]);
    assert!(steps[1].status.success(), "{}", steps[1]);
    fs::remove_dir_all(project.path("runner/cofferdam")).expect("it was built");
    let steps = Run::with_programs(&project, &programs).input("version", "9.9.9").steps().expect("as before");
    assert_eq!(steps[0].status.code(), Some(2), "{}", steps[0]);
    assert!(steps[0].stdout.contains("use it at the tag v9.9.9"), "{}", steps[0]);
    // As npm puts it there.
    project.write(
        "node_modules/.bin/cofferdam",
        &format!("#!/bin/sh\nexec {} \"$@\"\n", packed::program().display()),
    );
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(project.path("node_modules/.bin/cofferdam"), mode).expect("its mode");
    let steps = Run::with_programs(&project, &programs).steps().expect("as before");
    assert!(steps[0].stdout.contains("of this project") && steps[1].status.success(), "{}", steps[0]);
}

#[test]
fn without_a_program_and_a_compiler_it_says_so() {
    let project = Project::new();
    let Some(steps) = Run::with_programs(&project, &[]).steps() else { return };
    let [only] = &steps[..] else { panic!("{steps:?}") };
    if only.stdout.contains("built") || only.stdout.contains(" in /usr") {
        eprintln!("skipped: this system has a cofferdam or a cargo of its own");
        return;
    }
    assert_eq!(only.status.code(), Some(2), "{only}");
    assert!(only.stdout.contains("::error title=cofferdam::neither"), "{only}");
}
