//! libtorch out of PyPI's wheels, laid out so that tch links and runs without Python.
//!
//! The CPU layout takes the wheel's CPU libraries only. Its `libtorch.so` would pull in
//! the CUDA libraries, so a linker script of one line stands in for it. The CUDA layout
//! is the same folder with everything in it; it was never run on a GPU.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::pip::{self, Wheel};
use super::{install, say};
use crate::workspace::{Workspace, link};

/// The only version that the workspace's tch accepts.
pub(crate) const VERSION: &str = "2.11.0";

/// Says the version, beside the libraries.
pub(crate) const VERSION_FILE: &str = "build-version";

/// Changes whenever the layout below does, so that older folders are made anew.
const LAYOUT: u32 = 1;

const TORCH: Wheel = Wheel {
    name: "torch",
    version: VERSION,
    sha256: "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
};

/// What `libtorch_cpu` itself is linked with (its profiler), in both layouts.
const PROFILER: [Wheel; 2] = [
    Wheel {
        name: "nvidia-cuda-runtime",
        version: "13.0.96",
        sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
    },
    Wheel {
        name: "nvidia-cuda-cupti",
        version: "13.0.85",
        sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
    },
];

/// What the CUDA libraries of the wheel need besides, as its metadata lists them.
const CUDA: [Wheel; 13] = [
    Wheel {
        name: "nvidia-cublas",
        version: "13.1.0.3",
        sha256: "ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171",
    },
    Wheel {
        name: "nvidia-cuda-nvrtc",
        version: "13.0.88",
        sha256: "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
    },
    Wheel {
        name: "nvidia-cudnn-cu13",
        version: "9.19.0.56",
        sha256: "d20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf",
    },
    Wheel {
        name: "nvidia-cufft",
        version: "12.0.0.61",
        sha256: "6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3",
    },
    Wheel {
        name: "nvidia-cufile",
        version: "1.15.1.6",
        sha256: "08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44",
    },
    Wheel {
        name: "nvidia-curand",
        version: "10.4.0.35",
        sha256: "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc",
    },
    Wheel {
        name: "nvidia-cusolver",
        version: "12.0.4.66",
        sha256: "0a759da5dea5c0ea10fd307de75cdeb59e7ea4fcb8add0924859b944babf1112",
    },
    Wheel {
        name: "nvidia-cusparse",
        version: "12.6.3.3",
        sha256: "2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b",
    },
    Wheel {
        name: "nvidia-cusparselt-cu13",
        version: "0.8.0",
        sha256: "25e30a8a7323935d4ad0340b95a0b69926eee755767e8e0b1cf8dd85b197d3fd",
    },
    Wheel {
        name: "nvidia-nccl-cu13",
        version: "2.28.9",
        sha256: "e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42",
    },
    Wheel {
        name: "nvidia-nvjitlink",
        version: "13.0.88",
        sha256: "13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b",
    },
    Wheel {
        name: "nvidia-nvshmem-cu13",
        version: "3.4.5",
        sha256: "290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80",
    },
    Wheel {
        name: "nvidia-nvtx",
        version: "13.0.85",
        sha256: "4936d1d6780fbe68db454f5e72a42ff64d1fd6397df9f363ae786930fd5c1cd4",
    },
];

/// Where the CPU layout lies in the cache.
pub(crate) fn cpu_directory(workspace: &Workspace) -> PathBuf {
    workspace.cache.join(format!("libtorch-{VERSION}-cpu"))
}

/// Where the CUDA layout lies in the cache.
pub(crate) fn cuda_directory(workspace: &Workspace) -> PathBuf {
    workspace.cache.join(format!("libtorch-{VERSION}-cuda"))
}

