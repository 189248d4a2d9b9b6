//! Parts that pages are made of. `PatternFly`'s markup and classes; patternfly-yew where its component
//! lets keyboard, focus and test ids be, our own where it does not.

pub mod button;
pub mod context_menu;
pub mod copy;
pub mod dialog;
pub mod drop_zone;
pub mod field;
pub mod figure;
pub mod icon;
pub mod job_bar;
pub mod label_path;
pub mod label_picker;
pub mod link;
pub mod menu;
pub mod page;
pub mod path_tree;
pub mod states;
pub mod status;
pub mod tabs;
pub mod toast;
pub mod virtual_list;

pub use button::{Button, Variant};
pub use dialog::Dialog;
pub use icon::{Icon, icon};
pub use job_bar::JobBar;
pub use label_path::LabelPath;
pub use link::RouteLink;
pub use page::{Hint, PageHeader, Panel};
pub use states::{Empty, Failure, Lines, Notice, NoticeKind, show};
pub use status::{Ago, StatusChip};
pub use tabs::Tabs;
pub use toast::{Toast, ToastKind, use_toaster};
pub use virtual_list::VirtualList;
