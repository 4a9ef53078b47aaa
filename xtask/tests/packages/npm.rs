//! The npm packages.

use serde_json::{Value, json};

use crate::packed::{self, installed, packages, version};
use crate::project::{Project, member, nodes};

#[test]
fn a_script_of_package_json_migrates() {
    if !installed("npm") {
        return;
    }
    let project = Project::with_npm();
    let first = "migrations completed: 1 applied, 0 already";
    project.run("npm", "run db:migrate").stderr_contains(first).run();
    project.run("npm", "run db:migrate").stderr_contains("0 applied, 1 already").run();
    let said = project.run("npx", "--no-install cofferdam status --format json").run().stdout;
    let status: Value = serde_json::from_str(&said).expect("one document and nothing else");
    assert_eq!(status["applied"][0]["name"], "notes", "{status:#}");
}

#[test]
fn in_a_workspace_the_packages_of_the_root_serve() {
    if !installed("npm") {
        return;
    }
    let project = Project::new();
    project.write("package.json", r#"{ "name": "root", "private": true, "workspaces": ["packages/*"] }"#);
    let api = r#"{ "name": "api", "version": "1.0.0", "scripts": { "version": "cofferdam --version" } }"#;
    project.write("packages/api/package.json", api);
    project.npm_install(|_| true);
    let line = "run --silent version --workspace api";
    project.run("npm", line).stdout(format!("cofferdam {}\n", version())).run();
}

#[test]
fn exit_codes_are_those_of_the_program() {
    if !installed("npm") {
        return;
    }
    let project = Project::with_npm();
    project.with_a_loss_pending();
    let mut ways: Vec<_> = nodes().into_iter().map(|node| (node, project.launcher())).collect();
    ways.push(("npx".into(), "--no-install cofferdam".to_owned()));
    for (program, words) in ways {
        for (line, code) in [("check", 1), ("no-such-command", 2), ("migrate", 3), ("--version", 0)] {
            project.run(&program, &format!("{words} {line}")).status(code).run();
        }
    }
    project.run("npm", "run db:migrate").status(3).run();
}

#[test]
fn arguments_and_streams_pass_through_untouched() {
    if !installed("npm") {
        return;
    }
    let project = Project::with_npm();
    for node in nodes() {
        let run =
            project.run(node, &project.launcher()).args(["explain", "two words '$HOME'", "--format", "json"]);
        let output = run.status(2).run();
        let document: Value = serde_json::from_str(&output.stdout).expect("one document and nothing else");
        let message = document["error"]["message"].as_str().expect("a message");
        assert!(message.contains("two words '$HOME'"), "{message}");
        // Node's own warnings would stand there.
        assert!(!output.stderr.contains("Warning"), "{}", output.stderr);
    }
}

#[test]
fn a_skipped_optional_dependency_is_named_with_the_way_out() {
    if !installed("npm") {
        return;
    }
    let project = Project::new();
    project.write("package.json", r#"{ "name": "notes", "private": true }"#);
    project.npm_install(|name| name == format!("cofferdam-{}.tgz", version()));
    for node in nodes() {
        let run = project.run(node, &project.launcher()).arg("migrate");
        let run =
            run.status(2).stdout("").stderr_contains("is not installed").stderr_contains("--omit=optional");
        run.stderr_contains(platform_package()).run();
    }
}

#[test]
fn another_platform_is_told_from_one_that_was_left_out() {
    if !installed("npm") {
        return;
    }
    let project = Project::with_npm();
    project.write("plan9.js", "Object.defineProperty(process, 'platform', { value: 'plan9' })\n");
    project.write("darwin.js", "Object.defineProperty(process, 'platform', { value: 'darwin' })\n");
    let elsewhere = |script: &str| {
        let require = format!("--require={}", project.path(script).display());
        project.run("node", &project.launcher()).env("NODE_OPTIONS", require).status(2)
    };
    let here = platform_package().trim_start_matches("@cofferdam/cli-").to_owned();
    elsewhere("plan9.js").stderr_contains(format!("plan9-{}; there are for {here}", arch())).run();
    // There was a package for it, and another one came with a copied node_modules.
    let manifest = project.path("node_modules/cofferdam/package.json");
    let text = std::fs::read_to_string(&manifest).expect("a file");
    let mut parsed: Value = serde_json::from_str(&text).expect("JSON");
    parsed["optionalDependencies"][format!("@cofferdam/cli-darwin-{}", arch())] = json!(version());
    std::fs::write(&manifest, parsed.to_string()).expect("a file");
    elsewhere("darwin.js").stderr_contains(format!("was installed for {here}")).run();
}

#[test]
fn the_packages_have_the_version_of_the_program_and_run_nothing_at_install() {
    if !installed("npm") {
        return;
    }
    let (version, mut seen) = (version(), Vec::new());
    for tarball in packages("npm") {
        let manifest: Value = serde_json::from_str(&member(&tarball, "package/package.json")).expect("JSON");
        assert_eq!(manifest["version"], version, "{manifest:#}");
        assert_eq!(manifest["scripts"], Value::Null, "{manifest:#}");
        assert!(member(&tarball, "package/LICENSE-MIT").contains("Permission is hereby granted"));
        if manifest["name"] == "cofferdam" {
            let only = json!({ platform_package(): version });
            assert_eq!(manifest["optionalDependencies"], only, "{manifest:#}");
        } else {
            assert_eq!(manifest["os"], json!(["linux"]), "{manifest:#}");
            assert_eq!(manifest["libc"], json!(["glibc"]), "{manifest:#}");
        }
        seen.push(manifest["name"].as_str().expect("a name").to_owned());
    }
    assert_eq!(seen, [platform_package(), "cofferdam".to_owned()]);
    // The sources have none that could be forgotten.
    let source = cofferdam_testkit::checkout::root().join("packaging/npm/cofferdam/package.json");
    let source: Value =
        serde_json::from_str(&std::fs::read_to_string(source).expect("a file")).expect("JSON");
    assert_eq!(source["version"], Value::Null);
    assert!(packed::program().is_file());
}

fn arch() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" }
}

/// The package that carries the program under test.
fn platform_package() -> String {
    format!("@cofferdam/cli-linux-{}", arch())
}
