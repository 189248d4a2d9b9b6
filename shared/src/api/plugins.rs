//! The methods that this server offers.

use serde::{Deserialize, Serialize};

use crate::manifest::MethodManifest;

/// `GET /api/v1/plugins` and `arborist plugins --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Plugins {
    /// Plugins that can be used.
    pub methods: Vec<Plugin>,
    /// Files that look like plugins and cannot be used.
    pub refused: Vec<RefusedPlugin>,
}

/// A plugin that can be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Plugin {
    /// Name of its method.
    pub name: String,
    /// Version of the plugin.
    pub version: String,
    /// Version of the plugin interface.
    pub abi: u32,
    /// Version of libtorch the plugin was built for; none when it does without.
    pub libtorch: Option<String>,
    /// What the method says about itself.
    pub manifest: MethodManifest,
}

/// A file that looks like a plugin and cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusedPlugin {
    /// Path of the file.
    pub path: String,
    /// Why it was refused.
    pub reason: String,
}
