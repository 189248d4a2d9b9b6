//! Makes one name of the several that some areas have.
//!
//! The authors' rule, record after record: of the names that the record's code has had *so far*, in order of first
//! appearance, the first that is more frequent in the record's domain replaces the record's own. It depends on the order:
//! a rare name that comes before any other of its code stays, which leaves `Electrical generator` with one document.
//! The authors carry a table of frequencies in their script; it holds what counting the file gives.

use rustc_hash::FxHashMap;

use super::Record;

/// Applies the rule; tells how many records have another name now.
pub(super) fn repair(records: &mut [Option<Record>]) -> u64 {
    let mut counts: FxHashMap<(String, String), u64> = FxHashMap::default();
    for record in records.iter().flatten() {
        *counts
            .entry((record.domain.clone(), record.area.clone()))
            .or_default() += 1;
    }
    let mut names_of_code: FxHashMap<String, Vec<String>> = FxHashMap::default();
    let mut repaired = 0;
    for record in records.iter_mut().flatten() {
        let names = names_of_code.entry(record.code.clone()).or_default();
        if !names.contains(&record.area) {
            names.push(record.area.clone());
        }
        let count = |name: &str| {
            let key = (record.domain.clone(), name.to_owned());
            counts.get(&key).copied().unwrap_or(0)
        };
        let own = count(&record.area);
        if let Some(better) = names.iter().find(|name| count(name) > own) {
            record.area.clone_from(better);
            repaired += 1;
        }
    }
    repaired
}
