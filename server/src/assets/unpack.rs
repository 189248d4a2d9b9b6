//! Unpacking an archive that somebody sent: nothing outside the folder, nothing that executes, nothing without end.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::inspect::AssetError;

const MAX_ENTRIES: usize = 10_000;
/// Bytes of all files together, unpacked.
const MAX_BYTES: u64 = 16 << 30;
/// What encoders are made of. Pickles are not among them.
const KEPT: &[&str] = &["json", "txt", "safetensors", "md"];

/// Unpacks into `folder`, which does not exist yet. One folder around everything is taken off.
pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<(), AssetError> {
    let mut archive = ZipArchive::new(io::BufReader::new(File::open(archive)?))?;
    if archive.len() > MAX_ENTRIES {
        let n = archive.len();
        return Err(AssetError::Refused(format!(
            "the archive has {n} entries, expected at most {MAX_ENTRIES}"
        )));
    }
    let mut names = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        if !entry.is_file() {
            continue;
        }
        let Some(name) = entry.enclosed_name() else {
            return Err(AssetError::Refused(format!(
                "the archive has an entry outside of itself: {:?}",
                entry.name()
            )));
        };
        let is_kept = name
            .extension()
            .and_then(|it| it.to_str())
            .is_some_and(|it| KEPT.contains(&it));
        if is_kept {
            names.push((index, name));
        }
    }
    let around = common_folder(&names);
    fs::create_dir(folder)?;
    let mut left = MAX_BYTES;
    for (index, name) in &names {
        let name = around
            .as_ref()
            .and_then(|around| name.strip_prefix(around).ok())
            .unwrap_or(name);
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut entry = archive.by_index(*index)?;
        let mut file = File::options().write(true).create_new(true).open(&path)?;
        // Sizes in archives may lie; what is written counts.
        let written = io::copy(&mut (&mut entry).take(left + 1), &mut file)?;
        if written > left {
            return Err(AssetError::Refused(format!(
                "the archive unpacks to more than {MAX_BYTES} bytes"
            )));
        }
        left -= written;
        file.sync_all()?;
    }
    Ok(())
}

/// The one folder that everything is in.
fn common_folder(names: &[(usize, PathBuf)]) -> Option<PathBuf> {
    let folder = |name: &PathBuf| -> Option<PathBuf> {
        let mut components = name.components();
        let first = components.next()?;
        components
            .next()
            .is_some()
            .then(|| PathBuf::from(first.as_os_str()))
    };
    let first = folder(&names.first()?.1)?;
    names
        .iter()
        .all(|(_, name)| folder(name).as_ref() == Some(&first))
        .then_some(first)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(entries: &[(&str, &str)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = ZipWriter::new(file.reopen().unwrap());
        for (name, content) in entries {
            writer
                .start_file(*name, SimpleFileOptions::default())
                .unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap();
        file
    }

    #[test]
    fn only_harmless_files_are_unpacked() {
        let archive = archive(&[
            ("minilm/config.json", "{}"),
            ("minilm/model.safetensors", "w"),
            ("minilm/pytorch_model.bin", "pickle"),
            ("minilm/run.py", "import os"),
        ]);
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("asset");
        unpack(archive.path(), &folder).unwrap();
        let mut names: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["config.json", "model.safetensors"]);
    }

    #[test]
    fn entries_outside_are_refused() {
        let archive = archive(&[("../evil.json", "{}")]);
        let parent = tempfile::tempdir().unwrap();
        let error = unpack(archive.path(), &parent.path().join("asset")).unwrap_err();
        assert!(error.to_string().contains("outside"), "{error}");
        assert!(!parent.path().join("evil.json").exists());
    }
}
