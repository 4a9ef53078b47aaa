//! Which database the project's own files name, when nothing else does.
//!
//! The order: DATABASE_URL in `.env`, then the settings of the tool whose the migrations
//! folder is, then those of any tool that is here. Two tools that name two databases are
//! both named in an error. A file that names a variable which is not set names nothing; one
//! that names what cannot be used ends the search, lest another database be taken for it.

use std::path::Path;

use cofferdam::db::Target;
use cofferdam_analysis::Error;

use super::address::{our_form, seen_from};
use super::{Address, Settings, Tool, dotenv};
use crate::environment::{Environment, Origin};

/// The variable that most tools read.
const USUAL: &str = "DATABASE_URL";

/// A database that a file names. Not shown for debugging: the URLs may hold passwords.
pub(crate) struct Found {
    pub(crate) url: String,
    /// The same database past its pooler.
    pub(crate) direct: Option<String>,
    /// The file and the variables that named it, for people.
    pub(crate) source: String,
    pub(crate) notes: Vec<String>,
}

/// What the search came to.
pub(crate) enum Sought {
    Found(Found),
    /// Nothing names a database; why not, where a file could have.
    Nothing(Vec<String>),
    /// A file names one that cannot be used.
    Unusable(Error),
}

/// Looks for the database in the files of `root`. `owner` is the tool whose the migrations
/// folder is, if that is known.
pub(crate) fn seek(root: &Path, owner: Option<Tool>, environment: &Environment) -> Sought {
    let settings = super::read(root, environment.dotenv());
    match usual(root, &settings, environment) {
        Ok(None) => {}
        Ok(Some(found)) => return Sought::Found(found),
        Err(error) => return Sought::Unusable(error),
    }
    let owned = owner.filter(|owner| settings.iter().any(|s| s.tool == *owner && says_something(s)));
    let of_owner = |s: &&Settings| owned.is_none_or(|owner| s.tool == owner);
    let mut unset = Vec::new();
    let mut found: Vec<(String, Found)> = Vec::new();
    for settings in settings.iter().filter(of_owner) {
        match evaluate(settings, environment) {
            Ok(Named::Database(database, identity)) => {
                if !found.iter().any(|(known, _)| *known == identity) {
                    found.push((identity, database));
                }
            }
            Ok(Named::Unset(name)) => {
                unset.push(format!("{} names the variable {name}, which is not set", settings.file));
            }
            Ok(Named::Nothing) => unset.extend(settings.notes.iter().cloned()),
            Err(error) => return Sought::Unusable(error),
        }
    }
    if let [(_, one), (_, other), ..] = found.as_slice() {
        let (one, other) = (&one.source, &other.source);
        return Sought::Unusable(
            Error::invalid(format!("{one} and {other} name two databases"))
                .hint("name the one you mean with --database-url, or write database_url into cofferdam.toml"),
        );
    }
    match found.pop() {
        Some((_, mut found)) => {
            found.notes.extend(unset);
            Sought::Found(found)
        }
        None => Sought::Nothing(unset),
    }
}

/// All databases that the files name and that can be read, each with its source.
pub(crate) fn all_named(root: &Path, environment: &Environment) -> Vec<(String, Target)> {
    let mut named = Vec::new();
    let settings = super::read(root, environment.dotenv());
    let in_file = environment.dotenv().get(USUAL).ok().flatten();
    let by_tool = settings.iter().any(|s| names_usual(s) && s.base != root);
    // A tool that counts paths from another folder than .env's says what the value means.
    if let Some(target) = in_file.filter(|_| !by_tool).and_then(|url| Target::parse(&our_form(url)).ok()) {
        named.push((format!("{} ({USUAL})", dotenv::FILE), target));
    }
    for settings in &settings {
        if let Ok(Named::Database(found, _)) = evaluate(settings, environment)
            && let Ok(target) = Target::parse(&found.url)
        {
            named.push((found.source, target));
        }
    }
    named
}

