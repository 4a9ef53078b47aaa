//! The same database by another way, and another database with the same content.

use std::process::Command;

use cofferdam::scratch::{Cluster, Settings};
use cofferdam_testkit::proxy::Proxy;

use super::*;

impl Scene {
    #[track_caller]
    fn is_protected_at(&self, url: &str) {
        let refused = self.at(url, "rollback").status(3).run();
        assert!(flat(&refused.stderr).contains("protected database"), "{url}: {refused}");
    }

    /// A copy says so, and is not protected until it is marked itself.
    #[track_caller]
    fn is_a_copy_at(&self, url: &str, name: &str) {
        let told = self.protection(self.at(url, "status --format json"));
        assert_eq!((&told["protected"], &told["copy_of"]), (&json!(false), &json!(self.name())), "{url}");
        assert_eq!(told["database"], name);
        says(self.at(url, "status"), "of which this is a copy");
        self.at(url, "rollback").run();
        says(self.production("migrate").env("PROD_URL", url), "is marked as protected");
        self.is_protected_at(url);
        self.at(url, "audit --verify").run();
    }
}

#[test]
fn a_postgres_database_is_the_same_by_socket_by_address_by_name_and_by_another_port() {
    for major in majors() {
        let scene = Scene::on_postgres(major);
        let database = scene.database.as_ref().expect("Postgres");
        scene.production("migrate").run();
        let proxy = Proxy::start(database.address());
        let by_address = database.url_through(&proxy);
        let by_name = by_address.replacen("127.0.0.1", "localhost", 1);
        let in_capitals = by_address.replacen("127.0.0.1", "LOCALHOST", 1);
        for url in [database.url(), by_address, by_name, in_capitals] {
            scene.is_protected_at(&url);
        }
    }
}

#[test]
fn a_postgres_database_that_is_renamed_or_restored_in_its_place_stays_protected() {
    for major in majors() {
        let scene = Scene::on_postgres(major);
        let database = scene.database.as_ref().expect("Postgres");
        let (name, server) = (database.name(), database.address());
        scene.production("migrate").run();
        let run = |sql: &str| server.run("postgres", sql).expect("valid");
        // The way of every restore: the old one aside, the new one in its place.
        run(&format!("alter database {name} rename to {name}_old"));
        run(&format!("create database {name} template {name}_old"));
        scene.is_protected_at(&server.url(&format!("{name}_old")));
        scene.is_protected_at(&database.url());
        run(&format!("drop database {name}_old"));
    }
}

#[test]
fn a_postgres_database_made_from_a_template_is_a_copy() {
    for major in majors() {
        let scene = Scene::on_postgres(major);
        scene.production("migrate").run();
        let copy = postgres::Database::copy_of(scene.database.as_ref().expect("Postgres"));
        scene.is_a_copy_at(&copy.url(), copy.name());
        scene.is_protected_at(&scene.url());
    }
}

/// Dumps the scene's database and restores it, as pg_dump and psql do; `false` where there is
/// no pg_dump for it.
fn restored(scene: &Scene, server: &postgres::Address, name: &str) -> bool {
    let from = scene.database.as_ref().expect("Postgres");
    let Some(programs) = postgres::pg_dump(from.major()) else { return false };
    let dump = Command::new(programs.join("pg_dump")).args(["--inserts", "--dbname", &from.url()]).output();
    let dump = dump.expect("pg_dump");
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let text = String::from_utf8(dump.stdout).expect("UTF-8");
    // Lines with a backslash are for psql itself.
    let sql: Vec<&str> = text.lines().filter(|line| !line.starts_with('\\')).collect();
    server.run(name, &sql.join("\n")).expect("restored");
    true
}

#[test]
fn a_postgres_database_restored_under_another_name_is_a_copy() {
    for major in majors() {
        let scene = Scene::on_postgres(major);
        scene.production("migrate").run();
        let other = postgres::Database::new(major);
        if restored(&scene, other.address(), other.name()) {
            scene.is_a_copy_at(&other.url(), other.name());
        }
    }
}

