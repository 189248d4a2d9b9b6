//! The parts of a corpus, and their assignment to documents.

use serde::{Deserialize, Serialize};

/// Part of a corpus that a document belongs to, frozen for the document's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Split {
    Train,
    #[serde(alias = "val", alias = "valid", alias = "dev")]
    Validation,
    Test,
}
