//! The house rules that a machine can check, as tests.
//!
//! They look at the files that git knows or would add, and at cargo's dependency tree.

use std::fs;
use std::path::PathBuf;

use crate::packages::{FRONTEND, Packages, SERVER};
use crate::process::cmd;
use crate::workspace::Workspace;

/// A text file of the repository.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn is(&self, extension: &str) -> bool {
        self.path.ends_with(extension)
    }
}

fn workspace() -> Workspace {
    Workspace::find().expect("the tests run in the repository")
}

fn sources(extensions: &[&str]) -> Vec<Source> {
    let root = workspace().root;
    let listed = cmd("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .dir(&root)
        .quiet()
        .read()
        .expect("git lists the files");
    listed
        .lines()
        .filter(|path| extensions.iter().any(|extension| path.ends_with(extension)))
        .filter_map(|path| {
            // A file may be deleted but still listed; a file that is not text has no rules here.
            let text = fs::read_to_string(root.join(path)).ok()?;
            Some(Source {
                path: path.to_owned(),
                text,
            })
        })
        .collect()
}

fn rust() -> Vec<Source> {
    sources(&[".rs"])
}

/// Fails with every finding at once: place and sentence.
fn none(findings: Vec<String>) {
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

/// Every line of `sources` that `wrong` finds fault with.
fn lines(
    sources: &[Source],
    mut wrong: impl FnMut(&Source, &str) -> Option<&'static str>,
) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        for (number, line) in source.text.lines().enumerate() {
            if let Some(fault) = wrong(source, line) {
                findings.push(format!("{}:{}: {fault}", source.path, number + 1));
            }
        }
    }
    findings
}

#[test]
fn modules_say_what_they_are_for() {
    let findings = rust()
        .iter()
        // The module under test says what it is for.
        .filter(|source| !source.path.ends_with("/tests.rs") && !source.path.contains("/tests/"))
        .filter(|source| !source.text.trim_start().starts_with("//!"))
        .map(|source| format!("{}: does not begin with a `//!` comment", source.path))
        .collect();
    none(findings);
}

#[test]
fn text_is_clean() {
    let files = sources(&[
        ".rs", ".toml", ".md", ".css", ".js", ".mjs", ".html", ".py", ".sh", ".yml",
    ]);
    let mut findings = lines(&files, |_, line| {
        line.ends_with([' ', '\t', '\r'])
            .then_some("white space at the end of the line")
    });
    for file in &files {
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            findings.push(format!(
                "{}: no line break at the end of the file",
                file.path
            ));
        }
    }
    none(findings);
}

#[test]
fn plugins_find_libtorch_and_say_what_they_are() {
    let root = workspace().root;
    let packages = Packages::read(&workspace()).expect("cargo describes the workspace");
    let mut findings = Vec::new();
    for (package, _) in packages.plugins() {
        let folder = format!("plugins/{}", package.trim_start_matches("arborist-"));
        let mut needed = vec!["README.md"];
        if packages.reaches(package, "tch") {
            // Without its run paths the library is built and then not opened.
            needed.push("build.rs");
        }
        for file in needed {
            if !root.join(&folder).join(file).is_file() {
                findings.push(format!("{folder}: has no {file}"));
            }
        }
    }
    none(findings);
}

/// `unsafe` belongs to the seam between host and plugin, to the kernels that read tensors as slices, to one setting of
/// the process, and to files as memory.
const MAY_BE_UNSAFE: [&str; 7] = [
    "plugins/plugin-api/src/seam.rs",
    "plugins/plugin-api/src/seam/",
    "plugins/plugin-api/src/host/",
    // Libraries for tests: hand-written tables, and a method that crashes on demand.
    "plugins/plugin-api/examples/",
    "plugins/model-kit/src/cpu/",
    // Files that are mapped into memory.
    "plugins/model-kit/src/mapped.rs",
    // The settings of the allocator.
    "plugins/model-kit/src/process.rs",
];

