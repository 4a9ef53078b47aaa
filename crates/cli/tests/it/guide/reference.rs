//! The committed pages of the reference are what the program makes of itself.

use crate::project::Project;

use super::page::document;

#[test]
fn the_committed_reference_is_what_the_program_says() {
    let project = Project::new();
    project.cofferdam("generate reference --out made").run();
    let made = project.files();
    assert!(made.len() >= 3, "{made:?}");
    for page in made {
        let name = page.trim_start_matches("made/");
        let same = document(&format!("docs/reference/{name}")) == project.read(&page);
        assert!(same, "docs/reference/{name} is not what the program says: `cargo xtask docs` writes it");
    }
}
