//! The CUDA half of libtorch, opened before a plugin so that it registers itself.
#![allow(
    unsafe_code,
    reason = "loading a library runs its constructors, which Rust cannot check"
)]

use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

use super::plugin::LoadError;

/// Opens `libtorch_cuda.so` of a libtorch directory (or of its `lib/`) for the whole process; none when it is not there.
///
/// A plugin links the processor-only libraries; with this one opened before it, the same file works on a GPU.
/// It is never closed.
///
/// # Errors
/// [`LoadError::Open`] when the library is there and cannot be opened, mostly because NVIDIA's libraries are missing.
/// The plugin still works without, on the processor.
pub fn preload_cuda(libtorch: &Path) -> Result<Option<PathBuf>, LoadError> {
    let found = [libtorch.to_owned(), libtorch.join("lib")]
        .into_iter()
        .map(|directory| directory.join("libtorch_cuda.so"))
        .find(|path| path.is_file());
    let Some(path) = found else {
        return Ok(None);
    };
    // SAFETY: the file belongs to the libtorch that the plugin is linked to; its constructors only register kernels.
    match unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) } {
        Ok(library) => {
            let _stays_open = ManuallyDrop::new(library);
            Ok(Some(path))
        }
        Err(error) => Err(LoadError::open(&path, &error)),
    }
}
