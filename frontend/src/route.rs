//! The pages' addresses.

use yew_router::Routable;

/// Every page that exists; what a page shows beyond that stands in the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Routable)]
pub enum Route {
    #[at("/")]
    Home,
    #[at("/sign-in")]
    SignIn,
    #[at("/first-start")]
    FirstStart,
    #[at("/projects")]
    Projects,
    #[at("/guide")]
    Guide,
    #[at("/projects/:project")]
    Overview { project: i64 },
    #[at("/projects/:project/corpus")]
    Corpus { project: i64 },
    #[at("/projects/:project/corpus/import")]
    Import { project: i64 },
    #[at("/projects/:project/corpus/versions")]
    Versions { project: i64 },
    #[at("/projects/:project/taxonomy")]
    Taxonomy { project: i64 },
    #[at("/projects/:project/train")]
    Train { project: i64 },
    #[at("/projects/:project/runs")]
    Runs { project: i64 },
    #[at("/projects/:project/runs/:run")]
    Run { project: i64, run: i64 },
    #[at("/projects/:project/runs/:run/errors")]
    Errors { project: i64, run: i64 },
    #[at("/projects/:project/queue")]
    Queue { project: i64 },
    #[at("/projects/:project/side-by-side")]
    SideBySide { project: i64 },
    #[at("/projects/:project/try")]
    TryIt { project: i64 },
    #[at("/projects/:project/settings")]
    Settings { project: i64 },
    #[not_found]
    #[at("/not-found")]
    NotFound,
}

impl Route {
    /// The project that the page belongs to.
    pub fn project(self) -> Option<i64> {
        match self {
            Self::Home
            | Self::SignIn
            | Self::FirstStart
            | Self::Projects
            | Self::Guide
            | Self::NotFound => None,
            Self::Overview { project }
            | Self::Corpus { project }
            | Self::Import { project }
            | Self::Versions { project }
            | Self::Taxonomy { project }
            | Self::Train { project }
            | Self::Runs { project }
            | Self::Run { project, .. }
            | Self::Errors { project, .. }
            | Self::Queue { project }
            | Self::SideBySide { project }
            | Self::TryIt { project }
            | Self::Settings { project } => Some(project),
        }
    }

    /// The same page in another project; pages of single objects fall back to the list they are in.
    #[must_use]
    pub fn in_project(self, project: i64) -> Self {
        match self {
            Self::Corpus { .. } | Self::Import { .. } | Self::Versions { .. } => {
                Self::Corpus { project }
            }
            Self::Taxonomy { .. } => Self::Taxonomy { project },
            Self::Train { .. } => Self::Train { project },
            Self::Runs { .. }
            | Self::Run { .. }
            | Self::Errors { .. }
            | Self::SideBySide { .. } => Self::Runs { project },
            Self::Queue { .. } => Self::Queue { project },
            Self::TryIt { .. } => Self::TryIt { project },
            Self::Settings { .. } => Self::Settings { project },
            _ => Self::Overview { project },
        }
    }

    /// Name for the window title and the navigation.
    pub fn title(self) -> &'static str {
        match self {
            Self::Home => "Arborist",
            Self::SignIn => "Sign in",
            Self::FirstStart => "First start",
            Self::Projects => "Projects",
            Self::Guide => "Guide",
            Self::Overview { .. } => "Overview",
            Self::Corpus { .. } => "Corpus",
            Self::Import { .. } => "Import",
            Self::Versions { .. } => "Statistics and versions",
            Self::Taxonomy { .. } => "Taxonomy",
            Self::Train { .. } => "Train",
            Self::Runs { .. } => "Runs",
            Self::Run { .. } => "Run",
            Self::Errors { .. } => "Where it errs",
            Self::Queue { .. } => "Queue",
            Self::SideBySide { .. } => "Side by side",
            Self::TryIt { .. } => "Try it",
            Self::Settings { .. } => "Settings",
            Self::NotFound => "Not found",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_back() {
        for route in [
            Route::Projects,
            Route::Guide,
            Route::Overview { project: 3 },
            Route::Import { project: 3 },
            Route::Versions { project: 3 },
            Route::Run {
                project: 3,
                run: 12,
            },
            Route::Errors {
                project: 3,
                run: 12,
            },
            Route::SideBySide { project: 3 },
            Route::Queue { project: 3 },
        ] {
            assert_eq!(Route::recognize(&route.to_path()), Some(route));
        }
        assert_eq!(Route::recognize("/nowhere"), Some(Route::NotFound));
        assert_eq!(Route::recognize("/projects/x"), Some(Route::NotFound));
    }

    #[test]
    fn switching_projects_stays_on_the_kind_of_page() {
        assert_eq!(
            Route::Run { project: 1, run: 9 }.in_project(2),
            Route::Runs { project: 2 }
        );
        assert_eq!(
            Route::Projects.in_project(2),
            Route::Overview { project: 2 }
        );
    }
}