#[test]
fn unsafe_code_stays_in_the_seam() {
    let files: Vec<Source> = rust()
        .into_iter()
        .filter(|source| {
            !MAY_BE_UNSAFE
                .iter()
                .any(|allowed| source.path.starts_with(allowed))
        })
        .filter(|source| source.path != "xtask/src/tidy.rs")
        .collect();
    none(lines(&files, |_, line| {
        let code = line.split("//").next().unwrap_or_default();
        let found = [
            "unsafe {",
            "unsafe fn",
            "unsafe impl",
            "unsafe extern",
            "(unsafe_code",
        ]
        .iter()
        .any(|word| code.contains(word));
        found.then_some("`unsafe` outside the seam and the CPU kernels")
    }));
}

/// Types that make queries. Connections and values may be handed through other files.
const QUERY_WORDS: [&str; 10] = [
    "EntityTrait",
    "QueryFilter",
    "QuerySelect",
    "QueryOrder",
    "ColumnTrait",
    "ActiveModelTrait",
    "FromQueryResult",
    "Statement::",
    "sea_query",
    "sea_orm::prelude",
];

#[test]
fn only_stores_query_the_database() {
    let files: Vec<Source> = rust()
        .into_iter()
        .filter(|source| source.path.starts_with("server/src/"))
        .filter(|source| {
            let inside = |folder: &str| source.path.contains(folder);
            !(source.path.ends_with("/store.rs")
                || inside("/store/")
                || inside("/db/")
                || source.path.ends_with("/db.rs"))
        })
        .collect();
    let findings = files
        .iter()
        .filter(|source| source.text.contains("sea_orm"))
        .flat_map(|source| {
            lines(std::slice::from_ref(source), |_, line| {
                let code = line.split("//").next().unwrap_or_default();
                QUERY_WORDS
                    .iter()
                    .any(|word| code.contains(word))
                    .then_some("a query outside store.rs and db/")
            })
        })
        .collect();
    none(findings);
}

#[test]
fn entities_are_not_sent() {
    let files: Vec<Source> = rust()
        .into_iter()
        .filter(|source| source.path.starts_with("server/src/db/"))
        .collect();
    none(lines(&files, |_, line| {
        (line.contains("derive(") && line.contains("Serialize"))
            .then_some("an entity that can be serialized")
    }));
}

#[test]
fn todos_carry_a_number() {
    let word = ["TO", "DO"].concat();
    let files = sources(&[".rs", ".py", ".js", ".mjs", ".css", ".toml"]);
    none(lines(&files, |_, line| {
        let rest = line.split(&word).nth(1)?;
        (!rest.starts_with("(#")).then_some("a note for later without the number of an issue")
    }));
}

#[test]
fn no_package_registry_is_named() {
    let hosts: Vec<String> = [
        ["pythonhosted", "org"],
        ["pypi", "org"],
        ["npmjs", "org"],
        ["npmjs", "com"],
        ["index.crates", "io"],
        ["static.crates", "io"],
        ["deb.debian", "org"],
        ["security.debian", "org"],
    ]
    .iter()
    .map(|parts| parts.join("."))
    .collect();
    let files = sources(&[
        ".rs", ".toml", ".md", ".py", ".json", ".lock", ".sh", ".txt", ".npmrc", ".js", ".mjs",
        "/run",
    ]);
    none(lines(&files, |_, line| {
        hosts
            .iter()
            .any(|host| line.contains(host.as_str()))
            .then_some("the host of a package registry; clients know their own")
    }));
}

