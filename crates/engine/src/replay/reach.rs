//! What reaches outside of its database: one rule for every place where files are replayed.
//!
//! Promise: a file that names a program, a file of the server's machine, a language without
//! a sandbox, a library or the server's own settings is refused with its place before
//! anything runs, wherever in a statement it stands: in a body or a literal too, since a body
//! may be called and a literal executed. In doubt it refuses: nothing but a comparison is lost.
//!
//! Not seen: a name that SQL puts together while it runs.
//!
//! Source of the names: PostgreSQL documentation, "System Administration Functions",
//! "Large Objects: Server-Side Functions", "COPY", and the pages of the modules named.

use cofferdam_analysis::sql::{Action, ObjectKind, Script, Statement};
use cofferdam_analysis::{Error, Result};

use super::outcome::kind_of;

/// Words that mean nothing else, wherever they stand.
const NAMES: [&str; 33] = [
    // Files of the machine.
    "lo_import",
    "lo_export",
    "be_lo_import",
    "be_lo_export",
    "be_lo_import_with_oid",
    "pg_read_file",
    "pg_read_file_old",
    "pg_read_file_v2",
    "pg_read_binary_file",
    "pg_stat_file",
    "pg_ls_dir",
    "pg_logdir_ls",
    "pg_file_read",
    "pg_file_write",
    "pg_file_rename",
    "pg_file_unlink",
    "pg_file_sync",
    "pg_file_length",
    "adminpack",
    "file_fdw",
    "file_fdw_handler",
    // Languages that do as they like.
    "plpythonu",
    "plpython2u",
    "plpython3u",
    "plperlu",
    "pltclu",
    "plsh",
    "pljavau",
    "javau",
    "plluau",
    // The server itself.
    "pg_reload_conf",
    "pg_rotate_logfile",
    "pg_promote",
];

/// Languages whose names are words of other meanings elsewhere.
const LANGUAGES: [&str; 3] = ["c", "plr", "java"];

/// What connects to other servers when it runs; within a routine it only may.
const CONNECTS: [&str; 4] = ["dblink", "dblink_connect", "dblink_connect_u", "dblink_exec"];

/// Refuses a file that reaches outside of its database. On a `shared` server that is also
/// what belongs to all of its databases.
pub(super) fn refuse(script: &Script, shared: bool) -> Result<()> {
    let refused = |statement: &Statement, message: String, hint: &str| {
        Err(Error::invalid(message).at(script.place(statement.span), Some(script.text.clone())).hint(hint))
    };
    for statement in &script.statements {
        if let Some(what) = outside(statement, script.sql(statement)) {
            let message = format!(
                "it uses {what}, which reaches outside of its database: no scratch database runs that"
            );
            return refused(
                statement,
                message,
                "diff and baseline cannot be had with this file; everything else can",
            );
        }
        if shared && wide(statement) {
            let message = format!(
                "it runs {}, which would change more of the scratch server than its scratch database",
                statement.verb.to_uppercase()
            );
            return refused(
                statement,
                message,
                "leave --scratch-url out, so that a server of our own is used",
            );
        }
    }
    Ok(())
}

/// What belongs to all databases of a server.
fn wide(statement: &Statement) -> bool {
    let beyond = |kind| matches!(kind, ObjectKind::Role | ObjectKind::Database);
    matches!(&*statement.verb, "drop owned" | "reassign owned")
        || statement.actions().filter_map(kind_of).any(beyond)
}

/// What in it reaches outside of any database, for people.
fn outside(statement: &Statement, sql: &str) -> Option<String> {
    let verb = &*statement.verb;
    if matches!(verb, "alter system" | "load" | "import foreign schema") {
        return Some(verb.to_uppercase());
    }
    for effect in &statement.effects {
        match &effect.action {
            Action::Copy { stdio: false, .. } => return Some("COPY with a file or a program".to_owned()),
            action if kind_of(action) == Some(ObjectKind::Tablespace) => {
                return Some("a tablespace".to_owned());
            }
            _ => {}
        }
    }
    let words = words(sql);
    let defines = statement.actions().any(|action| kind_of(action) == Some(ObjectKind::Function));
    let single = words.iter().find(|word| {
        NAMES.contains(&word.text.as_str())
            || (word.text.starts_with("pg_ls_") && word.text.ends_with("dir"))
            || (!defines && CONNECTS.contains(&word.text.as_str()) && !verb.ends_with("extension"))
    });
    if let Some(word) = single {
        return Some(word.text.clone());
    }
    let dynamic = statement
        .effects
        .iter()
        .any(|effect| matches!(effect.action, Action::DynamicSql | Action::Unread { .. }));
    let copies = words.iter().any(|word| word.text == "copy");
    // A literal that is put together further begins with the command.
    if dynamic && words.iter().any(|word| word.text == "copy" && word.behind == Some('\'')) {
        return Some("COPY in a literal".to_owned());
    }
    words
        .windows(2)
        .find_map(|pair| match (pair[0].text.as_str(), pair[1].text.as_str()) {
            ("to" | "from", "program") if copies => Some("COPY with a program".to_owned()),
            ("alter", "system") if dynamic || verb == "do" || defines => Some("ALTER SYSTEM".to_owned()),
            ("language" | "extension" | "exists", language) if LANGUAGES.contains(&language) => {
                Some(format!("the language {language}"))
            }
            _ => None,
        })
        .or_else(|| loads(&words).then(|| "LOAD".to_owned()))
}