#[test]
fn a_postgres_database_restored_on_another_server_under_its_name_is_a_copy() {
    for major in majors() {
        let scene = Scene::on_postgres(major);
        scene.production("migrate").run();
        // Made by its own initdb: servers made from one template are one to each other.
        let cluster = Cluster::start(&postgres::installed(major), &Settings::default()).expect("a server");
        let (address, name) = (cluster.address(), scene.name());
        address.create_database(name).expect("a database");
        if restored(&scene, address, name) {
            scene.is_a_copy_at(&address.url(name), name);
            scene.is_protected_at(&scene.url());
        }
    }
}

#[test]
fn where_a_server_does_not_tell_its_number_the_name_decides() {
    for major in majors() {
        let scene = Scene::on_postgres(major);
        let database = scene.database.as_ref().expect("Postgres");
        let name = database.name();
        let role = format!("owner_of_{name}");
        database.psql(&format!(
            "create role {role} login; alter database {name} owner to {role}; alter schema public owner to {role};
             revoke execute on function pg_control_system() from public"
        ));
        let url =
            |database: &postgres::Database| database.url().replacen("postgres@", &format!("{role}@"), 1);
        let here = url(database);
        says(scene.production("migrate").env("PROD_URL", &here), "is marked as protected");
        let mark = scene.sql("select value from cofferdam.meta where key = 'protected'");
        assert!(mark.contains("\"system\":null"), "{mark}");
        // Whoever may know the number and whoever may not, both see the mark.
        scene.is_protected_at(&here);
        scene.is_protected_at(&database.url());
        let copy = postgres::Database::copy_of(database);
        let told = scene.protection(scene.at(&url(&copy), "status --format json"));
        assert_eq!((&told["protected"], &told["copy_of"]), (&json!(false), &json!(name)));
        drop(copy);
        database.psql(&format!("reassign owned by {role} to postgres; drop owned by {role}"));
        database
            .address()
            .run("postgres", &format!("alter database {name} owner to postgres"))
            .expect("owned");
        database.psql(&format!("drop role {role}"));
    }
}

#[test]
fn a_sqlite_file_is_the_same_by_links_and_by_another_name() {
    let scene = Scene::on_sqlite();
    scene.production("migrate").run();
    let path = |name: &str| scene.project.path(name);
    std::os::unix::fs::symlink(path("notes.db"), path("link.db")).expect("a link");
    let linked = scene.at("sqlite:link.db", "rollback").status(3).run();
    assert!(flat(&linked.stderr).contains("--confirm notes.db"), "{linked}");
    scene.is_protected_at(&format!("sqlite:{}", path("notes.db").display()));
    std::fs::hard_link(path("notes.db"), path("hard.db")).expect("a link");
    let hard = scene.at("sqlite:hard.db", "rollback").status(3).run();
    assert!(flat(&hard.stderr).contains("--confirm hard.db"), "{hard}");
    for name in ["link.db", "hard.db"] {
        std::fs::remove_file(path(name)).expect("removed");
    }
    std::fs::rename(path("notes.db"), path("renamed.db")).expect("renamed");
    scene.is_protected_at("sqlite:renamed.db");
}

#[test]
fn a_sqlite_file_that_is_copied_is_a_copy_and_one_that_is_put_back_is_not() {
    let scene = Scene::on_sqlite();
    scene.production("migrate").run();
    let path = |name: &str| scene.project.path(name);
    std::fs::copy(path("notes.db"), path("copy.db")).expect("a copy");
    std::fs::copy(path("notes.db"), path("kept.db")).expect("a copy");
    scene.is_a_copy_at("sqlite:copy.db", "copy.db");
    // A restore: another file under the name.
    std::fs::rename(path("kept.db"), path("notes.db")).expect("in its place");
    scene.is_protected_at("sqlite:notes.db");
}
