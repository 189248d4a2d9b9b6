//! Enumerations as the database spells them, and their twins on the wire.

use arborist_shared::api::{accounts, assets, drafts, jobs, queue};
use arborist_shared::edits;
use arborist_shared::split;
use sea_orm::entity::prelude::*;

/// Writes a database enumeration over text and its conversions from and to the wire's.
macro_rules! twin {
    ($(#[$doc:meta])* $name:ident = $wire:ty { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
        #[sea_orm(rs_type = "String", db_type = "String(StringLen::None)")]
        pub enum $name {
            $(#[sea_orm(string_value = $text)] $variant,)+
        }

        impl From<$wire> for $name {
            fn from(wire: $wire) -> Self {
                match wire { $(<$wire>::$variant => Self::$variant,)+ }
            }
        }

        impl From<$name> for $wire {
            fn from(stored: $name) -> Self {
                match stored { $($name::$variant => Self::$variant,)+ }
            }
        }
    };
}

twin! {
    /// Role of a user, a member or a key.
    Role = accounts::Role {
        Admin = "admin", Manager = "manager", Reviewer = "reviewer", Annotator = "annotator", Viewer = "viewer",
    }
}

twin! {
    /// Status of a job.
    JobStatus = jobs::JobStatus {
        Queued = "queued", Running = "running", Succeeded = "succeeded", Failed = "failed", Cancelled = "cancelled",
    }
}

twin! {
    /// Kind of an asset.
    AssetKind = assets::AssetKind { Encoder = "encoder", WordVectors = "word_vectors" }
}

twin! {
    /// Where a draft stands.
    DraftState = drafts::DraftState {
        Open = "open", Publishing = "publishing", Published = "published", Discarded = "discarded",
    }
}

twin! {
    /// What was done to a draft.
    EntryKind = drafts::EntryKind { Edit = "edit", Undo = "undo", Redo = "redo" }
}

twin! {
    /// Why a document waits for a person.
    ReviewReason = edits::ReviewReason {
        Split = "split", Deleted = "deleted", NothingLeft = "nothing_left",
    }
}

twin! {
    /// Whether a device takes jobs.
    DeviceState = queue::DeviceState {
        Enabled = "enabled", Draining = "draining", Disabled = "disabled",
    }
}

/// State of a corpus version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::None)")]
pub enum CorpusState {
    /// Its job still runs; nobody sees it.
    #[sea_orm(string_value = "importing")]
    Importing,
    #[sea_orm(string_value = "ready")]
    Ready,
}

/// Part of a corpus, as a number: there are millions of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "i16", db_type = "SmallInteger")]
pub enum Split {
    #[sea_orm(num_value = 0)]
    Train,
    #[sea_orm(num_value = 1)]
    Validation,
    #[sea_orm(num_value = 2)]
    Test,
}

impl From<split::Split> for Split {
    fn from(wire: split::Split) -> Self {
        match wire {
            split::Split::Train => Self::Train,
            split::Split::Validation => Self::Validation,
            split::Split::Test => Self::Test,
        }
    }
}

impl From<Split> for split::Split {
    fn from(stored: Split) -> Self {
        match stored {
            Split::Train => Self::Train,
            Split::Validation => Self::Validation,
            Split::Test => Self::Test,
        }
    }
}
