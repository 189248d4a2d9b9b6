//! The index by label: which documents have a label, closed upwards. Built from the finished rows, label by label, so that
//! the index is written in its own order and memory stays bounded.

use std::sync::Arc;

use arborist_shared::LabelIndex;
use arborist_shared::taxonomy::Taxonomy;
use sea_orm::Value;

use super::{label_set, store};
use crate::App;
use crate::jobs::{JobContext, JobError, step};

/// Pairs of label and document that are held at once; 8 bytes each.
const PAIRS_AT_ONCE: u64 = 8_000_000;
/// Rows of the index written by one transaction.
const TRANSACTION: usize = 30_000;

/// Builds the index of a corpus whose rows are complete. May be repeated.
pub(super) async fn build(
    app: &App,
    job: &JobContext,
    corpus: i64,
    taxonomy: &Arc<Taxonomy>,
) -> Result<(), JobError> {
    let closure = Arc::clone(taxonomy);
    let counts = fold(
        app,
        job,
        corpus,
        vec![0_u64; taxonomy.len()],
        move |counts, _, labels| {
            for &label in &closure.close(labels) {
                counts[label as usize] += 1;
            }
        },
    )
    .await?;
    let total: u64 = counts.iter().sum();
    let mut done = 0;
    let mut start = 0;
    while start < counts.len() {
        let end = end_of_group(&counts, start);
        let group: Vec<Vec<i64>> = counts[start..end]
            .iter()
            .map(|&n| Vec::with_capacity(n as usize))
            .collect();
        let closure = Arc::clone(taxonomy);
        let group = fold(app, job, corpus, group, move |group, document, labels| {
            for &label in &closure.close(labels) {
                if (start..end).contains(&(label as usize)) {
                    group[label as usize - start].push(document);
                }
            }
        })
        .await?;
        let mut values: Vec<Value> = Vec::with_capacity(3 * TRANSACTION);
        for (label, documents) in (start as i64..).zip(group) {
            for document in documents {
                values.extend([corpus.into(), label.into(), document.into()]);
                if values.len() == 3 * TRANSACTION {
                    job.check()?;
                    store::insert_label_index(&app.db, std::mem::take(&mut values)).await?;
                    done += TRANSACTION as u64;
                    job.progress(vec![step("index", done, total)]);
                }
            }
        }
        done += (values.len() / 3) as u64;
        store::insert_label_index(&app.db, values).await?;
        job.progress(vec![step("index", done, total)]);
        start = end;
    }
    Ok(store::insert_label_counts(&app.db, corpus, &counts).await?)
}

/// Labels from `start` whose pairs fit into memory together; at least one.
fn end_of_group(counts: &[u64], start: usize) -> usize {
    let mut sum = 0;
    let fitting = counts[start..].iter().take_while(|&&n| {
        sum += n;
        sum <= PAIRS_AT_ONCE
    });
    start + fitting.count().max(1)
}

/// Goes over all annotated documents with their labels as given; the work is done off the async threads.
async fn fold<S: Send + 'static>(
    app: &App,
    job: &JobContext,
    corpus: i64,
    mut state: S,
    add: impl Fn(&mut S, i64, &[LabelIndex]) + Send + Sync + 'static,
) -> Result<S, JobError> {
    let add = Arc::new(add);
    let mut after = 0;
    loop {
        job.check()?;
        let rows = store::label_sets(app.db.read(), corpus, after).await?;
        let Some(&(last, _)) = rows.last() else {
            return Ok(state);
        };
        after = last;
        let add = Arc::clone(&add);
        state = tokio::task::spawn_blocking(move || {
            for (document, explicit) in &rows {
                if let Some(explicit) = explicit {
                    add(&mut state, *document, &label_set::decode(explicit));
                }
            }
            state
        })
        .await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_fit_into_memory() {
        let counts = [
            PAIRS_AT_ONCE / 2,
            PAIRS_AT_ONCE / 2,
            1,
            PAIRS_AT_ONCE + 1,
            5,
        ];
        assert_eq!(end_of_group(&counts, 0), 2);
        assert_eq!(end_of_group(&counts, 2), 3);
        assert_eq!(end_of_group(&counts, 3), 4);
        assert_eq!(end_of_group(&counts, 4), 5);
    }
}
