//! Windows for the team's own tool.

use cofferdam_testkit::postgres;

use super::Scene;
use crate::project::document;

#[test]
fn a_window_opens_for_its_role_and_its_time_and_is_audited() {
    for major in postgres::majors() {
        let scene = Scene::guarded(major);
        let other = format!("other_{}", scene.database.name());
        scene.database.psql(&format!("create role {other} login; alter table tags owner to {other}"));
        let opened = scene.run("guard allow --for 10m --format json --reason").arg("push by hand").run();
        let opened = document("guard", &opened);
        let window = &opened["windows"][0];
        assert_eq!((&window["role"], &window["reason"]), (&"postgres".into(), &"push by hand".into()));
        let remaining = window["remaining_s"].as_i64().expect("seconds");
        assert!((590..=600).contains(&remaining), "{remaining}");
        assert!(scene.said("postgres", "drop table tags; truncate events").is_none());
        assert!(scene.said(&other, "drop table tags").expect("refused").by_guard());
        scene.run("guard status").stdout_contains("push by hand").run();
        scene.run("guard allow --end").stdout_lacks("push by hand").run();
        assert!(scene.said("postgres", "drop table tags").expect("refused").by_guard());

        scene.run(&format!("guard allow --for 1h --reason theirs --role {other}")).run();
        assert!(scene.said(&other, "drop table tags").is_none());
        assert!(scene.said("postgres", "drop table tags").expect("refused").by_guard());
        scene.run("guard allow --for 24h --reason all --any-role").run();
        assert!(scene.said("postgres", "drop table tags").is_none());
        // It ends by itself.
        scene.database.psql("update cofferdam_guard.allowed set expires = now()");
        assert!(scene.said("postgres", "drop table tags").expect("refused").by_guard());
        let audit = scene.run("audit").run().stdout;
        for action in ["guard-install", "guard-allow", "guard-allow-end"] {
            assert!(audit.contains(action), "{action} in {audit}");
        }
        scene.run("audit --verify").run();
        scene.database.psql(&format!(
            "drop event trigger cofferdam_guard_drop; drop owned by {other} cascade; drop role {other}"
        ));
    }
}

#[test]
fn a_window_needs_a_reason_and_has_an_end() {
    let scene = Scene::guarded(postgres::majors()[0]);
    scene.run("guard allow --for 25h --reason x").status(2).stderr_contains("from 1s to 24h").run();
    scene.run("guard allow --for 10m").status(2).run();
    scene.run("guard allow --for 10m --reason").arg("").status(2).run();
    scene.run("guard allow --for 10m --reason").arg(" \n\t ").status(2).stderr_contains("say why").run();
    scene.run("guard allow --for 10m --reason").arg("two\nlines ").stdout_contains("two lines").run();
    scene.run("guard allow --end").run();
    scene.run("guard allow --reason x").status(2).run();
    scene.run("guard allow --end --reason x").status(2).run();
    scene
        .run("guard allow --for 1m --reason x --role nobody_such")
        .status(2)
        .stderr_contains("no role")
        .run();
    scene.run("guard remove").run();
    scene.run("guard allow --for 1m --reason x").status(2).stderr_contains("no guard").run();
}
