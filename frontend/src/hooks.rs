//! Stateful pieces that pages share: loading, live jobs, the address, theme, time and keys.

pub mod browser;
pub mod draft;
pub mod live;
pub mod more;
pub mod query;
pub mod theme;
pub mod url;

pub use browser::{save_file, use_debounced, use_interval, use_now, use_title, use_window_event};
pub use draft::{Conflict, DraftSession, DraftView, Wish, use_draft};
pub use live::{JobFeed, use_job_feed};
pub use more::{More, Page, use_more};
pub use query::{Loaded, Loading, Query, use_query, use_search};
pub use theme::{Theme, ThemeChoice, use_theme};
pub use url::{UrlQuery, use_url_query};