/// DATABASE_URL of `.env`. Where a tool names it too, its way of counting paths and its
/// direct URL belong to it.
fn usual(root: &Path, settings: &[Settings], environment: &Environment) -> Result<Option<Found>, Error> {
    let Some(url) = environment.dotenv().get(USUAL)? else { return Ok(None) };
    let mut naming: Vec<&Settings> =
        settings.iter().filter(|s| s.trouble.is_none() && names_usual(s)).collect();
    naming.sort_by_key(|settings| settings.base == root);
    if let Some(settings) = naming.first()
        && let Named::Database(found, _) = evaluate(settings, environment)?
    {
        return Ok(Some(found));
    }
    let url = seen_from(root, &our_form(url));
    let source = format!("{} ({USUAL})", dotenv::FILE);
    target(&url, &source)?;
    Ok(Some(Found { url, direct: None, source, notes: Vec::new() }))
}

fn names_usual(settings: &Settings) -> bool {
    settings.address.as_ref().and_then(Address::only_variable) == Some(USUAL)
}

fn says_something(settings: &Settings) -> bool {
    settings.address.is_some() || settings.trouble.is_some()
}

enum Named {
    /// With what is equal for two ways to name it.
    Database(Found, String),
    /// It depends on this variable, which is not set.
    Unset(String),
    Nothing,
}

/// What one tool's settings come to.
fn evaluate(settings: &Settings, environment: &Environment) -> Result<Named, Error> {
    if let Some(trouble) = &settings.trouble {
        return Err(trouble.clone());
    }
    let Some(address) = &settings.address else { return Ok(Named::Nothing) };
    let variables = environment.variables();
    let resolve = |address: &Address| {
        address.resolve(settings.dialect, &variables).map_err(|error| error.while_(&settings.file))
    };
    let resolved = match resolve(address)? {
        Ok(resolved) => resolved,
        Err(name) => return Ok(Named::Unset(name)),
    };
    let mut notes = settings.notes.clone();
    if address.holds_password() {
        notes.push(format!("a password stands in {}; put the URL into a variable", settings.file));
    }
    let mut source = settings.file.clone();
    if !resolved.variables.is_empty() {
        let place = if resolved.origins.contains(&Origin::DotEnv) { " in .env" } else { "" };
        source += &format!(" ({}{place})", resolved.variables.join(", "));
    }
    let direct = match settings.direct.as_ref().map(resolve).transpose()? {
        Some(Ok(direct)) if direct.origins == resolved.origins => Some(direct.url),
        Some(Ok(_)) => {
            notes.push(format!(
                "the direct URL of {} is not used: only one of the two stands in .env, and they may be two databases",
                settings.file
            ));
            None
        }
        Some(Err(_)) | None => None,
    };
    let (mut url, mut direct) = (resolved.url, direct);
    // An address of Prisma's own proxy is none that others can reach.
    if url.starts_with("prisma") && direct.is_some() {
        url = direct.take().unwrap_or_default();
        notes.push(format!(
            "the direct URL of {} is used, since the other one is Prisma's own",
            settings.file
        ));
    }
    let url = seen_from(&settings.base, &url);
    let direct = direct.map(|direct| seen_from(&settings.base, &direct));
    let identity = target(&url, &source)?.identity();
    Ok(Named::Database(Found { url, direct, source, notes }, identity))
}

