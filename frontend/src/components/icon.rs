//! The icons, drawn as strokes on a grid of 24: no font to wait for, and they take the color of the text.

use yew::prelude::*;

/// Everything that is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Alert,
    Archive,
    ArrowRight,
    Bars,
    Branch,
    Check,
    ChevronDown,
    ChevronRight,
    Clock,
    Close,
    Copy,
    Corpus,
    Down,
    Download,
    External,
    Filter,
    Help,
    Info,
    Jobs,
    Key,
    Mark,
    Merge,
    Monitor,
    Moon,
    More,
    Move,
    Overview,
    Pencil,
    People,
    Plug,
    Plus,
    Redo,
    Refresh,
    Runs,
    Search,
    Settings,
    SignOut,
    Split,
    Stop,
    Sun,
    Taxonomy,
    Train,
    Trash,
    Try,
    Undo,
    Up,
    Upload,
    User,
    Warning,
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Self::Alert => "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M12 7.500v5.500M12 16.500v.01",
            Self::Archive => "M4 5h16v4h-16zM5.500 9v10.500h13v-10.500M10 13h4",
            Self::ArrowRight => "M5 12h14M13 6l6 6l-6 6",
            Self::Bars => "M4 6h16M4 12h16M4 18h16",
            Self::Branch => "M7 5v14M7 12c6 0 10-1 10-5M17 7v-.01M7 19v.01",
            Self::Check => "M5 12.500l4.500 4.500l9.500-10",
            Self::ChevronDown => "M6 9l6 6l6-6",
            Self::ChevronRight => "M9 6l6 6l-6 6",
            Self::Clock => "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M12 7v5l3.500 2",
            Self::Close => "M6 6l12 12M18 6l-12 12",
            Self::Copy => {
                "M9 9h10a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-10a1 1 0 0 1-1-1v-10a1 1 0 0 1 1-1M16 9v-5a1 1 0 0 0-1-1h-10a1 1 0 0 0-1 1v10a1 1 0 0 0 1 1h3"
            }
            Self::Corpus => {
                "M6 3h8l5 5v12a1 1 0 0 1-1 1h-12a1 1 0 0 1-1-1v-16a1 1 0 0 1 1-1M14 3v5h5M8.500 12.500h7M8.500 16.500h5"
            }
            Self::Down => "M12 5v14M6 13l6 6l6-6",
            Self::Download => "M12 4v11M7 11l5 5l5-5M4 20h16",
            Self::External => {
                "M14 4h6v6M20 4l-9 9M18 14v5a1 1 0 0 1-1 1h-12a1 1 0 0 1-1-1v-12a1 1 0 0 1 1-1h5"
            }
            Self::Filter => "M4 5h16l-6 8v6l-4-2v-4z",
            Self::Help => {
                "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M9.500 9.500a2.500 2.500 0 1 1 3.500 2.300c-.7.3-1 .9-1 1.700M12 16.800v.01"
            }
            Self::Info => "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M12 11v5.500M12 7.500v.01",
            Self::Jobs => "M3 12h4l3-7l4 14l3-7h4",
            Self::Key => "M8 11a4 4 0 1 0 0 8a4 4 0 0 0 0-8M11 12l8-8M16 7l3 3M13.500 9.500l2 2",
            Self::Mark => {
                "M12 6v5m0 0c0 4-6 2-6 6m6-6v6m0-6c0 4 6 2 6 6M12 4a1.500 1.500 0 1 0 0 3a1.500 1.500 0 0 0 0-3M6 17a1.500 1.500 0 1 0 0 3a1.500 1.500 0 0 0 0-3M12 17a1.500 1.500 0 1 0 0 3a1.500 1.500 0 0 0 0-3M18 17a1.500 1.500 0 1 0 0 3a1.500 1.500 0 0 0 0-3"
            }
            Self::Merge => "M6 4v4c0 4 6 4 6 8v4M18 4v4c0 4-6 4-6 8M9 17l3 3l3-3",
            Self::Monitor => {
                "M4 5h16a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-16a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1M9 20h6M12 16v4"
            }
            Self::Moon => "M20 14.500a8 8 0 1 1-10.500-10.500a6.500 6.500 0 0 0 10.500 10.500",
            Self::More => "M5 12h.01M12 12h.01M19 12h.01",
            Self::Move => "M12 3v18M3 12h18M9 6l3-3l3 3M9 18l3 3l3-3M6 9l-3 3l3 3M18 9l3 3l-3 3",
            Self::Overview => "M4 4h7v7h-7zM13 4h7v4h-7zM13 11h7v9h-7zM4 14h7v6h-7z",
            Self::Pencil => "M4 20l1-4.500l11-11l3.500 3.500l-11 11zM14 6.500l3.500 3.500",
            Self::People => {
                "M9 5a3.500 3.500 0 1 0 0 7a3.500 3.500 0 0 0 0-7M2.500 19.500c.4-3.300 3-5 6.500-5s6.100 1.700 6.500 5M16 5.300a3.300 3.300 0 0 1 0 6.400M18 14.800c2 .7 3.200 2.300 3.500 4.700"
            }
            Self::Plug => "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4",
            Self::Plus => "M12 5v14M5 12h14",
            Self::Redo => "M15 5l4 4l-4 4M19 9h-8a5 5 0 0 0 0 10h4",
            Self::Refresh => "M20 11a8 8 0 1 0-1.500 6M20 5v6h-6",
            Self::Runs => "M4 20h16M6 20v-6M11 20v-11M16 20v-15",
            Self::Search => {
                "M10.500 4a6.500 6.500 0 1 0 0 13a6.500 6.500 0 0 0 0-13M15.500 15.500l5 5"
            }
            Self::Settings => {
                "M4 7h9M19 7h1M16 4.500a2.500 2.500 0 1 0 0 5a2.500 2.500 0 0 0 0-5M4 17h1M11 17h9M8 14.500a2.500 2.500 0 1 0 0 5a2.500 2.500 0 0 0 0-5"
            }
            Self::SignOut => "M14 4h-8a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h8M10 12h10M16 8l4 4l-4 4",
            Self::Split => "M12 4v4c0 4-6 4-6 8v4M12 8c0 4 6 4 6 8v4M3 17l3 3l3-3M15 17l3 3l3-3",
            Self::Stop => "M7 7h10v10h-10z",
            Self::Sun => {
                "M12 8a4 4 0 1 0 0 8a4 4 0 0 0 0-8M12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400"
            }
            Self::Taxonomy => "M4 4h6v4h-6zM14 10h6v4h-6zM14 17h6v4h-6zM7 8v11h7M7 12h7",
            Self::Train => {
                "M12 3l1.800 5.200l5.200 1.800l-5.200 1.800l-1.800 5.200l-1.800-5.200l-5.200-1.800l5.200-1.800zM18.500 16v5M16 18.500h5"
            }
            Self::Trash => "M4 7h16M9 7v-3h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
            Self::Try => "M4 5h16v11h-9l-4 4v-4h-3zM8 9.500h8M8 12.500h5",
            Self::Undo => "M9 5l-4 4l4 4M5 9h8a5 5 0 0 1 0 10h-4",
            Self::Up => "M12 19v-14M6 11l6-6l6 6",
            Self::Upload => "M12 16v-11M7 9l5-5l5 5M4 20h16",
            Self::User => {
                "M12 4a4 4 0 1 0 0 8a4 4 0 0 0 0-8M4.500 20.500c.5-4 3.500-6 7.500-6s7 2 7.500 6"
            }
            Self::Warning => "M12 4l9 16h-18zM12 10v4.500M12 17.300v.01",
        }
    }
}

/// An icon beside text; assistive technology passes over it.
pub fn icon(kind: Icon) -> Html {
    html! {
        <svg class="ab-icon" viewBox="0 0 24 24" width="1em" height="1em" aria-hidden="true" focusable="false">
            <path d={kind.path()} />
        </svg>
    }
}
