//! `cargo xtask dist`: one archive that runs on a Linux machine with neither Rust nor Python.
//!
//! In the CPU bundle two stubs of our own stand in for the NVIDIA libraries that libtorch
//! is linked with for its profiler, so that none of NVIDIA's files are passed on.

mod notices;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::build;
use crate::packages::Packages;
use crate::process::{Cmd, cmd};
use crate::setup::{self, Extras};
use crate::workspace::{Profile, Workspace};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What `libtorch_cpu` is linked with and plugins open.
const CPU_LIBRARIES: [&str; 4] = ["libc10.so", "libgomp.so.1", "libshm.so", "libtorch_cpu.so"];

/// Libraries of NVIDIA that a stub stands in for: source file and library.
const STUBS: [(&str, &str); 2] = [("cudart", "libcudart.so.13"), ("cupti", "libcupti.so.13")];

pub(crate) fn run(workspace: &Workspace, cuda: bool) -> Result<()> {
    setup::run(
        workspace,
        Extras {
            cuda,
            ..Extras::default()
        },
    )?;
    build::run(workspace, Profile::Release)?;
    let packages = Packages::read(workspace)?;
    let name = name(workspace, &packages, cuda)?;
    let out = workspace.target.join("dist");
    let folder = out.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    collect(workspace, &packages, &folder, cuda)?;
    let archive = pack(workspace, &out, &name)?;
    try_out(&out, &archive, &name)?;
    let size = fs::metadata(&archive)?.len();
    println!("{} ({:.0} MB)", archive.display(), size as f64 / 1e6);
    Ok(())
}

fn name(workspace: &Workspace, packages: &Packages, cuda: bool) -> Result<String> {
    let server = packages
        .all
        .iter()
        .find(|package| package.member && package.name == crate::packages::SERVER)
        .context("the workspace has no server")?;
    let commit = cmd("git")
        .args(["rev-parse", "--short=10", "HEAD"])
        .dir(&workspace.root)
        .quiet()
        .read()
        .map_or_else(|_| String::new(), |commit| format!("+{commit}"));
    let kind = if cuda { "-cuda" } else { "" };
    Ok(format!(
        "arborist-{}{commit}-{TARGET}{kind}",
        server.version
    ))
}

/// Lays the bundle out as `target/release` is, so that everything finds everything.
fn collect(workspace: &Workspace, packages: &Packages, folder: &Path, cuda: bool) -> Result<()> {
    let product = workspace.product(Profile::Release);
    let libraries = folder.join("libtorch");
    fs::create_dir_all(&libraries)
        .with_context(|| format!("cannot make {}", libraries.display()))?;
    copy(&product.join("arborist"), &folder.join("arborist"))?;
    copy_folder(&product.join("plugins"), &folder.join("plugins"))?;
    copy_folder(
        &setup::encoder_directory(workspace),
        &folder.join("encoders/minilm"),
    )?;
    for file in ["LICENSE-MIT", "LICENSE-APACHE", "README.md"] {
        if workspace.root.join(file).exists() {
            copy(&workspace.root.join(file), &folder.join(file))?;
        }
    }
    let torch = if cuda {
        let torch = setup::cuda_directory(workspace);
        copy_folder(&torch.join("lib"), &libraries)?;
        copy_folder(&torch.join("licenses"), &folder.join("licenses"))?;
        torch
    } else {
        let torch = setup::cpu_directory(workspace);
        for library in CPU_LIBRARIES
            .into_iter()
            .chain([setup::LIBTORCH_VERSION_FILE])
        {
            copy(&torch.join("lib").join(library), &libraries.join(library))?;
        }
        for (source, library) in STUBS {
            stub(workspace, source, &libraries.join(library))?;
        }
        copy_folder(
            &torch.join("licenses/torch"),
            &folder.join("licenses/torch"),
        )?;
        torch
    };
    no_own_paths(folder, &torch)?;
    fs::write(
        folder.join("THIRD-PARTY-NOTICES.txt"),
        notices::write(workspace, packages, cuda)?,
    )
    .context("cannot write the notices")
}

fn stub(workspace: &Workspace, source: &str, library: &Path) -> Result<()> {
    let file = |extension: &str| {
        workspace
            .root
            .join(format!("xtask/stubs/{source}.{extension}"))
    };
    let soname = library.file_name().unwrap_or_default().to_string_lossy();
    cmd("cc")
        .args(["-shared", "-fPIC", "-O2", "-s"])
        .arg(format!("-Wl,-soname,{soname}"))
        .arg(format!("-Wl,--version-script={}", file("map").display()))
        .arg("-o")
        .arg(library)
        .arg(file("c"))
        .run()
}

/// A run path into this machine's folders would make the bundle work here and nowhere else.
fn no_own_paths(folder: &Path, torch: &Path) -> Result<()> {
    let mut programs = vec![folder.join("arborist")];
    for entry in fs::read_dir(folder.join("plugins"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "so") {
            programs.push(path);
        }
    }
    for program in programs {
        let dynamic = cmd("readelf").arg("-d").arg(&program).quiet().read()?;
        for line in dynamic
            .lines()
            .filter(|line| line.contains("RPATH") || line.contains("RUNPATH"))
        {
            let paths = line.split(['[', ']']).nth(1).unwrap_or_default();
            if let Some(path) = paths.split(':').find(|path| path.starts_with('/')) {
                bail!(
                    "{} has the run path {path} (libtorch is in {}); run paths must begin with $ORIGIN",
                    program.display(),
                    torch.display()
                );
            }
        }
    }
    Ok(())
}

