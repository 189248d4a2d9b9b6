//! An opened plugin and its models, with methods of the same names as the author's traits.
#![allow(
    unsafe_code,
    reason = "this module calls through the C table; every block says why it is sound"
)]

mod callbacks;
mod model;

use std::error::Error as _;
use std::fmt;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use arborist_shared::manifest::MethodManifest;
use arborist_shared::run::Outcome;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use serde::Serialize;
use serde_json::Value;

use self::callbacks::CallContext;
pub use self::model::LoadedModel;
use super::hyperparameters::validate_hyperparameters;
use crate::events::HostCallbacks;
use crate::method::{Facts, Method};
use crate::request::{LoadRequest, TrainRequest};
use crate::seam::{ABI_VERSION, Buffer, PluginTable, SYMBOL, Slice, code, table};

/// A plugin that is open in this process. It stays in memory until the process ends.
pub struct Plugin {
    path: PathBuf,
    table: PluginTable,
    texts: TableTexts,
    manifest: MethodManifest,
}

struct TableTexts {
    plugin_version: String,
    plugin_api_version: String,
    rustc: String,
    target: String,
    torch_version: Option<String>,
}

impl Plugin {
    /// Opens the library at an absolute path. It may crash the process: only child processes open plugins.
    ///
    /// The ABI version and the size of the table are checked before anything else of it is read.
    ///
    /// # Errors
    /// One variant of [`LoadError`] for each thing that can be wrong, with both versions where versions differ.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        if !path.is_absolute() {
            return Err(LoadError::RelativePath {
                path: path.to_owned(),
            });
        }
        // SAFETY: the constructors of an approved plugin run; if they crash, they crash a child process.
        let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
            .map_err(|error| LoadError::open(path, &error))?;
        // Unloading is unsound once a library has touched thread-locals: the process exit is the unload.
        let library = ManuallyDrop::new(library);
        // SAFETY: only the address is taken here; what lies there is checked field by field.
        let symbol = unsafe { library.get::<*const u32>(SYMBOL) };
        let address: *const u32 = match &symbol {
            Ok(symbol) => **symbol,
            Err(_) => {
                return Err(LoadError::NotAPlugin {
                    path: path.to_owned(),
                });
            }
        };
        // SAFETY: the static has this name, so it begins with the two numbers that every version begins with.
        let (abi_version, size) = unsafe { (address.read(), address.add(1).read()) };
        if abi_version != ABI_VERSION {
            return Err(LoadError::WrongAbi {
                path: path.to_owned(),
                found: abi_version,
                expected: ABI_VERSION,
            });
        }
        let size = size as usize;
        if size < PluginTable::REQUIRED_SIZE {
            return Err(LoadError::TableTooSmall {
                path: path.to_owned(),
                found: size,
                expected: PluginTable::REQUIRED_SIZE,
            });
        }
        // SAFETY: the version is ours and the table is large enough.
        let table = unsafe { read_table(address.cast(), size) };
        Self::with_table(path.to_owned(), table)
    }

    /// A method of this very process, called through the same table: for tests, above all the conformance kit.
    ///
    /// # Errors
    /// See [`Plugin::open`].
    pub fn in_process<M: Method>(torch_version: &'static str) -> Result<Self, LoadError> {
        let table = table::<M>("in-process", crate::seam::PLUGIN_API_VERSION, torch_version);
        Self::with_table(PathBuf::from("in-process"), table)
    }

    /// The same for a table that `export_method!` wrote: `Plugin::from_table(&my_crate::ARBORIST_PLUGIN)`.
    ///
    /// # Errors
    /// See [`Plugin::open`].
    pub fn from_table(table: &'static PluginTable) -> Result<Self, LoadError> {
        Self::with_table(PathBuf::from("in-process"), *table)
    }

    fn with_table(path: PathBuf, table: PluginTable) -> Result<Self, LoadError> {
        // SAFETY: the texts of a table live as long as its library, which is never unloaded.
        let text = |slice: Slice| unsafe { String::from_utf8_lossy(slice.as_bytes()).into_owned() };
        let texts = TableTexts {
            plugin_version: text(table.plugin_version),
            plugin_api_version: text(table.plugin_api_version),
            rustc: text(table.rustc),
            target: text(table.target),
            torch_version: Some(text(table.torch_version)).filter(|version| !version.is_empty()),
        };
        // SAFETY: `describe` is a function of this table and `answer` a place to write to.
        let described = unsafe { call(&table, |answer| (table.describe)(answer)) };
        let json = described.map_err(|source| LoadError::Describe {
            path: path.clone(),
            source,
        })?;
        let manifest: MethodManifest =
            serde_json::from_slice(&json).map_err(|error| LoadError::Describe {
                path: path.clone(),
                source: CallError::Protocol(format!("its manifest cannot be understood: {error}")),
            })?;
        Ok(Self {
            path,
            table,
            texts,
            manifest,
        })
    }

    /// Where the library lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the method says about itself.
    #[must_use]
    pub fn manifest(&self) -> &MethodManifest {
        &self.manifest
    }

    /// Version of the table; always this host's.
    #[must_use]
    pub fn abi(&self) -> u32 {
        self.table.abi_version
    }

    /// Version of the plugin.
    #[must_use]
    pub fn plugin_version(&self) -> &str {
        &self.texts.plugin_version
    }

    /// Version of the plugin API that the plugin was built with.
    #[must_use]
    pub fn plugin_api_version(&self) -> &str {
        &self.texts.plugin_api_version
    }

    /// Compiler that built the plugin.
    #[must_use]
    pub fn rustc(&self) -> &str {
        &self.texts.rustc
    }

    /// Target that the plugin was built for.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.texts.target
    }

    /// Version of libtorch that the plugin was built for; none when it does without.
    #[must_use]
    pub fn torch_version(&self) -> Option<&str> {
        self.texts.torch_version.as_deref()
    }

    /// Checks a configuration: first against the manifest's JSON Schema, then by the method itself.
    ///
    /// # Errors
    /// [`CallError::Input`] says which hyperparameter is wrong, what was found and what is allowed.
    pub fn check(&self, hyperparameters: &Value, facts: &Facts) -> Result<(), CallError> {
        self.check_schema(hyperparameters)?;
        let (hyperparameters, facts) = (to_json(hyperparameters)?, to_json(facts)?);
        // SAFETY: the slices borrow from vectors that outlive the call.
        unsafe {
            call(&self.table, |answer| {
                (self.table.check)(
                    Slice::borrow(&hyperparameters),
                    Slice::borrow(&facts),
                    answer,
                )
            })
        }?;
        Ok(())
    }

    /// Estimated peak memory of training in bytes.
    ///
    /// # Errors
    /// [`CallError::Input`] when the method does not understand the hyperparameters.
    pub fn memory(&self, hyperparameters: &Value, facts: &Facts) -> Result<u64, CallError> {
        let (hyperparameters, facts) = (to_json(hyperparameters)?, to_json(facts)?);
        let mut bytes = 0;
        // SAFETY: the slices borrow from vectors that outlive the call, and `bytes` is a place to write to.
        unsafe {
            call(&self.table, |answer| {
                (self.table.memory)(
                    Slice::borrow(&hyperparameters),
                    Slice::borrow(&facts),
                    &raw mut bytes,
                    answer,
                )
            })
        }?;
        Ok(bytes)
    }

    /// Trains; returns when the training is over. Events and the question whether to stop go to `callbacks`,
    /// from any thread of the plugin.
    ///
    /// # Errors
    /// How the training ended, if not well.
    pub fn train(
        &self,
        hyperparameters: &Value,
        request: &TrainRequest,
        callbacks: &dyn HostCallbacks,
    ) -> Result<(), CallError> {
        self.check_schema(hyperparameters)?;
        let (hyperparameters, request) = (to_json(hyperparameters)?, to_json(request)?);
        let context = CallContext::new(callbacks);
        let host = context.table();
        // SAFETY: slices, host table and context outlive the call.
        let result = unsafe {
            call(&self.table, |answer| {
                (self.table.train)(
                    Slice::borrow(&hyperparameters),
                    Slice::borrow(&request),
                    &raw const host,
                    answer,
                )
            })
        };
        match context.fault() {
            Some(fault) => Err(CallError::Failed(fault)),
            None => result.map(drop),
        }
    }

    /// Loads a trained model.
    ///
    /// # Errors
    /// What is missing or broken in the checkpoint.
    pub fn load(&self, request: &LoadRequest) -> Result<LoadedModel, CallError> {
        LoadedModel::load(&self.table, request)
    }

    fn check_schema(&self, hyperparameters: &Value) -> Result<(), CallError> {
        let Value::Object(map) = hyperparameters else {
            return Err(CallError::Input(
                "the hyperparameters must be a JSON object".to_owned(),
            ));
        };
        validate_hyperparameters(&self.manifest, map).map_err(|errors| {
            let messages = errors
                .iter()
                .map(|error| format!("{}: {}", error.field, error.message));
            CallError::Input(messages.collect::<Vec<_>>().join("; "))
        })
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Plugin")
            .field("path", &self.path)
            .field("name", &self.manifest.name)
            .finish_non_exhaustive()
    }
}

