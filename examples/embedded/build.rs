//! Without this line a new file in `migrations` would not be built in until something else
//! changes.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
