//! Corpora as other tools read them. Reading rows and looking up their labels is the caller's; each writer takes
//! documents one by one and leaves a directory.

mod cleaning;
mod hiagm;

pub use cleaning::Cleaning;
pub use hiagm::{ExportError, Exported, HiAgmOptions, HiAgmWriter};
