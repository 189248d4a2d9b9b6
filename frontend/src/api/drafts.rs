//! Drafts, what publishing them does, and how versions came about.

use arborist_shared::api::drafts::{
    Draft, DraftAnswer, DraftEdited, DraftEntry, DraftHistory, DraftImpact, DraftLabel,
    DraftLabelPage, DraftList, DraftProblems, LabelCard, NewDraft, NewEdits, Publication,
    PublicationAnswer, Publish, Rebased, TaxonomyDiffPage, Turn, UndoTaxonomy,
};
use arborist_shared::api::jobs::Accepted;
use arborist_shared::api::runs::RunTaxonomy;
use arborist_shared::api::taxonomies::{LabelPage, LabelRow, TaxonomyProblems};
use arborist_shared::edits::Edit;
use arborist_shared::taxonomy::Problem;

use super::{Answer, address, delete, every_page, get, page, post};

/// Where labels are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A taxonomy version.
    Version(i64),
    /// A draft, and the version that it changes.
    Draft { draft: i64, taxonomy: i64 },
}

impl Source {
    /// The version, or the one that the draft changes.
    pub fn taxonomy(self) -> i64 {
        match self {
            Self::Version(taxonomy) | Self::Draft { taxonomy, .. } => taxonomy,
        }
    }

    fn path(self) -> String {
        match self {
            Self::Version(taxonomy) => format!("/taxonomies/{taxonomy}"),
            Self::Draft { draft, .. } => format!("/drafts/{draft}"),
        }
    }
}

/// A page of labels, whichever they are from.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels {
    pub labels: Vec<DraftLabel>,
    pub next: Option<String>,
}

impl From<LabelPage> for Labels {
    fn from(page: LabelPage) -> Self {
        Self {
            labels: page.labels.into_iter().map(plain).collect(),
            next: page.next,
        }
    }
}

/// A label of a version as one of a draft that has done nothing to it.
fn plain(row: LabelRow) -> DraftLabel {
    DraftLabel {
        id: row.id,
        name: row.name,
        path: row.path,
        parents: Vec::new(),
        level: row.level,
        n_children: row.n_children,
        n_documents: row.n_documents,
        deprecated: row.deprecated,
        replaced_by: row.replaced_by,
        marks: Vec::new(),
        n_problems: row.n_problems,
    }
}

/// Most labels of one request.
const MOST: u32 = 10_000;

async fn labels_by(source: Source, query: &str) -> Answer<Labels> {
    let path = format!("{}/labels?{query}", source.path());
    match source {
        Source::Version(_) => get::<LabelPage>(&path, &[]).await.map(Labels::from),
        Source::Draft { .. } => get::<DraftLabelPage>(&path, &[]).await.map(|page| Labels {
            labels: page.labels,
            next: page.next,
        }),
    }
}

fn query(pairs: &[(&str, &str)]) -> String {
    // Pairs of text always serialize.
    serde_urlencoded::to_string(pairs).unwrap_or_default()
}

/// The first labels below `parent`; an empty one is the root.
pub async fn first_labels(source: Source, parent: &str, limit: u32) -> Answer<Labels> {
    let limit = limit.to_string();
    labels_by(source, &query(&[("parent", parent), ("limit", &limit)])).await
}

/// All labels below `parent`, however many pages they take; an empty one is the root.
pub async fn labels_below(source: Source, parent: String) -> Answer<Vec<DraftLabel>> {
    let limit = MOST.to_string();
    every_page(async |cursor: Option<String>| {
        let mut pairs = vec![("parent", parent.as_str()), ("limit", limit.as_str())];
        if let Some(cursor) = &cursor {
            pairs.push(("cursor", cursor));
        }
        let page = labels_by(source, &query(&pairs)).await?;
        Ok((page.labels, page.next))
    })
    .await
}

/// Labels that a search finds, best first.
pub async fn found_labels(source: Source, search: &str, limit: u32) -> Answer<Labels> {
    let limit = limit.to_string();
    labels_by(source, &query(&[("search", search), ("limit", &limit)])).await
}

/// Everything about a label.
pub async fn label_card(source: Source, label: &str) -> Answer<LabelCard> {
    let path = format!("{}/label", source.path());
    get(&path, &[("id", label.to_owned())]).await
}