fn target(url: &str, source: &str) -> Result<Target, Error> {
    Target::parse(url).map_err(|error| error.while_(source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project_files::testing::project;

    fn sought(files: &[(&str, &str)], owner: Option<Tool>) -> (tempfile::TempDir, Sought) {
        let root = project(files);
        let mut environment = Environment::default();
        environment.set_root(root.path());
        let sought = seek(root.path(), owner, &environment);
        (root, sought)
    }

    fn found(files: &[(&str, &str)], owner: Option<Tool>) -> Found {
        match sought(files, owner).1 {
            Sought::Found(found) => found,
            Sought::Nothing(notes) => panic!("nothing: {notes:?}"),
            Sought::Unusable(error) => panic!("{error}"),
        }
    }

    fn unusable(files: &[(&str, &str)]) -> Error {
        match sought(files, None).1 {
            Sought::Unusable(error) => error,
            Sought::Found(found) => panic!("found {}", found.source),
            Sought::Nothing(notes) => panic!("nothing: {notes:?}"),
        }
    }

    const PRISMA: &str = "datasource db {\n provider = \"postgresql\"\n url = env(\"NO_URL\")\n directUrl = env(\"NO_DIRECT\")\n}";
    const ALEMBIC: &str = "[alembic]\nscript_location = alembic\nsqlalchemy.url = postgresql://app@db/app\n";

    #[test]
    fn a_prisma_path_in_dotenv_counts_from_the_schemas_folder() {
        let schema = "datasource db {\n provider = \"sqlite\"\n url = env(\"DATABASE_URL\")\n}";
        let found =
            found(&[("prisma/schema.prisma", schema), (".env", "DATABASE_URL=\"file:./dev.db\"")], None);
        assert!(found.url.ends_with("/prisma/dev.db"), "{}", found.url);
        assert_eq!(found.source, "prisma/schema.prisma (DATABASE_URL in .env)");
    }

    #[test]
    fn the_variable_of_the_file_is_taken_from_dotenv_with_its_direct_url() {
        let dotenv = "NO_URL=postgres://u:p@pooler:6543/app\nNO_DIRECT=postgres://u:p@db/app";
        let found = found(&[("prisma/schema.prisma", PRISMA), (".env", dotenv)], None);
        assert_eq!(found.direct.as_deref(), Some("postgres://u:p@db/app"));
        assert!(found.notes.is_empty(), "{:?}", found.notes);
    }

    #[test]
    fn prismas_own_address_gives_way_to_the_direct_one() {
        let dotenv = "NO_URL=prisma+postgres://x/?api_key=y\nNO_DIRECT=postgres://db/app";
        let found = found(&[("prisma/schema.prisma", PRISMA), (".env", dotenv)], None);
        assert_eq!((found.url.as_str(), found.direct), ("postgres://db/app", None));
    }

    #[test]
    fn a_variable_that_is_not_set_names_nothing_and_is_said() {
        let Sought::Nothing(notes) = sought(&[("prisma/schema.prisma", PRISMA)], None).1 else {
            panic!("something")
        };
        assert_eq!(notes, ["prisma/schema.prisma names the variable NO_URL, which is not set"]);
        let found = found(&[("prisma/schema.prisma", PRISMA), ("alembic.ini", ALEMBIC)], None);
        assert_eq!((found.source.as_str(), found.notes.len()), ("alembic.ini", 1));
    }

    #[test]
    fn two_databases_are_both_named_unless_the_folder_says_whose_it_is() {
        let drizzle =
            "export default { dialect: 'postgresql', dbCredentials: { url: 'postgres://app:pw@other/app' } }";
        let files = [("alembic.ini", ALEMBIC), ("drizzle.config.ts", drizzle)];
        let error = unusable(&files);
        assert_eq!(error.message(), "drizzle.config.ts and alembic.ini name two databases");
        let found = found(&files, Some(Tool::Drizzle));
        assert_eq!(found.source, "drizzle.config.ts");
        assert!(found.notes[0].starts_with("a password stands in drizzle.config.ts"), "{:?}", found.notes);
        let same = drizzle.replace("other", "db");
        assert!(matches!(sought(&[files[0], ("drizzle.config.ts", &same)], None).1, Sought::Found(_)));
    }

    #[test]
    fn what_cannot_be_used_ends_the_search() {
        let mysql = "datasource db {\n provider = \"mysql\"\n url = env(\"NO_URL\")\n}";
        for (files, message) in [
            (vec![("prisma/schema.prisma", mysql), ("alembic.ini", ALEMBIC)], "for a database of mysql"),
            (
                vec![(".env", "DATABASE_URL=mysql://u:hunter2@h/d"), ("alembic.ini", ALEMBIC)],
                "mysql: are not supported",
            ),
            (vec![(".env", "A='hunter2"), ("alembic.ini", ALEMBIC)], "a quote in line 1 has no end"),
            (vec![(".env", "DATABASE_URL=hunter2")], "has no scheme"),
            (vec![("alembic.ini", "\0binary")], "cannot read alembic.ini: it is not text"),
        ] {
            let error = unusable(&files);
            assert!(error.to_string().contains(message) && !error.to_string().contains("hunter2"), "{error}");
        }
    }
}
