//! Web of Science (WOS-46985): abstracts with a domain and an area.
//!
//! Two forms are handed out. The meta file has names, several for some areas, which the authors' rule makes one
//! ([`repair`]). The parallel files of texts and codes have no names: codes become the labels and nothing is repaired.
//! In both, position in the file is the document's id, and the split is drawn over positions as the papers did; a record
//! that cannot be read keeps its position, so that the others stay where they belong.

mod meta;
mod repair;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use arborist_shared::LabelIndex;
use arborist_shared::split::Split;
use arborist_shared::taxonomy::{NewLabel, Taxonomy};
use rustc_hash::FxHashMap;

use super::input::{self, Lines, fingerprint};
use super::numpy::{RandomState, hold_out};
use super::output::{About, CorpusWriter, Draft, Keep, Reason, taxonomy};
use super::{Change, DatasetError, Documents, Published, Summary, Watch};

const PUBLISHED: Published = Published {
    documents: Documents {
        train: 30_070,
        validation: 7_518,
        test: 9_397,
    },
    labels: 141,
};
/// Records of the collection that the papers use.
const N_PUBLISHED: usize = 46_985;
/// Seed of the shuffle before the split, and of the two splits.
const SHUFFLE_SEED: u32 = 7;
const SPLIT_SEED: u32 = 0;
/// Share of the test documents, then of the validation documents in the rest.
const HELD_OUT: f64 = 0.2;

/// The Web of Science as it lies here.
#[derive(Clone, Debug)]
pub struct Wos {
    /// Its files.
    pub files: WosFiles,
}

/// The forms in which it is handed out.
#[derive(Clone, Debug)]
pub enum WosFiles {
    /// The meta file as TSV or CSV with the columns Y1, Y2, Domain, area and Abstract.
    Meta(PathBuf),
    /// `X.txt`, `YL1.txt` and `YL2.txt`: a line for each document.
    Codes {
        /// The texts.
        texts: PathBuf,
        /// Codes of the domains.
        domains: PathBuf,
        /// Codes of the areas within their domain.
        areas: PathBuf,
    },
}

/// A document before its labels are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    /// Codes of domain and area.
    code: String,
    domain: String,
    area: String,
    text: String,
}

impl Wos {
    /// Writes the corpus to `out`.
    ///
    /// # Errors
    /// Files that cannot be read or do not have their form, and an `out` that is not empty.
    pub fn import(&self, out: &Path, watch: &mut dyn Watch) -> Result<Summary, DatasetError> {
        let mut draft = CorpusWriter::draft(out)?;
        let mut inputs = Vec::new();
        let mut changes = Vec::new();
        let (place, records) = match &self.files {
            WosFiles::Meta(path) => {
                inputs.push(fingerprint("--meta", path)?);
                let mut records = meta::read(path, &mut draft.rejects, watch)?;
                changes.push(Change {
                    what: "area names that were replaced by a more frequent one of the same code"
                        .to_owned(),
                    count: repair::repair(&mut records),
                });
                (path, records)
            }
            WosFiles::Codes {
                texts,
                domains,
                areas,
            } => {
                for (option, path) in [
                    ("--texts", texts),
                    ("--domains", domains),
                    ("--areas", areas),
                ] {
                    inputs.push(fingerprint(option, path)?);
                }
                let records = read_codes([texts, domains, areas], &mut draft, watch)?;
                (texts, records)
            }
        };
        let place = place.display().to_string();
        if records.iter().all(Option::is_none) {
            return Err(DatasetError::input(
                place,
                "no usable record",
                "one for each document",
            ));
        }
        if records.len() != N_PUBLISHED {
            watch.note(&format!(
                "{place}: {} records, the published split is of {N_PUBLISHED}: the same recipe is used, with other documents in the parts",
                records.len()
            ));
        }
        let hierarchy = Hierarchy::new(&place, &records)?;
        let labels = hierarchy.labels;
        let mut writer = draft.start(hierarchy.taxonomy)?;
        let mut done = 0;
        for (positions, split) in published_split(records.len()).iter().zip(Split::ALL) {
            for &position in positions {
                done += 1;
                watch.step("writing", done, records.len() as u64);
                let Some(record) = &records[position] else {
                    continue;
                };
                let id = position.to_string();
                let place = format!("{place}, document {id}");
                let pair = labels[&(record.domain.as_str(), record.area.as_str())];
                writer.push(split, &place, &id, &record.text, &pair)?;
            }
        }
        writer.finish(About {
            dataset: "wos",
            published: PUBLISHED,
            keep: Keep::All,
            changes,
            inputs,
        })
    }
}