/// Why a library is not a usable plugin.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Only absolute paths are opened, so that the working directory decides nothing.
    #[error("{} is not an absolute path", path.display())]
    RelativePath {
        /// As given.
        path: PathBuf,
    },
    /// The system could not open the file as a library.
    #[error("{} cannot be opened: {reason}", path.display())]
    Open {
        /// The library.
        path: PathBuf,
        /// What the system's loader said.
        reason: String,
    },
    /// A library, but without the table.
    #[error("{} is not an Arborist plugin: it does not export `ARBORIST_PLUGIN`", path.display())]
    NotAPlugin {
        /// The library.
        path: PathBuf,
    },
    /// A plugin for another version of the table.
    #[error(
        "{} was built for plugin ABI {found}, this program speaks plugin ABI {expected}; build the plugin with a matching arborist-plugin-api",
        path.display()
    )]
    WrongAbi {
        /// The library.
        path: PathBuf,
        /// The plugin's version.
        found: u32,
        /// This program's version.
        expected: u32,
    },
    /// The right version, yet not all of the table is there: a broken build.
    #[error("{} has a plugin table of {found} bytes, ABI {ABI_VERSION} needs at least {expected}", path.display())]
    TableTooSmall {
        /// The library.
        path: PathBuf,
        /// Bytes of the plugin's table.
        found: usize,
        /// Bytes that are needed.
        expected: usize,
    },
    /// The plugin could not describe itself.
    #[error("{} cannot describe itself: {source}", path.display())]
    Describe {
        /// The library.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: CallError,
    },
}

