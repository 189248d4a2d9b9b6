//! What the parts of a draft's page share: the draft, and ways to change it.

use arborist_shared::api::drafts::{Draft, DraftLabel, DraftState, EntryKind};
use arborist_shared::edits::Edit;
use yew::prelude::*;

use crate::api::{Answer, Source};
use crate::components::toast::Toaster;
use crate::components::{Toast, ToastKind};
use crate::hooks::{DraftSession, Wish};

/// What can be done to a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    AddBelow,
    AddBeside,
    Rename,
    Move,
    Merge,
    Split,
    Deprecate,
    Reinstate,
    AddParent,
    Describe,
    Delete,
}

/// A task for which a dialog is to be opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub task: Task,
    /// None: a label is added at the top level.
    pub label: Option<DraftLabel>,
    /// Id of the parent at the place where the label was met; none at the top level.
    pub parent: Option<String>,
    /// The revision at which all this was seen.
    pub seen: i64,
}

/// A draft that is worked on.
#[derive(Clone, PartialEq)]
pub struct Workbench {
    pub project: i64,
    pub source: Source,
    pub session: DraftSession,
    pub ask: Callback<Ask>,
    /// The person's role is one of those that edit.
    pub may_edit: bool,
    pub toaster: Toaster,
}

impl Workbench {
    pub fn draft(&self) -> Option<&Draft> {
        self.session.view.draft.as_deref()
    }

    /// Whether the draft takes edits of this person.
    pub fn is_open(&self) -> bool {
        self.may_edit
            && self
                .draft()
                .is_some_and(|draft| draft.state == DraftState::Open)
    }

    /// The revision that is shown.
    pub fn seen(&self) -> i64 {
        self.session.view.revision()
    }

    /// Opens the dialog of a task, or does it where there is nothing to ask.
    pub fn ask(&self, task: Task, label: Option<DraftLabel>, parent: Option<String>) {
        if !self.is_open() {
            return;
        }
        match (task, &label) {
            (Task::Reinstate, Some(label)) => self.edit(vec![Edit::Deprecate {
                label: label.id.clone(),
                replaced_by: None,
                deprecated: false,
            }]),
            _ => self.ask.emit(Ask {
                task,
                label,
                parent,
                seen: self.seen(),
            }),
        }
    }

    /// Does edits at once; a refusal is told in the corner.
    pub fn edit(&self, edits: Vec<Edit>) {
        if self.is_open() {
            self.propose(Wish::Edits(edits), "The edit was not done");
        }
    }

    /// Undoes or redoes an edit: the person's own last one unless another is named.
    pub fn turn(&self, kind: EntryKind, edit: Option<i64>) {
        let failed = match kind {
            EntryKind::Undo => "It could not be undone",
            _ => "It could not be redone",
        };
        if self.is_open() {
            self.propose(Wish::Turn(kind, edit), failed);
        }
    }

    fn propose(&self, wish: Wish, failed: &'static str) {
        let toaster = self.toaster.clone();
        let done = Callback::from(move |answer: Answer<_>| {
            if let Err(error) = answer
                // The dialog of the conflict says more.
                && error.code() != Some("draft_stale")
            {
                toaster.show(Toast::new(ToastKind::Danger, failed).text(error.advice()));
            }
        });
        self.session.propose(wish, self.seen(), done);
    }
}

/// The draft that is worked on; none where a version is read.
#[hook]
pub fn use_workbench() -> Option<Workbench> {
    use_context::<Workbench>()
}
