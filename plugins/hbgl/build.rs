//! Run paths: a shipped plugin finds libtorch beside the executable, tests where set-up put it.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    // `plugins/libarborist_hbgl.so` beside the executable; `libtorch` or `lib` beside one of both.
    for place in ["$ORIGIN/../libtorch", "$ORIGIN/libtorch", "$ORIGIN/../lib"] {
        println!("cargo:rustc-link-arg-cdylib=-Wl,-rpath,{place}");
    }
    if let Some(libtorch) = std::env::var_os("LIBTORCH") {
        let libraries = PathBuf::from(libtorch).join("lib");
        println!(
            "cargo:rustc-link-arg-tests=-Wl,-rpath,{}",
            libraries.display()
        );
    }
}
