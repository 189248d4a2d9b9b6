//! The dashboard: wasm by cargo, style and charts by `frontend/build.mjs`, glue by wasm-bindgen,
//! all under names that carry a hash of the content, each also compressed, in `frontend/dist`.
//!
//! Every step is left out when its input is the one that it saw last.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::hash::{Parts, sha256};
use crate::packages::{BUNDLE, FRONTEND};
use crate::process::{cargo, cmd};
use crate::setup::wasm;
use crate::workspace::Workspace;

/// Names of the two files that wasm-bindgen makes, as `index.html` asks for them.
const GLUE: &str = "arborist";

/// Files that shrink; fonts are compressed already.
const COMPRESSED: [&str; 6] = ["html", "css", "js", "wasm", "svg", "txt"];

/// Builds `frontend/dist`; returns whether anything in it changed.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let frontend = workspace.root.join("frontend");
    let work = workspace.target.join("frontend");
    fs::create_dir_all(&work).with_context(|| format!("cannot make {}", work.display()))?;
    let wasm = compile(workspace)?;
    let glue = glue(workspace, &wasm, &work)?;
    let assets = assets(&frontend, &work)?;
    place(workspace, &frontend, &work, &glue, &assets)
}

fn compile(workspace: &Workspace) -> Result<PathBuf> {
    let route = wasm::route(workspace)?;
    let build = cargo()
        .args(["build", "-p", FRONTEND, "--profile", "web"])
        .dir(&workspace.root);
    route.apply(workspace, build).run()?;
    let file = route
        .target(workspace)
        .join(wasm::TARGET)
        .join("web")
        .join(format!("{FRONTEND}.wasm"));
    anyhow::ensure!(file.exists(), "cargo left no {}", file.display());
    Ok(file)
}

/// The folder with wasm-bindgen's output for `wasm`.
fn glue(workspace: &Workspace, wasm: &Path, work: &Path) -> Result<PathBuf> {
    let out = work.join("glue");
    let mut input = Parts::default();
    input.add("wasm", &read(wasm)?);
    input.add("lock", wasm_bindgen_version(workspace)?.as_bytes());
    let stamp = Stamp::new(work.join("glue.stamp"), input.finish());
    if stamp.holds() && out.exists() {
        return Ok(out);
    }
    empty(&out)?;
    cargo()
        .args(["run", "--quiet", "-p", BUNDLE, "--"])
        .arg(wasm)
        .arg(&out)
        .arg(GLUE)
        .dir(&workspace.root)
        .run()?;
    stamp.write()?;
    Ok(out)
}

/// The folder with what `build.mjs` makes, and the names it gave.
fn assets(frontend: &Path, work: &Path) -> Result<PathBuf> {
    let out = frontend.join("build");
    let mut input = Parts::default();
    for name in ["build.mjs", "package-lock.json"] {
        input.add(name, &read(&frontend.join(name))?);
    }
    for folder in ["assets", "static"] {
        for file in files(&frontend.join(folder))? {
            input.add(&file.to_string_lossy(), &read(&file)?);
        }
    }
    let stamp = Stamp::new(work.join("assets.stamp"), input.finish());
    if stamp.holds() && out.join("manifest.json").exists() {
        return Ok(out);
    }
    cmd("node")
        .arg("build.mjs")
        .dir(frontend)
        .remedy("run `cargo xtask setup`, which installs the packages that it imports")
        .run()?;
    stamp.write()?;
    Ok(out)
}

/// Fills `dist`: every file under its hashed name, and the page that asks for them.
fn place(
    workspace: &Workspace,
    frontend: &Path,
    work: &Path,
    glue: &Path,
    assets: &Path,
) -> Result<bool> {
    let dist = frontend.join("dist");
    let page = frontend.join("index.html");
    let mut input = Parts::default();
    for folder in [glue, assets] {
        for file in files(folder)? {
            input.add(&file.to_string_lossy(), &read(&file)?);
        }
    }
    input.add("index.html", &read(&page)?);
    input.add(
        "compress.mjs",
        &read(&workspace.root.join("xtask/node/compress.mjs"))?,
    );
    let stamp = Stamp::new(work.join("dist.stamp"), input.finish());
    if stamp.holds() && dist.join("index.html").exists() {
        return Ok(false);
    }
    // The folder itself stays: the server's build watches it.
    empty(&dist)?;
    let target = dist.join("assets");
    fs::create_dir_all(&target)?;
    let mut names = names(assets)?;
    for file in files(assets)? {
        if file.file_name().is_some_and(|name| name != "manifest.json") {
            copy(&file, &target.join(relative(&file, assets)?))?;
        }
    }
    for file in files(glue)? {
        let path = relative(&file, glue)?;
        // Snippets are imported by the glue under their own names, which carry a hash already.
        if path.components().count() > 1 {
            copy(&file, &target.join(path))?;
            continue;
        }
        let (plain, hashed) = hashed_name(&file)?;
        copy(&file, &target.join(&hashed))?;
        names.insert(plain, hashed);
    }
    let template = fs::read_to_string(&page).context("cannot read frontend/index.html")?;
    fs::write(dist.join("index.html"), fill(&template, &names)?)
        .context("cannot write frontend/dist/index.html")?;
    compress(workspace, &dist)?;
    stamp.write()?;
    report(&dist)?;
    Ok(true)
}

