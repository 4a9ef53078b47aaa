//! `generate`: completions that a shell really completes by, manual pages that a manual reader
//! takes, and files that say where they were written.

use std::process::{Command, Stdio};

use crate::project::{Project, document};

/// What `program` prints, given `text` as `$1` and the program's own path; none where it is not
/// installed.
fn shell(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).output();
    let output = match output {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("skipped: {program} is not installed");
            return None;
        }
        output => output.expect("a program that starts"),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{program} {arguments:?}: {said}");
    Some(String::from_utf8(output.stdout).expect("text"))
}

/// The completions for `shell`, as a file of the project.
fn script(project: &Project, shell: &str) -> String {
    let text = project.cofferdam(&format!("generate completions {shell}")).stderr("").run().stdout;
    project.write("completions", text);
    project.path("completions").display().to_string()
}

#[test]
fn bash_completes_commands_options_and_values() {
    let project = Project::new();
    let script = script(&project, "bash");
    let complete = |words: &[&str]| {
        let line = "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                    _cofferdam cofferdam \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"; \
                    printf '%s\\n' \"${COMPREPLY[@]}\"";
        let mut arguments = vec!["--norc", "-c", line, "bash", &script];
        arguments.extend(words);
        shell("bash", &arguments)
    };
    if shell("bash", &["-n", &script]).is_none() {
        return;
    }
    let lines = |words: &[&str]| -> Vec<String> {
        complete(words).expect("bash is there").lines().map(str::to_owned).collect()
    };
    assert_eq!(lines(&["cofferdam", "mig"]), ["migrate"]);
    assert_eq!(lines(&["cofferdam", "generate", "comp"]), ["completions"]);
    assert_eq!(lines(&["cofferdam", "migrate", "--lock-b"]), ["--lock-budget"]);
    assert_eq!(lines(&["cofferdam", "check", "--fail-on", ""]), ["error", "warning", "note"]);
    assert_eq!(lines(&["cofferdam", "--format", "j"]), ["json"]);
}

#[test]
fn zsh_and_fish_take_their_scripts() {
    let project = Project::new();
    let zsh = script(&project, "zsh");
    shell("zsh", &["-n", &zsh]);
    let fish = script(&project, "fish");
    let line =
        format!("source '{fish}'; complete -C 'cofferdam mig'; complete -C 'cofferdam migrate --lock-b'");
    if shell("fish", &["-n", &fish]).is_some()
        && let Some(completed) = shell("fish", &["--no-config", "-c", &line])
    {
        let words: Vec<&str> = completed.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(words, ["migrate", "--lock-budget"]);
    }
    for other in ["elvish", "powershell"] {
        project.cofferdam(&format!("generate completions {other}")).stdout_contains("migrate").run();
    }
}

#[test]
fn completions_come_also_beside_a_configuration_that_cannot_be_read() {
    let project = Project::new().file("cofferdam.toml", "[migrations]\nfromat = 1\n");
    for line in ["generate completions bash", "explain drop-table", "explain exit-2"] {
        project.cofferdam(line).env("COFFERDAM_CONFIG", "nowhere.toml").stderr("").run();
    }
}

#[test]
fn every_command_has_a_manual_page_without_a_warning() {
    let project = Project::new();
    let written = project.cofferdam("generate man --out man/man1 --format json").run();
    let document = document("generate", &written);
    let files = document["files"].as_array().expect("files");
    let names: Vec<&str> = files.iter().filter_map(|file| file["name"].as_str()).collect();
    let help = project.cofferdam("--help").run().stdout;
    let commands = help.lines().take_while(|line| !line.starts_with("check reads")).filter_map(|line| {
        let name = line.strip_prefix("  ")?.split(' ').next()?;
        (!name.is_empty()).then(|| format!("cofferdam-{name}.1"))
    });
    for page in commands.chain(["cofferdam.1".to_owned(), "cofferdam-generate-man.1".to_owned()]) {
        assert!(names.contains(&page.as_str()), "{page} in {names:?}");
    }
    for file in files {
        assert_eq!(file["text"], serde_json::Value::Null);
        let path = project.path(file["path"].as_str().expect("a path")).display().to_string();
        shell("groff", &["-man", "-ww", "-Tutf8", "-z", &path]);
    }
    let printed = project.cofferdam("generate man").run().stdout;
    assert_eq!(printed, project.read("man/man1/cofferdam.1"));
    assert!(printed.contains(".SH \"EXIT STATUS\""), "{printed}");
    project
        .cofferdam("generate man --out man/man1/cofferdam.1")
        .status(2)
        .stderr_contains("cannot make the folder man/man1/cofferdam.1")
        .run();
}

#[test]
fn what_is_printed_is_in_the_document_too() {
    let project = Project::new();
    for (line, name) in [
        ("generate completions fish", "cofferdam.fish"),
        ("generate man", "cofferdam.1"),
        ("generate config-schema", "cofferdam.toml.json"),
    ] {
        let printed = project.cofferdam(line).run().stdout;
        let document = document("generate", &project.cofferdam(&format!("{line} --format json")).run());
        assert_eq!(document["files"][0]["text"], printed.as_str());
        assert_eq!(document["files"][0]["name"], name);
        assert_eq!(document["files"][0]["path"], serde_json::Value::Null);
    }
}
