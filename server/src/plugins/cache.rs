//! The list of plugins, which is asked for often and changes rarely.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arborist_plugin_api::host::FoundPlugins;
use tokio::sync::Mutex;

use super::PluginSearch;
use crate::http::problem::ApiError;

/// A plugin that was just approved shows after this time.
const MEMORY: Duration = Duration::from_secs(5);

/// The last list.
#[derive(Debug, Default)]
pub struct PluginCache(Mutex<Option<(Instant, Arc<FoundPlugins>)>>);

impl PluginCache {
    /// All plugins, as of a few seconds ago at most.
    ///
    /// # Errors
    /// When the search panics.
    pub async fn list(&self, search: PluginSearch) -> Result<Arc<FoundPlugins>, ApiError> {
        let mut last = self.0.lock().await;
        if let Some((since, found)) = &*last
            && since.elapsed() < MEMORY
        {
            return Ok(Arc::clone(found));
        }
        // Libraries are read and hashed.
        let found = Arc::new(tokio::task::spawn_blocking(move || search.find_all()).await?);
        *last = Some((Instant::now(), Arc::clone(&found)));
        Ok(found)
    }
}