/// The same commit gives the same archive: sorted, without owners, with the time of the commit.
fn pack(workspace: &Workspace, out: &Path, name: &str) -> Result<PathBuf> {
    let archive = out.join(format!("{name}.tar.gz"));
    let time = cmd("git")
        .args(["log", "-1", "--format=%ct"])
        .dir(&workspace.root)
        .quiet()
        .read()
        .unwrap_or_else(|_| "0".to_owned());
    cmd("tar")
        .args([
            "--create",
            "--sort=name",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
        ])
        .arg(format!("--mtime=@{time}"))
        .args(["--use-compress-program", "gzip -6 --no-name", "--file"])
        .arg(&archive)
        .arg("--directory")
        .arg(out)
        .arg(name)
        .run()?;
    Ok(archive)
}

/// Unpacks the archive elsewhere and works with it there, with an empty environment: neither Rust nor Python is on a
/// search path that is not set. Every plugin is loaded; a method without libtorch and one with it train and predict.
fn try_out(out: &Path, archive: &Path, name: &str) -> Result<()> {
    let elsewhere = out.join("tried");
    if elsewhere.exists() {
        fs::remove_dir_all(&elsewhere)?;
    }
    fs::create_dir_all(&elsewhere)?;
    cmd("tar")
        .args(["--extract", "--file"])
        .arg(archive)
        .arg("--directory")
        .arg(&elsewhere)
        .run()?;
    let folder = elsewhere.join(name);
    let program = folder.join("arborist");
    let bare = || cmd("env").arg("-i").arg(&program).dir("/");
    for entry in fs::read_dir(folder.join("plugins"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "so") {
            bare().args(["work", "--describe"]).arg(&path).read()?;
        }
    }
    let listed = bare()
        .args(["plugins", "--json", "--data-dir"])
        .arg(elsewhere.join("data"))
        .read()?;
    let listed: Value = serde_json::from_str(listed.lines().last().unwrap_or_default())
        .context("`arborist plugins --json` printed no JSON")?;
    let refused = listed["refused"].as_array().map_or(0, Vec::len);
    let methods = listed["methods"].as_array().map_or(0, Vec::len);
    anyhow::ensure!(
        methods > 0 && refused == 0,
        "the bundle offers {methods} methods and refuses {refused} plugins: {}",
        listed["refused"]
    );
    write_probe(&elsewhere)?;
    for (method, settings) in TRIED {
        try_method(&|| bare().dir(&elsewhere), method, settings)?;
    }
    fs::remove_dir_all(&elsewhere).context("cannot remove the folder where the bundle was tried")
}

/// Methods that a bundle is tried with, and what makes them quick.
const TRIED: [(&str, &[&str]); 2] = [
    ("linear", &[]),
    ("hiagm", &["--preset", "fast", "--set", "epochs=2"]),
];

/// Documents of each part of the corpus that a bundle is tried with.
const PROBE_DOCUMENTS: usize = 24;

/// Writes a corpus of four labels whose words give them away.
fn write_probe(folder: &Path) -> Result<()> {
    let write = |name: &str, text: String| {
        fs::write(folder.join(name), text).with_context(|| format!("cannot write {name}"))
    };
    write(
        "taxonomy.tsv",
        "fruit\tRoot\napple\tfruit\ntool\tRoot\nsaw\ttool\n".to_owned(),
    )?;
    for part in ["train", "validation", "test"] {
        let rows: String = (0..PROBE_DOCUMENTS)
            .map(|number| {
                let (text, label) = match number % 2 {
                    0 => ("a sweet red apple from the tree", "apple"),
                    _ => ("a sharp long saw from the shed", "saw"),
                };
                format!("{{\"id\":\"{number}\",\"text\":\"{text} {number}\",\"labels\":[\"{label}\"]}}\n")
            })
            .collect();
        write(&format!("{part}.jsonl"), rows)?;
    }
    Ok(())
}

/// Trains a method in the bundle and predicts with what it learned.
fn try_method(bare: &dyn Fn() -> Cmd, method: &str, settings: &[&str]) -> Result<()> {
    let last = |text: String| -> Result<Value> {
        let line = text.lines().last().unwrap_or_default();
        serde_json::from_str(line).with_context(|| format!("expected JSON, found `{line}`"))
    };
    let data = ["--data-dir", "data", "--json"];
    let report = bare()
        .args(["train", "--method", method, "--taxonomy", "taxonomy.tsv"])
        .args(["--train", "train.jsonl", "--validation", "validation.jsonl"])
        .args(["--test", "test.jsonl", "--device", "cpu", "--out", method])
        .args(settings)
        .args(data)
        .read()?;
    let report = last(report)?;
    anyhow::ensure!(
        report["test"]["documents"] == PROBE_DOCUMENTS,
        "{method} in the bundle tested on something else: {report}"
    );
    let answers = format!("{method}.jsonl");
    let predicted = bare()
        .args(["predict", "--run", method, "--input", "test.jsonl"])
        .args(["--output", &answers, "--device", "cpu"])
        .args(data)
        .read()?;
    let predicted = last(predicted)?;
    anyhow::ensure!(
        predicted["documents"] == PROBE_DOCUMENTS,
        "{method} in the bundle predicted something else: {predicted}"
    );
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let path = entry?.path();
        let Some(name) = path.file_name() else {
            continue;
        };
        // Stamps of the cache.
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            copy_folder(&path, &to.join(name))?;
        } else {
            copy(&path, &to.join(name))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}
