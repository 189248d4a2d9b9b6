//! The toy method as a library. See `method.rs`.

mod method;

pub use method::Toy;

arborist_plugin_api::export_method!(Toy, name = "toy");
