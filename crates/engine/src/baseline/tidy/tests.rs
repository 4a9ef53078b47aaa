use super::*;

fn facts() -> Facts {
    let policy = |name: &str, roles: &[&str]| {
        let key = ("public".to_owned(), "notes".to_owned(), name.to_owned());
        (key, roles.iter().map(|role| (*role).to_owned()).collect())
    };
    Facts {
        policies: [
            policy("own", &["reader"]),
            policy("both", &["reader", "writer"]),
            policy("all", &["public"]),
        ]
        .into(),
        commented_by_themselves: ["citext".to_owned()].into(),
        has_public: true,
    }
}

fn tidied(dump: &str) -> Tidied {
    tidy(dump, &facts()).expect("a dump")
}

#[test]
fn a_dump_becomes_plain_sql_that_leaves_no_setting_behind() {
    let dump = "\\restrict abc\n\nSET statement_timeout = 0;\nSET standard_conforming_strings = on;\n\
        SELECT pg_catalog.set_config('search_path', '', false);\nSET default_table_access_method = heap;\n\
        --\n-- Name: public; Type: SCHEMA; Schema: -; Owner: alice\n--\n\nCREATE SCHEMA public;\n\
        ALTER SCHEMA public OWNER TO alice;\n\
        CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;\nCOMMENT ON EXTENSION citext IS 'words';\n\
        --\n-- Name: f(); Type: FUNCTION; Schema: public; Owner: alice\n--\n\n\
        CREATE FUNCTION public.f() RETURNS text\n    LANGUAGE sql\n    AS $$select '\n-- Name: x; Owner: eve\n'$$;\n\
        GRANT ALL ON FUNCTION public.f() TO alice;\nREVOKE ALL ON FUNCTION public.f() FROM PUBLIC;\n\
        CREATE EVENT TRIGGER seen ON ddl_command_end\n   EXECUTE FUNCTION public.f();\n\
        GRANT SELECT ON TABLE public.notes TO pg_monitor;\n\
        GRANT SELECT ON TABLE public.notes TO \"odd \"\"one\" WITH GRANT OPTION;\n\\unrestrict abc\n";
    let tidied = tidied(dump);
    insta::assert_snapshot!(tidied.text, @r#"
    -- The schema as it stood when cofferdam took this database over (cofferdam baseline).
    -- Where it stood already this file counts as applied; in a new database migrate runs it.

    SET LOCAL check_function_bodies = off;
    SET LOCAL search_path = '';

    CREATE SCHEMA IF NOT EXISTS public;

    CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;

    CREATE FUNCTION public.f() RETURNS text
        LANGUAGE sql
        AS $$select '
    -- Name: x; Owner: eve
    '$$;

    GRANT ALL ON FUNCTION public.f() TO CURRENT_USER;

    REVOKE ALL ON FUNCTION public.f() FROM PUBLIC;

    GRANT SELECT ON TABLE public.notes TO pg_monitor;

    DO $roles$
    BEGIN
      IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'odd "one') THEN
        GRANT SELECT ON TABLE public.notes TO "odd ""one" WITH GRANT OPTION;
      END IF;
    END
    $roles$;

    CREATE EVENT TRIGGER seen ON ddl_command_end
       EXECUTE FUNCTION public.f();
    "#);
    assert_eq!(tidied.roles, ["odd \"one".to_owned()].into());
}

#[test]
fn policies_and_default_privileges_go_where_their_roles_are() {
    let dump = "CREATE POLICY own ON public.notes FOR SELECT TO reader USING ((a = '$roles$'::text));\n\
        COMMENT ON POLICY own ON public.notes IS 'it IS mine';\n\
        CREATE POLICY both ON public.notes TO reader, writer USING (true);\n\
        CREATE POLICY \"all\" ON public.notes USING (true);\nCOMMENT ON POLICY \"all\" ON public.notes IS 'x';\n\
        GRANT SELECT ON TABLE public.notes TO reader;\n\
        ALTER DEFAULT PRIVILEGES FOR ROLE alice IN SCHEMA app GRANT SELECT ON TABLES TO reader;\n\
        ALTER DEFAULT PRIVILEGES FOR ROLE alice REVOKE ALL ON FUNCTIONS FROM PUBLIC;\n";
    let tidied = tidied(dump);
    insta::assert_snapshot!(tidied.text, @r#"
    -- The schema as it stood when cofferdam took this database over (cofferdam baseline).
    -- Where it stood already this file counts as applied; in a new database migrate runs it.

    SET LOCAL check_function_bodies = off;
    SET LOCAL search_path = '';

    CREATE POLICY "all" ON public.notes USING (true);

    COMMENT ON POLICY "all" ON public.notes IS 'x';

    DO $roles$
    BEGIN
      IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'alice' AND pg_has_role(oid, 'MEMBER')) THEN
        ALTER DEFAULT PRIVILEGES FOR ROLE alice REVOKE ALL ON FUNCTIONS FROM PUBLIC;
      END IF;
    END
    $roles$;

    DO $roles$
    BEGIN
      IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'alice' AND pg_has_role(oid, 'MEMBER'))
        AND EXISTS (SELECT FROM pg_roles WHERE rolname = 'reader') THEN
        ALTER DEFAULT PRIVILEGES FOR ROLE alice IN SCHEMA app GRANT SELECT ON TABLES TO reader;
      END IF;
    END
    $roles$;

    DO $roles_$
    BEGIN
      IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'reader') THEN
        GRANT SELECT ON TABLE public.notes TO reader;
        CREATE POLICY own ON public.notes FOR SELECT TO reader USING ((a = '$roles$'::text));
        COMMENT ON POLICY own ON public.notes IS 'it IS mine';
      END IF;
    END
    $roles_$;

    DO $roles$
    BEGIN
      IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'reader')
        AND EXISTS (SELECT FROM pg_roles WHERE rolname = 'writer') THEN
        CREATE POLICY both ON public.notes TO reader, writer USING (true);
      ELSIF EXISTS (SELECT FROM pg_roles WHERE rolname IN ('reader', 'writer')) THEN
        RAISE EXCEPTION 'not all roles of the policy both on public.notes exist';
      END IF;
    END
    $roles$;
    "#);
}

#[test]
fn no_secret_reaches_the_file() {
    let dump = "CREATE SERVER there TYPE 'key' FOREIGN DATA WRAPPER w OPTIONS (\n    host 'far',\n    \
        secret_key 'hunter2''s',\n    \"PassWord\" E'hunter\\\\''2'\n);\n\
        CREATE USER MAPPING FOR alice SERVER there OPTIONS (\n    password 'hunter2'\n);\n\
        CREATE TABLE public.t (\n    a text DEFAULT 'FOREIGN hunter'::text\n);\n";
    let tidied = tidied(dump);
    assert!(!tidied.text.contains("hunter2") && !tidied.text.contains("MAPPING"), "{}", tidied.text);
    assert!(tidied.text.contains("TYPE 'key'") && tidied.text.contains("host 'far'"), "{}", tidied.text);
    assert!(tidied.text.contains("secret_key ''") && tidied.text.contains("DEFAULT 'FOREIGN hunter'"));
    assert_eq!(tidied.notes.len(), 2, "{:?}", tidied.notes);
}

#[test]
fn a_database_without_public_says_so() {
    let without = tidy("CREATE SCHEMA app;", &Facts { has_public: false, ..facts() }).expect("a dump");
    assert!(without.text.contains("\nDROP SCHEMA IF EXISTS public;\n"), "{}", without.text);
}
