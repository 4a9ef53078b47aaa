//! `cofferdam generate config-schema`: what editors check and complete `cofferdam.toml` by.
//!
//! The schema is written by hand; a test holds it against what the program reads.

use super::File;

/// Print the JSON Schema of cofferdam.toml
///
/// Editors that know TOML complete and check the file by it: write the schema into a file
/// and name that in the first line of cofferdam.toml, as `#:schema ./FILE`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

const SCHEMA: &str = include_str!("cofferdam.toml.json");

pub(super) fn make() -> File {
    File::new("cofferdam.toml.json", SCHEMA)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::SCHEMA;
    use crate::config::Config;

    fn schema() -> Value {
        serde_json::from_str(SCHEMA).expect("a JSON document")
    }

    fn reads(text: &str) -> bool {
        Config::parse(Path::new("cofferdam.toml"), text).is_ok()
    }

    /// Both must say the same of `text`.
    fn judged(text: &str) -> bool {
        let document: Value = toml::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"));
        let valid = jsonschema::validator_for(&schema()).expect("a schema").is_valid(&document);
        assert_eq!(valid, reads(text), "the schema says {valid}, and the program does not, of: {text}");
        valid
    }

    const EVERYTHING: &str = r#"
        database_url = "env:DATABASE_URL"
        direct_url = "env:DIRECT_URL"
        scratch_url = "env:SCRATCH_URL"
        [env.production]
        database_url = "env:PROD_URL"
        direct_url = "env:PROD_DIRECT_URL"
        protected = true
        [env."a b"]
        [migrations]
        dir = "migrations"
        format = "command"
        list = "ls deploy"
        sql = "cat deploy/{name}.sql"
        out_of_order = "refuse"
        [migrations.placeholders]
        owner = "app"
        "flyway:defaultSchema" = "public"
        [check]
        since = "0012"
        fail_on = "error"
        [diff]
        ignore = ["public.legacy_*"]
        privileges = true
        column_order = false
    "#;

    #[test]
    fn what_the_program_reads_the_schema_accepts_and_nothing_else() {
        for good in [EVERYTHING, "", "[env]", "[migrations]", "directUrl = \"env:A\"", "[diff]\nignore = []"]
        {
            assert!(judged(good), "{good}");
        }
        let formats = cofferdam::folder::Format::ALL.map(|format| format.as_str());
        for format in formats {
            assert!(judged(&format!("[migrations]\nformat = \"{format}\"")), "{format}");
        }
        let listed = &schema()["definitions"]["migrations"]["properties"]["format"]["enum"];
        assert_eq!(listed, &serde_json::json!(formats));
        for bad in [
            "databse_url = \"env:A\"",
            "database_url = 1",
            "direct_url = \"env:A\"\ndirectUrl = \"env:A\"",
            "env = \"production\"",
            "env.production = \"env:A\"",
            "[env.production]\nprotect = true",
            "[env.production]\nprotected = \"yes\"",
            "[env.production]\nscratch_url = \"env:A\"",
            "[env.production]\ndirectUrl = \"env:A\"",
            "migrations = \"migrations\"",
            "[migrations]\ndir = [\"a\", \"b\"]",
            "[migrations]\nformat = \"liquibase\"",
            "[migrations]\nformat = \"Native\"",
            "[migrations]\nout_of_order = true",
            "[migrations]\nplaceholders = [\"a\"]",
            "[migrations.placeholders]\nport = 5432",
            "[check]\nsince = 12",
            "[check]\nfail_on = \"fatal\"",
            "[check]\nfail-on = \"error\"",
            "[diff]\nignore = \"legacy\"",
            "[diff]\nignore = [1]",
            "[diff]\nprivileges = \"no\"",
            "[backup]\nrepo = \"x\"",
        ] {
            assert!(!judged(bad), "{bad}");
        }
    }

    /// The names that the program knows in a table, from its own message about an unknown one.
    fn known(table: &str) -> Vec<String> {
        let text = format!("{table}\nno_such_setting = 1\n");
        let error = Config::parse(Path::new("c"), &text).expect_err("an unknown name");
        let names = error.message().split('`').skip(1).step_by(2).skip(1).map(str::to_owned);
        let mut names: Vec<String> = names.filter(|name| name != "directUrl").collect();
        names.sort();
        names
    }

    #[test]
    fn no_setting_is_missing_in_the_schema() {
        let schema = schema();
        let tables = [
            ("", &schema["properties"]),
            ("[env.production]", &schema["definitions"]["environment"]["properties"]),
            ("[migrations]", &schema["definitions"]["migrations"]["properties"]),
            ("[check]", &schema["definitions"]["check"]["properties"]),
            ("[diff]", &schema["definitions"]["diff"]["properties"]),
        ];
        for (table, properties) in tables {
            let properties = properties.as_object().expect("properties");
            let mut listed: Vec<&str> = properties.keys().map(String::as_str).collect();
            listed.retain(|name| *name != "directUrl");
            listed.sort_unstable();
            assert_eq!(listed, known(table), "{table}");
        }
    }

    #[test]
    fn the_documented_example_is_valid_and_names_every_setting() {
        let page = include_str!("../../../../../docs/configuration.md");
        let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
        assert!(judged(example.expect("an example")));
    }

    #[test]
    fn the_committed_schema_is_this_one() {
        assert!(
            include_str!("../../../../../docs/schemas/cofferdam.toml.json") == SCHEMA,
            "copy it to docs/schemas"
        );
    }
}