/// Everything about a label; none where there is no such label.
pub async fn find_label(source: Source, label: &str) -> Answer<Option<LabelCard>> {
    match label_card(source, label).await {
        Ok(card) => Ok(Some(card)),
        Err(error) if error.code() == Some("label_not_found") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Drafts of a version, newest first.
pub async fn drafts(taxonomy: i64) -> Answer<Vec<Draft>> {
    every_page(async |cursor| {
        let path = format!("/taxonomies/{taxonomy}/drafts");
        let page: DraftList = get(&path, &page(cursor)).await?;
        Ok((page.drafts, page.next))
    })
    .await
}

pub async fn new_draft(taxonomy: i64, name: String) -> Answer<Draft> {
    let path = format!("/taxonomies/{taxonomy}/drafts");
    let answer: DraftAnswer = post(&path, &[], &NewDraft { name }).await?;
    Ok(answer.draft)
}

pub async fn draft(draft: i64) -> Answer<Draft> {
    let answer: DraftAnswer = get(&format!("/drafts/{draft}"), &[]).await?;
    Ok(answer.draft)
}

pub async fn discard_draft(draft: i64) -> Answer<()> {
    delete(&format!("/drafts/{draft}")).await
}

/// What was done to a draft after a revision, oldest first, and the revisions of the edits in force.
pub async fn draft_entries(draft: i64, after: i64) -> Answer<(Vec<DraftEntry>, Vec<i64>)> {
    let path = format!("/drafts/{draft}/edits");
    let in_force = std::cell::RefCell::new(Vec::new());
    let entries = every_page(async |cursor: Option<String>| {
        let is_first = cursor.is_none();
        let after = ("after", after.to_string());
        let history: DraftHistory =
            get(&path, &[after, ("cursor", cursor.unwrap_or_default())]).await?;
        if is_first {
            in_force.replace(history.in_force);
        }
        Ok((history.entries, history.next))
    })
    .await?;
    Ok((entries, in_force.into_inner()))
}

/// Does edits on the draft as it was at `revision`.
pub async fn edit_draft(draft: i64, revision: i64, edits: Vec<Edit>) -> Answer<DraftEdited> {
    let body = NewEdits {
        revision: Some(revision),
        edits,
    };
    post(&format!("/drafts/{draft}/edits"), &[], &body).await
}

/// Undoes or redoes an edit; the caller's own last one unless another is named.
pub async fn turn_draft(draft: i64, word: &'static str, turn: &Turn) -> Answer<DraftEdited> {
    post(&format!("/drafts/{draft}/{word}"), &[], turn).await
}

/// What is wrong with a version or a draft.
#[derive(Clone, Debug, PartialEq)]
pub struct Problems {
    pub n_problems: u64,
    /// How many of a draft's the version has already.
    pub n_earlier: u64,
    pub problems: Vec<Problem>,
    pub next: Option<String>,
}

pub async fn problems(source: Source, cursor: Option<String>) -> Answer<Problems> {
    let path = format!("{}/problems", source.path());
    let pairs = page(cursor);
    Ok(match source {
        Source::Version(_) => {
            let page: TaxonomyProblems = get(&path, &pairs).await?;
            Problems {
                n_problems: page.n_problems,
                n_earlier: page.n_problems,
                problems: page.problems,
                next: page.next,
            }
        }
        Source::Draft { .. } => {
            let page: DraftProblems = get(&path, &pairs).await?;
            Problems {
                n_problems: page.n_problems,
                n_earlier: page.n_earlier,
                problems: page.problems,
                next: page.next,
            }
        }
    })
}

pub async fn draft_impact(draft: i64) -> Answer<DraftImpact> {
    get(&format!("/drafts/{draft}/impact"), &[]).await
}

pub async fn publish_draft(draft: i64, revision: i64) -> Answer<Accepted> {
    let body = Publish {
        revision: Some(revision),
    };
    post(&format!("/drafts/{draft}/publish"), &[], &body).await
}

pub async fn rebase_draft(draft: i64) -> Answer<Rebased> {
    let nothing = serde_json::Map::new();
    post(&format!("/drafts/{draft}/rebase"), &[], &nothing).await
}

pub fn draft_events_address(draft: i64, after: i64) -> String {
    let path = format!("/drafts/{draft}/events");
    address(&path, &[("after", after.to_string())])
}

/// How a version came out of another one; none for one that was read from a file.
pub async fn publication(taxonomy: i64) -> Answer<Option<Publication>> {
    let path = format!("/taxonomies/{taxonomy}/publication");
    let answer: PublicationAnswer = get(&path, &[]).await?;
    Ok(answer.publication)
}

/// What is different in a version, against another one or the one that it came out of.
pub async fn taxonomy_diff(
    taxonomy: i64,
    from: Option<i64>,
    limit: u32,
    cursor: Option<String>,
) -> Answer<TaxonomyDiffPage> {
    let from = from.map(|from| from.to_string()).unwrap_or_default();
    get(
        &format!("/taxonomies/{taxonomy}/diff"),
        &[
            ("from", from),
            ("limit", limit.to_string()),
            ("cursor", cursor.unwrap_or_default()),
        ],
    )
    .await
}

/// Takes the newest version back: to the one that it came out of, or to an earlier one.
pub async fn undo_taxonomy(taxonomy: i64, to: Option<i64>) -> Answer<Accepted> {
    post(
        &format!("/taxonomies/{taxonomy}/undo"),
        &[],
        &UndoTaxonomy { to },
    )
    .await
}

/// What a newer taxonomy does to a run's model.
pub async fn run_taxonomy(run: i64, taxonomy: i64) -> Answer<RunTaxonomy> {
    let taxonomy = taxonomy.to_string();
    get(&format!("/runs/{run}/taxonomy"), &[("taxonomy", taxonomy)]).await
}