#[test]
fn dependencies_point_one_way() {
    let packages = Packages::read(&workspace()).expect("cargo describes the workspace");
    let mut findings = Vec::new();
    let mut forbid = |from: &str, to: &str| {
        if packages.has(from) && packages.reaches(from, to) {
            findings.push(format!("{from} must not be built with {to}"));
        }
    };
    for torch in ["tch", "torch-sys"] {
        for plain in [
            SERVER,
            FRONTEND,
            "arborist-shared",
            "arborist-plugin-api",
            "arborist-linear",
        ] {
            forbid(plain, torch);
        }
    }
    for other in [
        "arborist-plugin-api",
        "arborist-migrations",
        SERVER,
        "tokio",
    ] {
        forbid("arborist-shared", other);
    }
    for other in ["arborist-plugin-api", SERVER] {
        forbid(FRONTEND, other);
    }
    forbid("arborist-plugin-api", "arborist-model-kit");
    let methods: Vec<&str> = packages.plugins().iter().map(|(name, _)| *name).collect();
    for method in &methods {
        forbid(method, SERVER);
        forbid(SERVER, method);
        for other in methods.iter().filter(|other| *other != method) {
            forbid(method, other);
        }
    }
    for package in packages.all.iter().filter(|package| package.member) {
        let ours = package.dependencies.iter().find(|name| packages.has(name));
        if let (Some(ours), true) = (ours, package.name.starts_with("xtask")) {
            findings.push(format!(
                "{} must depend on nothing of ours, but does on {ours}",
                package.name
            ));
        }
    }
    none(findings);
}

/// Licences that ask for no more than a notice; MPL-2.0 is fine for files that stay as they are.
const PERMISSIVE: [&str; 16] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "bzip2-1.0.6",
];

#[test]
fn licenses_are_permissive() {
    let packages = Packages::read(&workspace()).expect("cargo describes the workspace");
    let findings = packages
        .all
        .iter()
        .filter(|package| !package.member)
        .filter(|package| !package.license.as_deref().is_some_and(permissive))
        .map(|package| {
            format!(
                "{} {}: {:?}",
                package.name, package.version, package.license
            )
        })
        .collect();
    none(findings);
}

/// Whether an SPDX expression leaves a permissive choice. `/` is the old spelling of OR.
fn permissive(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    alternatives(&expression).iter().any(|choice| {
        choice.split(" AND ").map(|part| part.trim()).all(|part| {
            match part
                .strip_prefix('(')
                .and_then(|rest| rest.strip_suffix(')'))
            {
                Some(inner) => permissive(inner),
                None => PERMISSIVE.contains(&part),
            }
        })
    })
}

/// Splits at the ORs that stand outside parentheses.
fn alternatives(expression: &str) -> Vec<String> {
    let mut choices = vec![String::new()];
    let mut depth = 0_i32;
    for word in expression.split(' ') {
        if word == "OR" && depth == 0 {
            choices.push(String::new());
            continue;
        }
        depth += word.matches('(').count() as i32 - word.matches(')').count() as i32;
        let choice = choices.last_mut().expect("there is always one choice");
        if !choice.is_empty() {
            choice.push(' ');
        }
        choice.push_str(word);
    }
    choices
        .into_iter()
        .filter(|choice| !choice.is_empty())
        .collect()
}

#[test]
fn expressions_of_licenses_are_understood() {
    assert!(permissive("MIT OR GPL-3.0-only"));
    assert!(permissive("MIT/Apache-2.0"));
    assert!(permissive("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(permissive("Apache-2.0 WITH LLVM-exception OR Apache-2.0"));
    assert!(!permissive("GPL-3.0-or-later"));
    assert!(!permissive("MIT AND GPL-2.0-only"));
    assert!(!permissive("(MIT AND GPL-2.0-only) OR AGPL-3.0"));
}

#[test]
fn scripts_of_python_compile() {
    let root = workspace().root;
    let scripts: Vec<PathBuf> = sources(&[".py"])
        .iter()
        .filter(|source| source.is(".py"))
        .map(|source| root.join(&source.path))
        .collect();
    let program = "import ast,sys\nfor f in sys.argv[1:]: ast.parse(open(f).read(), f)";
    assert!(
        cmd("python3")
            .args(["-c", program])
            .args(scripts)
            .quiet()
            .succeeds()
    );
}