impl LoadError {
    /// The loader's own words lie below the library's "dlopen failed".
    pub(super) fn open(path: &Path, error: &libloading::Error) -> Self {
        let reason = error
            .source()
            .map_or_else(|| error.to_string(), ToString::to_string);
        Self::Open {
            path: path.to_owned(),
            reason,
        }
    }
}

/// How a call into a plugin ended, if not well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The method says that it went wrong.
    #[error("{0}")]
    Failed(String),
    /// The configuration or the data cannot be used as they are.
    #[error("{0}")]
    Input(String),
    /// It stopped because the host asked for it.
    #[error("cancelled")]
    Cancelled,
    /// The method does not have this ability.
    #[error("this method does not support the request")]
    Unsupported,
    /// A panic was caught.
    #[error("the plugin panicked: {0}")]
    Panicked(String),
    /// The answer breaks the rules of the seam.
    #[error("the plugin broke the rules of the seam: {0}")]
    Protocol(String),
}

impl CallError {
    /// The outcome of a run that ended so.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Failed(_) | Self::Unsupported | Self::Protocol(_) => Outcome::Failed,
            Self::Input(_) => Outcome::Refused,
            Self::Cancelled => Outcome::Cancelled,
            Self::Panicked(_) => Outcome::Panicked,
        }
    }
}

/// Copies a table that may be shorter or longer than ours; optional functions beyond its end are absent.
///
/// # Safety
/// `source` points to a table of [`ABI_VERSION`] with `size` bytes, at least [`PluginTable::REQUIRED_SIZE`].
unsafe fn read_table(source: *const u8, size: usize) -> PluginTable {
    let mut copy = std::mem::MaybeUninit::<PluginTable>::zeroed();
    let optional = size.min(size_of::<PluginTable>()) - PluginTable::REQUIRED_SIZE;
    let whole_functions = optional / size_of::<usize>() * size_of::<usize>();
    // SAFETY: both are at least that long and do not overlap. What is required is copied whole; of the optional
    // functions only whole ones are, and zero is the absent one.
    unsafe {
        std::ptr::copy_nonoverlapping(
            source,
            copy.as_mut_ptr().cast::<u8>(),
            PluginTable::REQUIRED_SIZE + whole_functions,
        );
        copy.assume_init()
    }
}

/// Calls a function of `table` and takes over what it answers.
///
/// # Safety
/// `function` calls a function of this table within its contract and passes the pointer on as `answer`.
unsafe fn call(
    table: &PluginTable,
    function: impl FnOnce(*mut Buffer) -> u32,
) -> Result<Vec<u8>, CallError> {
    let mut answer = Buffer::EMPTY;
    let code = function(&raw mut answer);
    // SAFETY: a function of this table made the buffer.
    let bytes = unsafe { take(table, answer, <[u8]>::to_vec) }?;
    let message = || String::from_utf8_lossy(&bytes).into_owned();
    match code {
        code::OK => Ok(bytes),
        code::FAILED => Err(CallError::Failed(message())),
        code::CANCELLED => Err(CallError::Cancelled),
        code::PANICKED => Err(CallError::Panicked(message())),
        code::UNSUPPORTED => Err(CallError::Unsupported),
        code::INPUT => Err(CallError::Input(message())),
        unknown => Err(CallError::Protocol(format!(
            "it returned the unknown code {unknown}"
        ))),
    }
}

/// Copies the items of a plugin's buffer and gives the buffer back.
///
/// # Safety
/// A function of this table made the buffer, and it was not given back yet.
unsafe fn take<T: crate::seam::Plain, R>(
    table: &PluginTable,
    buffer: Buffer,
    copy: impl FnOnce(&[T]) -> R,
) -> Result<R, CallError> {
    // SAFETY: the caller says that the buffer is alive.
    let copied = unsafe { buffer.as_slice::<T>() }.map(copy);
    // SAFETY: it goes back to the table it came from, once.
    unsafe { (table.free)(buffer) };
    copied.ok_or_else(|| {
        CallError::Protocol("it returned an array whose length does not fit its type".to_owned())
    })
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>, CallError> {
    serde_json::to_vec(value).map_err(|error| {
        CallError::Failed(format!("the request cannot be written as JSON: {error}"))
    })
}
