//! The methods that this server offers.

use serde::{Deserialize, Serialize};

use crate::manifest::MethodManifest;

/// `GET /api/v1/plugins` and `arborist plugins --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Plugins {
    pub methods: Vec<Plugin>,
    pub refused: Vec<RefusedPlugin>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Plugin {
    pub name: String,
    pub version: String,
    pub abi: u32,
    /// Version of libtorch the plugin was built for; none when it does without.
    pub libtorch: Option<String>,
    pub manifest: MethodManifest,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusedPlugin {
    pub path: String,
    pub reason: String,
}