/// `build.mjs` lists the name that the page asks for and the name it made.
fn names(assets: &Path) -> Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(assets.join("manifest.json"))
        .context("cannot read frontend/build/manifest.json")?;
    serde_json::from_str::<BTreeMap<String, String>>(&text)
        .context("frontend/build/manifest.json is not a table of names")
}

fn hashed_name(file: &Path) -> Result<(String, String)> {
    let plain = file
        .file_name()
        .and_then(|name| name.to_str())
        .with_context(|| format!("{} has no usable name", file.display()))?;
    let (stem, extension) = plain.rsplit_once('.').unwrap_or((plain, ""));
    let hash = sha256(&read(file)?);
    Ok((
        plain.to_owned(),
        format!("{stem}-{}.{extension}", &hash[..8]),
    ))
}

/// Replaces each `{{name}}` by the file of that name.
fn fill(template: &str, names: &BTreeMap<String, String>) -> Result<String> {
    let mut page = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, tail)) = after.split_once("}}") else {
            bail!("frontend/index.html opens a `{{{{` that it does not close");
        };
        let Some(file) = names.get(name) else {
            bail!("frontend/index.html asks for `{name}`, which is not among what was built");
        };
        page.push_str(before);
        page.push_str(file);
        rest = tail;
    }
    page.push_str(rest);
    Ok(page)
}

fn compress(workspace: &Workspace, dist: &Path) -> Result<()> {
    let worth: Vec<PathBuf> = files(dist)?
        .into_iter()
        .filter(|file| {
            let extension = file
                .extension()
                .and_then(|text| text.to_str())
                .unwrap_or_default();
            COMPRESSED.contains(&extension)
                && fs::metadata(file).is_ok_and(|facts| facts.len() > 512)
        })
        .collect();
    cmd("node")
        .arg(workspace.root.join("xtask/node/compress.mjs"))
        .args(worth)
        .run()
}

fn report(dist: &Path) -> Result<()> {
    let mut sizes = BTreeMap::new();
    for file in files(dist)? {
        let extension = file
            .extension()
            .and_then(|text| text.to_str())
            .unwrap_or_default()
            .to_owned();
        *sizes.entry(extension).or_insert(0) += fs::metadata(&file)?.len();
    }
    let kilobytes = |extension: &str| sizes.get(extension).copied().unwrap_or(0) / 1000;
    eprintln!(
        "dashboard: wasm {} kB; all that compresses: {} kB with brotli, {} kB with gzip; fonts {} kB",
        kilobytes("wasm"),
        kilobytes("br"),
        kilobytes("gz"),
        kilobytes("woff2"),
    );
    Ok(())
}

/// The version that cargo resolved; its output has to be of the same.
fn wasm_bindgen_version(workspace: &Workspace) -> Result<String> {
    let lock =
        fs::read_to_string(workspace.root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        if line == "name = \"wasm-bindgen\"" {
            return Ok(lines.next().unwrap_or_default().to_owned());
        }
    }
    bail!("Cargo.lock holds no wasm-bindgen")
}

/// Remembers the hash of a step's input once the step is done.
struct Stamp {
    path: PathBuf,
    input: String,
}

impl Stamp {
    fn new(path: PathBuf, input: String) -> Stamp {
        Stamp { path, input }
    }

    fn holds(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|text| text == self.input)
    }

    fn write(&self) -> Result<()> {
        fs::write(&self.path, &self.input)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn relative(file: &Path, folder: &Path) -> Result<PathBuf> {
    Ok(file.strip_prefix(folder)?.to_owned())
}

/// All files below `folder`, sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Makes `folder`, or empties it.
fn empty(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        }
        .with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::fill;

    #[test]
    fn a_page_gets_the_names_of_its_files() {
        let names = BTreeMap::from([("style.css".to_owned(), "style-1a2b.css".to_owned())]);
        let page =
            fill("<link href=\"/assets/{{style.css}}\">", &names).expect("the name is known");
        assert_eq!(page, "<link href=\"/assets/style-1a2b.css\">");
        let error = fill("{{boot.js}}", &names).expect_err("the name is unknown");
        assert!(error.to_string().contains("boot.js"), "{error}");
        assert!(fill("{{style.css", &names).is_err());
    }
}