/// A `load '..'` that begins a statement or a literal.
fn loads(words: &[Word]) -> bool {
    let begins = |at: usize| {
        let before = at.checked_sub(1).map(|before| words[before].text.as_str());
        matches!(words[at].behind, Some(';' | '\'' | '$' | '>'))
            || matches!(before, Some("begin" | "then" | "else" | "loop"))
    };
    (0..words.len()).any(|at| words[at].text == "load" && words[at].ahead == Some('\'') && begins(at))
}

/// A word of a text, keyword, name or part of a literal alike.
struct Word {
    /// In lower case.
    text: String,
    /// The sign it follows, blanks left out.
    behind: Option<char>,
    /// The sign that follows.
    ahead: Option<char>,
}

fn words(sql: &str) -> Vec<Word> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut words: Vec<Word> = Vec::new();
    let mut last = None;
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        if !is_part(c) {
            if !c.is_whitespace() {
                last = Some(c);
                if let Some(word) = words.last_mut() {
                    word.ahead.get_or_insert(c);
                }
            }
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        if let Some(word) = words.last_mut() {
            // A word follows: that is no sign.
            word.ahead.get_or_insert(' ');
        }
        words.push(Word { text: rest[..end].to_lowercase(), behind: last.take(), ahead: None });
        rest = &rest[end..];
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_analysis::sql::Dialect;

    fn refused(sql: &str, shared: bool) -> bool {
        refuse(&Script::parse(Dialect::Postgres, "0001_x.sql", sql), shared).is_err()
    }

    #[test]
    fn what_names_the_world_outside_is_refused_everywhere() {
        for sql in [
            "copy t from program 'id'",
            "copy t to '/tmp/x'",
            "copy t from '/etc/passwd'",
            "do $$ begin copy t from '/etc/passwd'; end $$",
            "do $$ begin execute 'copy t from ' || quote_literal('/etc/passwd'); end $$",
            "do $$ begin execute format('copy t to %L', '/tmp/x'); end $$",
            "do $$ begin execute 'do $x$ begin copy t to program ' || '''id''; end $x$'; end $$",
            "create function f() returns void language plpgsql as $$ begin copy t to '/tmp/x'; end $$",
            "select lo_import('/etc/passwd')",
            "select \"pg_catalog\".\"lo_export\"(1, '/tmp/x')",
            "insert into t select PG_READ_FILE('/etc/passwd')",
            "create table t (a text default pg_read_binary_file('/etc/passwd')::text)",
            "select * from pg_ls_waldir()",
            "create function f(text) returns text language internal as 'pg_read_file_all'; select pg_ls_dir('.')",
            "create function f() returns int language c as 'libc', 'system'",
            "create function f() returns int as '/tmp/x.so' LANGUAGE 'C'",
            "create function f() returns int language plpython3u as 'return 1'",
            "do language plperlu 'system(1)'",
            "create extension plpython3u",
            "create extension if not exists \"plperlu\" schema pg_catalog",
            "create extension if not exists plr",
            "do $$ begin create extension plsh; end $$",
            "create extension file_fdw",
            "alter system set archive_command = 'id'",
            "do $$ begin execute 'alter system set archive_command = ''id'''; end $$",
            "load '/tmp/x.so'",
            "do $$ begin load '/tmp/x.so'; end $$",
            "do $$ begin execute 'load ''/tmp/x.so'''; end $$",
            "create tablespace t location '/tmp/x'",
            "import foreign schema s from server f into public",
            "select dblink_exec('host=db', 'drop table t')",
        ] {
            assert!(refused(sql, false) && refused(sql, true), "{sql}");
        }
    }

    #[test]
    fn what_stays_within_is_let_through() {
        for sql in [
            "create table program (language text, copy int, load text, c int, system text)",
            "select * from program",
            "comment on table t is 'a copy of the notes, load ''em'",
            "create function f(language text) returns int language sql as 'select 1'",
            "create function f() returns trigger language plpgsql as $$ begin raise exception 'cannot load ''%''', 1; end $$",
            "copy t from stdin",
            "create extension citext",
            "create extension dblink",
            "create extension if not exists plpgsql",
            "create function f() returns void language plpgsql as $$ begin perform dblink_exec('a', 'b'); end $$",
            "create event trigger e on ddl_command_end execute function f()",
            "create role r; alter table t owner to r",
        ] {
            assert!(!refused(sql, false), "{sql}");
        }
        assert!(refused("create role r", true) && refused("drop owned by r", true));
    }
}
