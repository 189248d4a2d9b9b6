//! Entry of the WebAssembly module.

fn main() {
    arborist_frontend::start();
}
