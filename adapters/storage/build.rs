//! Tells cargo that the crate embeds the migrations, so that a new one is compiled in.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
