//! Lets the crate's own tests find libtorch. Nothing here reaches the plugins that use the crate.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if let Some(libtorch) = std::env::var_os("LIBTORCH") {
        println!(
            "cargo:rustc-link-arg=-Wl,-rpath,{}",
            PathBuf::from(libtorch).join("lib").display()
        );
    }
}
