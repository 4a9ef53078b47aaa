//! `packaging/docker`. There is no daemon here to build and start anything: what can be read of
//! the files is held, and the migration step runs as the service says, without its container.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::packed;
use crate::project::Project;
use crate::yaml;

const COMPOSE: &str = "packaging/docker/compose.yaml";
const DOCKERFILE: &str = "packaging/docker/Dockerfile";

#[test]
fn our_own_check_finds_nothing() {
    let root = cofferdam_testkit::checkout::root();
    let project = Project::new();
    let run = project.run(packed::program(), "check --dialect postgres --fail-on note");
    run.arg(root.join(COMPOSE)).arg(root.join(DOCKERFILE)).stdout_contains("2 files").run();
}

/// The instructions of a Dockerfile: its words, with lines that go on put together.
fn instructions() -> Vec<(String, String)> {
    let text = yaml::file(DOCKERFILE);
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let split = |line: &str| {
        let (word, rest) = line.trim().split_once(char::is_whitespace).expect("an instruction and its words");
        (word.to_owned(), rest.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    joined.lines().filter(|line| !line.trim().is_empty()).map(split).collect()
}

#[test]
fn the_image_is_the_program_for_an_ordinary_user() {
    let all = instructions();
    let known = ["FROM", "WORKDIR", "COPY", "RUN", "USER", "ENTRYPOINT"];
    assert!(all.iter().all(|(word, _)| known.contains(&word.as_str())), "{all:?}");
    let last = all.iter().rposition(|(word, _)| word == "FROM").expect("a stage");
    let (build, image) = all.split_at(last);
    let of =
        |word: &str| image.iter().filter(|(found, _)| found == word).map(|(_, rest)| rest.as_str()).collect();
    let user: Vec<&str> = of("USER");
    assert!(user.len() == 1 && !user[0].starts_with('0') && !user[0].starts_with("root"), "{user:?}");
    let entry: Vec<&str> = of("ENTRYPOINT");
    assert_eq!(entry, [r#"["cofferdam"]"#]);
    // What is built is what is copied, for the same Debian.
    let run = build.iter().find(|(word, _)| word == "RUN").expect("a build");
    assert!(run.1.contains("--locked") && run.1.contains("/out/cofferdam"), "{}", run.1);
    let copied: Vec<&str> = of("COPY");
    assert_eq!(copied, ["--from=build /out/cofferdam /usr/local/bin/cofferdam"]);
    assert!(build[0].1.contains("slim-bookworm AS build") && image[0].1 == "debian:bookworm-slim");
    // The compiler is the one that the sources ask for.
    let rust = yaml::file("Cargo.toml");
    let rust = rust.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("a version");
    assert!(build[0].1.starts_with(&format!("rust:{}-", rust.trim_matches('"'))), "{} {rust}", build[0].1);
}

#[test]
fn the_build_names_a_profile_and_a_package_that_exist() {
    let all = instructions();
    let run = &all.iter().find(|(word, _)| word == "RUN").expect("a build").1;
    let words: Vec<_> = run.split_whitespace().collect();
    let after = |name: &str| {
        let at = words.iter().position(|word| *word == name).unwrap_or_else(|| panic!("no {name}: {run}"));
        words[at + 1].to_owned()
    };
    assert!(yaml::file("Cargo.toml").contains(&format!("[profile.{}]", after("--profile"))));
    assert!(yaml::file("crates/cli/Cargo.toml").contains(&format!("name = \"{}\"", after("--package"))));
    let ignored = yaml::file("packaging/docker/Dockerfile.dockerignore");
    let ignored: BTreeSet<_> = ignored.lines().filter(|line| !line.starts_with('#')).collect();
    let secret = ["**/secrets", "**/.env", "**/.env.*"];
    let large = [".git", ".cache", "**/target", "**/node_modules"];
    assert_eq!(ignored, secret.into_iter().chain(large).collect());
    let kept_out = yaml::file(".gitignore");
    assert!(kept_out.lines().any(|line| line == "/packaging/docker/secrets/"), "{kept_out}");
}

#[test]
fn services_start_one_after_the_other_on_a_volume_with_a_name() {
    let Some(compose) = yaml::read(&yaml::file(COMPOSE)) else { return };
    let services = &compose["services"];
    let waits = |service: &str, on: &str| services[service]["depends_on"][on]["condition"].clone();
    assert_eq!(waits("migrate", "db"), "service_healthy");
    assert_eq!(waits("app", "migrate"), "service_completed_successfully");
    assert_eq!(services["migrate"]["restart"], "no");
    assert!(services["db"]["healthcheck"]["test"][1] == "pg_isready");
    for (name, service) in services.as_object().expect("services") {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            // `PATH` alone would be a volume without a name.
            let named = volume.as_str().and_then(|text| text.split_once(':')).map(|(name, _)| name);
            let bound = volume["type"] == "bind";
            assert!(
                bound || named.is_some_and(|name| compose["volumes"].get(name).is_some()),
                "{name}: {volume}"
            );
        }
        for secret in service["secrets"].as_array().into_iter().flatten() {
            let declared = &compose["secrets"][secret.as_str().expect("a name")];
            assert!(
                declared["file"].as_str().is_some_and(|file| file.starts_with("./secrets/")),
                "{name}: {secret}"
            );
        }
        // Postgres' image declares a volume; each service of it says what is to be there.
        if service["image"].as_str().is_some_and(|image| image.starts_with("postgres:")) {
            let volumes = [&service["volumes"], &service["tmpfs"]].map(ToString::to_string).concat();
            assert!(volumes.contains("/var/lib/postgresql"), "{name}: {volumes}");
        }
    }
    let text = compose.to_string();
    assert!(!text.contains("postgres://"), "a URL stands in the file: {text}");
}

#[test]
fn the_migration_step_does_what_its_service_says() {
    let Some(compose) = yaml::read(&yaml::file(COMPOSE)) else { return };
    let service = &compose["services"]["migrate"];
    let project = Project::new();
    std::fs::remove_file(project.path("cofferdam.toml")).expect("it was there");
    project.write("secrets/database_url", &format!("sqlite:{}\n", project.path("app.db").display()));
    let mounted = project.path("secrets/database_url").display().to_string();
    let run = |code: i32| {
        let words = service["command"].as_array().expect("words").iter().filter_map(Value::as_str);
        let mut run = project.run(packed::program(), "").args(words).status(code);
        for (name, value) in service["environment"].as_object().expect("variables") {
            let value = value.as_str().expect("text").replace("/run/secrets/database_url", &mounted);
            run = run.env(name, value);
        }
        run
    };
    run(0).stderr_contains("1 applied, 0 already").run();
    run(0).stderr_contains("0 applied, 1 already").run();
    // Compose starts the application only after a 0.
    project.write("migrations/0002_gone.sql", "drop table notes;\n");
    run(3).run();
    std::fs::remove_file(project.path("secrets/database_url")).expect("it was there");
    run(2).run();
}
