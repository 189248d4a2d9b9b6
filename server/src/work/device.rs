//! Which device a child works on.

use std::path::Path;

use arborist_plugin_api::host::preload_cuda;

use crate::locations;

/// The device that `auto` stands for here, or the one that was asked for.
///
/// CUDA has to be loaded before the plugin: a plugin built on libtorch then finds the backend. `auto` takes the first
/// GPU when there is one and the libraries are there, else the processor.
pub(super) fn resolve(asked: &str) -> Result<String, String> {
    match asked {
        "cpu" => Ok("cpu".to_owned()),
        "auto" if has_gpu() && preload().is_ok() => Ok("cuda:0".to_owned()),
        "auto" => Ok("cpu".to_owned()),
        cuda if is_cuda(cuda) => {
            if !has_gpu() {
                return Err(format!(
                    "device {cuda} was asked for, but this machine has no NVIDIA GPU"
                ));
            }
            preload().map_err(|reason| format!("device {cuda} was asked for, but {reason}"))?;
            Ok(cuda.to_owned())
        }
        other => Err(format!(
            "found the device `{other}`, expected auto, cpu or cuda:N"
        )),
    }
}

/// `cpu` or `cuda`: what a child will work on, as far as can be told without loading CUDA.
#[must_use]
pub fn device_kind(asked: &str) -> &'static str {
    let has_library = || {
        locations::libtorch_dirs().iter().any(|directory| {
            [directory.clone(), directory.join("lib")]
                .iter()
                .any(|directory| directory.join("libtorch_cuda.so").is_file())
        })
    };
    match asked {
        "auto" if has_gpu() && has_library() => "cuda",
        cuda if is_cuda(cuda) => "cuda",
        _ => "cpu",
    }
}

/// Whether a word names a CUDA device.
fn is_cuda(device: &str) -> bool {
    device.strip_prefix("cuda:").is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether a word may stand for a device.
#[must_use]
pub fn is_device(device: &str) -> bool {
    matches!(device, "auto" | "cpu") || is_cuda(device)
}

/// Opens libtorch's CUDA libraries for the whole process.
fn preload() -> Result<(), String> {
    for directory in locations::libtorch_dirs() {
        match preload_cuda(&directory) {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => {}
            // The log says why; the processor still works.
            Err(error) => {
                eprintln!("{error}");
                return Err(error.to_string());
            }
        }
    }
    Err("libtorch's CUDA libraries are not installed (`cargo xtask setup --cuda`)".to_owned())
}

fn has_gpu() -> bool {
    Path::new("/dev/nvidiactl").exists() && Path::new("/dev/nvidia0").exists()
}
