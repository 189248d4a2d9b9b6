//! Documents that wait for a person since a taxonomy was published, as the interface shows them.

use arborist_shared::api::drafts::{ReviewCause, ReviewPage, ReviewRow};

use super::store;
use crate::App;
use crate::db::DbErr;
use crate::http::paging;

/// Characters of a text that are shown.
const EXCERPT: usize = 280;

/// A page of them, after a document.
pub(super) async fn page(
    app: &App,
    corpus: i64,
    after: i64,
    limit: u64,
) -> Result<ReviewPage, DbErr> {
    let db = app.db.read();
    let mut waiting = store::reviewed(db, corpus, after, limit + 1).await?;
    let next = paging::cut(&mut waiting, limit, |&document| document);
    let (Some(&first), Some(&last)) = (waiting.first(), waiting.last()) else {
        return Ok(ReviewPage {
            n_documents: store::count_reviewed(db, corpus).await?,
            reviews: Vec::new(),
            next: None,
        });
    };
    let texts = store::excerpts(db, &waiting, EXCERPT as i64).await?;
    let mut rows: Vec<ReviewRow> = texts
        .into_iter()
        .map(|(document, key, excerpt)| ReviewRow {
            document,
            key,
            excerpt,
            reasons: Vec::new(),
        })
        .collect();
    for record in store::reviews_between(db, corpus, (first, last)).await? {
        let at = rows.binary_search_by_key(&record.document, |row| row.document);
        if let Some(row) = at.ok().and_then(|at| rows.get_mut(at)) {
            row.reasons.push(ReviewCause {
                label: record.label,
                path: record.path,
                reason: record.reason,
                candidates: record.candidates,
            });
        }
    }
    Ok(ReviewPage {
        n_documents: store::count_reviewed(db, corpus).await?,
        reviews: rows,
        next,
    })
}
