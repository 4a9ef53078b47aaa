//! The macro that makes a folder part of the program.

/// What its paths are counted from.
pub(super) const ANCHOR: &str = "$CARGO_MANIFEST_DIR";

/// Makes a migrations folder part of the program, as [`Migrations`](crate::Migrations).
///
/// The path is counted from the folder of the crate's `Cargo.toml`, whatever the directory
/// in which it is built. `"migrations"` (also meant by `migrations!()`) and the customary
/// places `"./migrations"`, `"db/migrations"`, `"prisma/migrations"`, `"drizzle"`,
/// `"sql/migrations"` and `"../migrations"` are written just so; any other folder is
/// written with what it is counted from, `"$CARGO_MANIFEST_DIR/path/to/folder"`.
///
/// ```
/// # fn main() -> cofferdam::Result<()> {
/// # let directory = std::env::temp_dir().join(format!("cofferdam-macro-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory).unwrap();
/// # let url = format!("sqlite:{}", directory.join("notes.db").display());
/// static MIGRATIONS: cofferdam::Migrations = cofferdam::migrations!("migrations");
///
/// let report = MIGRATIONS.run_blocking(&url)?;
/// assert_eq!(report.applied[0].name, "create_notes");
/// assert!(MIGRATIONS.run_blocking(&url)?.applied.is_empty());
/// # std::fs::remove_dir_all(&directory).unwrap();
/// # Ok(())
/// # }
/// ```
///
/// The folder is embedded as it is, files of other kinds too: what its format makes of them
/// is decided at run time, by the rules by which the program `cofferdam` reads it from disk.
///
/// # Rebuilding
///
/// Cargo builds the crate anew when an embedded file changes. Of a *new* file it learns
/// only if the crate says so in its `build.rs`:
///
/// ```
/// # #[allow(clippy::needless_doctest_main)]
/// fn main() {
///     println!("cargo:rerun-if-changed=migrations");
/// }
/// ```
///
/// # Errors
///
/// A folder that is not there does not compile:
///
/// ```compile_fail
/// let migrations = cofferdam::migrations!("$CARGO_MANIFEST_DIR/no_such_folder");
/// ```
///
/// Neither does a path that would be counted from the directory of the build:
///
/// ```compile_fail
/// let migrations = cofferdam::migrations!("crates/engine/migrations");
/// ```
#[macro_export]
macro_rules! migrations {
    () => {
        $crate::migrations!("$CARGO_MANIFEST_DIR/migrations")
    };
    // Text cannot be put before text here, and the macro below takes only a literal.
    ("migrations") => {
        $crate::migrations!("$CARGO_MANIFEST_DIR/migrations")
    };
    ("./migrations") => {
        $crate::migrations!("$CARGO_MANIFEST_DIR/migrations")
    };
    ("../migrations") => {
        $crate::migrations!("$CARGO_MANIFEST_DIR/../migrations")
    };
    ("db/migrations") => {
        $crate::migrations!("$CARGO_MANIFEST_DIR/db/migrations")
    };
    ("sql/migrations") => {
        $crate::migrations!("$CARGO_MANIFEST_DIR/sql/migrations")
    };
    ("prisma/migrations") => {
        $crate::migrations!("$CARGO_MANIFEST_DIR/prisma/migrations")
    };
    ("drizzle") => {
        $crate::migrations!("$CARGO_MANIFEST_DIR/drizzle")
    };
    ($path:tt) => {{
        use $crate::__embedded::include_dir;
        const _: () = $crate::__embedded::refuse_unanchored($path);
        static FOLDER: include_dir::Dir<'static> = include_dir::include_dir!($path);
        $crate::Migrations::embedded(&FOLDER, $path, env!("CARGO_PKG_NAME"))
    }};
}

/// Refuses, while the application is built, a path that would be counted from the directory
/// in which it is built.
pub const fn refuse_unanchored(path: &str) {
    let (path, anchor) = (path.as_bytes(), ANCHOR.as_bytes());
    let mut at = 0;
    while at < anchor.len() && at < path.len() && path[at] == anchor[at] {
        at += 1;
    }
    let absolute = !path.is_empty() && (path[0] == b'/' || (path.len() > 1 && path[1] == b':'));
    assert!(
        at == anchor.len() || absolute,
        "write the path of the migrations as \"$CARGO_MANIFEST_DIR/...\": it is counted from the crate's Cargo.toml"
    );
}