/// Positions of the training, validation and test documents among `n`, in the order in which the authors' scripts write them.
pub(super) fn published_split(n: usize) -> [Vec<usize>; 3] {
    let mut positions: Vec<usize> = (0..n).collect();
    RandomState::new(SHUFFLE_SEED).shuffle(&mut positions);
    let (rest, test) = hold_out(positions, HELD_OUT, SPLIT_SEED);
    let (train, validation) = hold_out(rest, HELD_OUT, SPLIT_SEED);
    [train, validation, test]
}

/// The labels of all records, in the order in which the authors' scripts meet them.
struct Hierarchy<'r> {
    taxonomy: Taxonomy,
    /// Domain and area of a record as labels.
    labels: FxHashMap<(&'r str, &'r str), [LabelIndex; 2]>,
}

impl<'r> Hierarchy<'r> {
    fn new(place: &str, records: &'r [Option<Record>]) -> Result<Self, DatasetError> {
        let mut domains: Vec<(&str, Vec<&str>)> = Vec::new();
        for record in records.iter().flatten() {
            let position = domains
                .iter()
                .position(|(domain, _)| *domain == record.domain);
            let position = position.unwrap_or_else(|| {
                domains.push((&record.domain, Vec::new()));
                domains.len() - 1
            });
            let areas = &mut domains[position].1;
            if !areas.contains(&record.area.as_str()) {
                areas.push(&record.area);
            }
        }
        // A name that stands twice would be one label: such areas are called by their paths.
        let mut occurrences: FxHashMap<&str, u32> = FxHashMap::default();
        for (domain, areas) in &domains {
            for name in areas.iter().chain([domain]) {
                *occurrences.entry(name).or_default() += 1;
            }
        }
        let mut new_labels: Vec<NewLabel> = domains
            .iter()
            .map(|(domain, _)| NewLabel {
                id: (*domain).to_owned(),
                name: (*domain).to_owned(),
                parents: Vec::new(),
                details: None,
            })
            .collect();
        let mut labels = FxHashMap::default();
        for (index, (domain, areas)) in domains.iter().enumerate() {
            for area in areas {
                labels.insert(
                    (*domain, *area),
                    [index as LabelIndex, new_labels.len() as LabelIndex],
                );
                let id = if occurrences[area] == 1 {
                    (*area).to_owned()
                } else {
                    format!("{domain}/{area}")
                };
                new_labels.push(NewLabel {
                    id,
                    name: (*area).to_owned(),
                    parents: vec![(*domain).to_owned()],
                    details: None,
                });
            }
        }
        Ok(Self {
            taxonomy: taxonomy(place, new_labels)?,
            labels,
        })
    }
}

/// Reads the three parallel files.
fn read_codes(
    paths: [&PathBuf; 3],
    draft: &mut Draft,
    watch: &mut dyn Watch,
) -> Result<Vec<Option<Record>>, DatasetError> {
    let [mut texts, mut domains, mut areas] = [
        Lines::open(paths[0])?,
        Lines::open(paths[1])?,
        Lines::open(paths[2])?,
    ];
    let mut records = Vec::new();
    loop {
        let text = texts
            .next()?
            .map(|text| input::utf8(text).map(str::to_owned));
        let domain = domains.next_text()?.map(|code| code.trim().to_owned());
        let area = areas.next_text()?.map(|code| code.trim().to_owned());
        let (text, domain, area) = match (text, domain, area) {
            (Some(text), Some(domain), Some(area)) => (text, domain, area),
            (None, None, None) => break,
            (text, domain, area) => {
                let ends = [
                    (paths[0], text.is_none()),
                    (paths[1], domain.is_none()),
                    (paths[2], area.is_none()),
                ];
                let which: Vec<String> = ends
                    .iter()
                    .filter(|(_, ends)| *ends)
                    .map(|(path, _)| path.display().to_string())
                    .collect();
                return Err(DatasetError::input(
                    which.join(", "),
                    format!("{} lines", records.len()),
                    "as many lines as the other files have",
                ));
            }
        };
        watch.step("reading", records.len() as u64 + 1, 0);
        let is_code =
            |code: &str| !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit());
        let checked = match text {
            Err(message) => Err((texts.place(), message)),
            Ok(_) if !is_code(&domain) => Err((domains.place(), bad_code(&domain))),
            Ok(_) if !is_code(&area) => Err((areas.place(), bad_code(&area))),
            Ok(text) => Ok(text),
        };
        records.push(match checked {
            Ok(text) => {
                let code = format!("{domain}-{area}");
                Some(Record {
                    area: code.clone(),
                    code,
                    domain,
                    text,
                })
            }
            Err((place, message)) => {
                draft.rejects.add(Reason::Malformed, &place, &message)?;
                None
            }
        });
    }
    Ok(records)
}

fn bad_code(found: &str) -> String {
    format!("found the code `{found}`, expected a whole number")
}
