//! The host's side of the seam: listing plugins without loading them, checking hyperparameters, opening and calling a plugin.
//!
//! The server lists and validates; only a child process opens. `unsafe` stays in `plugin` and `cuda`.

mod cuda;
mod directory;
mod hyperparameters;
mod libtorch;
mod plugin;
mod side_manifest;

pub use self::cuda::preload_cuda;
pub use self::directory::{AllowList, FoundPlugin, FoundPlugins, read_plugin_dirs};
pub use self::hyperparameters::{manifest_problems, validate_hyperparameters};
pub use self::libtorch::Libtorch;
pub use self::plugin::{CallError, LoadError, LoadedModel, Plugin};
pub use self::side_manifest::{SideManifest, SideManifestError, sha256_of_file};