/// Puts the CPU layout in place and points `.cache/libtorch` at it.
pub(super) fn ensure_cpu(workspace: &Workspace) -> Result<()> {
    let directory = cpu_directory(workspace);
    let wheels = || {
        let [runtime, cupti] = PROFILER;
        [TORCH, runtime, cupti]
    };
    let recipe = recipe("cpu", &wheels());
    let current = install::is_current(&directory, &recipe);
    if !current {
        say(
            "libtorch",
            &format!(
                "{VERSION} for CPUs: fetching 543 MB into {}",
                directory.display()
            ),
        );
        let files = pip::fetch(workspace, &wheels())?;
        install::replace(&directory, &recipe, |partial| {
            let members = [
                pip::into(
                    partial,
                    &[
                        ("torch/include/", "include"),
                        ("torch/lib/libc10.so", "lib/libc10.so"),
                        ("torch/lib/libtorch_cpu.so", "lib/libtorch_cpu.so"),
                        ("torch/lib/libgomp.so.1", "lib/libgomp.so.1"),
                        ("torch/lib/libshm.so", "lib/libshm.so"),
                        ("torch-2.11.0.dist-info/licenses/", "licenses/torch"),
                    ],
                ),
                pip::into(
                    partial,
                    &[
                        ("nvidia/cu13/lib/libcudart.so.13", "lib/libcudart.so.13"),
                        (
                            "nvidia_cuda_runtime-13.0.96.dist-info/licenses/",
                            "licenses/nvidia-cuda-runtime",
                        ),
                    ],
                ),
                pip::into(
                    partial,
                    &[
                        ("nvidia/cu13/lib/libcupti.so.13", "lib/libcupti.so.13"),
                        (
                            "nvidia_cuda_cupti-13.0.85.dist-info/licenses/",
                            "licenses/nvidia-cuda-cupti",
                        ),
                    ],
                ),
            ];
            pip::unpack(workspace, &files, &members)?;
            stand_in(&partial.join("lib"))
        })?;
    }
    say_version(&directory)?;
    let moved = link(&directory, &workspace.libtorch())?;
    say(
        "libtorch",
        &format!(
            "{VERSION} for CPUs, {}",
            placed(&directory, !current || moved)
        ),
    );
    Ok(())
}

/// Puts the CUDA layout in place, beside the CPU one. The same plugins run with either.
pub(super) fn ensure_cuda(workspace: &Workspace) -> Result<()> {
    let directory = cuda_directory(workspace);
    let wheels: Vec<Wheel> = std::iter::once(TORCH).chain(PROFILER).chain(CUDA).collect();
    let recipe = recipe("cuda", &wheels);
    let current = install::is_current(&directory, &recipe);
    if !current {
        say(
            "libtorch",
            &format!(
                "{VERSION} for CUDA: fetching about 2.5 GB into {}",
                directory.display()
            ),
        );
        let files = pip::fetch(workspace, &wheels)?;
        install::replace(&directory, &recipe, |partial| {
            let members: Vec<_> = wheels
                .iter()
                .map(|wheel| {
                    let folder = wheel.name.replace('-', "_");
                    let licenses = format!("{folder}-{}.dist-info/licenses/", wheel.version);
                    let kept = format!("licenses/{}", wheel.name);
                    let libraries = format!("{}lib*", library_folder(wheel.name));
                    let mut members = vec![(libraries.as_str(), "lib")];
                    if wheel.name == TORCH.name {
                        members.push(("torch/include/", "include"));
                    }
                    // The one wheel without a text; its terms are those of the others.
                    if wheel.name != "nvidia-cusparselt-cu13" {
                        members.push((&licenses, &kept));
                    }
                    pip::into(partial, &members)
                })
                .collect();
            pip::unpack(workspace, &files, &members)?;
            // Python's part of torch is of no use here and would need Python.
            fs::remove_file(partial.join("lib/libtorch_python.so"))
                .context("the wheel's libtorch_python.so is not where it was")
        })?;
    }
    say_version(&directory)?;
    say(
        "libtorch",
        &format!(
            "{VERSION} for CUDA (not verified on a GPU), {}",
            placed(&directory, !current)
        ),
    );
    Ok(())
}

fn library_folder(name: &str) -> &'static str {
    match name {
        "torch" => "torch/lib/",
        "nvidia-cudnn-cu13" => "nvidia/cudnn/lib/",
        "nvidia-cusparselt-cu13" => "nvidia/cusparselt/lib/",
        "nvidia-nccl-cu13" => "nvidia/nccl/lib/",
        "nvidia-nvshmem-cu13" => "nvidia/nvshmem/lib/",
        _ => "nvidia/cu13/lib/",
    }
}

/// Names the version in a file beside the libraries, as PyTorch's own archives of libtorch do in their root: the host
/// compares it with what a plugin was built for. Not part of the layout, so that folders made before get it too.
fn say_version(directory: &Path) -> Result<()> {
    let path = directory.join("lib").join(VERSION_FILE);
    let text = format!("{VERSION}\n");
    if fs::read_to_string(&path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn stand_in(lib: &Path) -> Result<()> {
    let path = lib.join("libtorch.so");
    fs::write(&path, "INPUT(libtorch_cpu.so libc10.so)\n")
        .with_context(|| format!("cannot write {}", path.display()))
}

fn recipe(kind: &str, wheels: &[Wheel]) -> String {
    let files: String = wheels
        .iter()
        .map(|wheel| format!("{}=={} {}\n", wheel.name, wheel.version, wheel.sha256))
        .collect();
    format!("{kind} layout {LAYOUT}\n{files}")
}

pub(super) fn placed(directory: &Path, changed: bool) -> String {
    let how = if changed { "now in" } else { "in place:" };
    format!("{how} {}", directory.display())
}
