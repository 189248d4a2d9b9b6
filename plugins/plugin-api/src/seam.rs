//! The C table between host and plugin, and [`export_method!`](crate::export_method), which writes it.
//!
//! Only this module and `host` know C. What crosses: byte slices (JSON for small things, UTF-8 texts with offsets,
//! arrays of numbers), paths inside the JSON, and two callbacks. No Rust type with an unspecified layout, no trait
//! object, no file handle. The rules:
//!
//! - Memory is freed by the side that made it: every [`Buffer`] goes back through `free` of the table it came from.
//! - Borrowed [`Slice`]s live until the call returns.
//! - Every function catches panics and reports them as [`code::PANICKED`]; nothing unwinds across.
//! - The table's layout never changes under one [`ABI_VERSION`]; new optional functions go at the end, and are there
//!   when `size` covers them. The JSON is versioned by this crate's semver: unknown fields are ignored, new ones have defaults.
#![allow(
    unsafe_code,
    reason = "this module is the C boundary; every block says why it is sound"
)]

mod shims;

use std::ffi::c_void;
use std::mem::offset_of;

pub use self::shims::table;

/// Version of the table's layout and meaning. A library and a host with different versions refuse each other.
pub const ABI_VERSION: u32 = 1;

/// Name of the exported static.
pub const SYMBOL: &str = "ARBORIST_PLUGIN";

/// Version of this crate: the version of the JSON that crosses the seam.
pub const PLUGIN_API_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Compiler that built this copy of the crate; for the record only.
pub const RUSTC: &str = env!("ARBORIST_RUSTC");

/// Target that this copy of the crate was built for; for the record only.
pub const TARGET: &str = env!("ARBORIST_TARGET");

/// What a function of the table returns.
pub mod code {
    /// Done.
    pub const OK: u32 = 0;
    /// It went wrong; the answer says why.
    pub const FAILED: u32 = 1;
    /// Stopped because the host asked for it.
    pub const CANCELLED: u32 = 2;
    /// A panic was caught; the answer says which.
    pub const PANICKED: u32 = 3;
    /// The method does not have this ability.
    pub const UNSUPPORTED: u32 = 4;
    /// The configuration or the data cannot be used as they are; the answer says what to change.
    pub const INPUT: u32 = 5;
}

/// The table of a plugin, exported as the static [`SYMBOL`].
///
/// `abi_version` and `size` come first in every version and are checked before anything else is read.
/// The functions return a [`code`]; they write to `answer` the result as JSON where they have one, and a message as
/// UTF-8 when the code is not [`code::OK`]. Unless a function says otherwise: host thread, never two calls at once.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(
    missing_debug_implementations,
    reason = "a row of addresses tells nobody anything"
)]
pub struct PluginTable {
    /// [`ABI_VERSION`] of the plugin.
    pub abi_version: u32,
    /// Bytes of the plugin's table.
    pub size: u32,
    /// Name of the method, for messages before `describe`.
    pub name: Slice,
    /// [`PLUGIN_API_VERSION`] of the plugin.
    pub plugin_api_version: Slice,
    /// [`RUSTC`] of the plugin.
    pub rustc: Slice,
    /// [`TARGET`] of the plugin.
    pub target: Slice,
    /// Version of libtorch that the plugin was built for; empty when it does without.
    pub torch_version: Slice,
    /// Version of the plugin.
    pub plugin_version: Slice,
    /// Answer: the manifest as JSON. Any thread.
    pub describe: unsafe extern "C" fn(answer: *mut Buffer) -> u32,
    /// Hyperparameters and [`Facts`](crate::Facts) as JSON. Any thread.
    pub check:
        unsafe extern "C" fn(hyperparameters: Slice, facts: Slice, answer: *mut Buffer) -> u32,
    /// Writes the estimated peak memory of training. Any thread.
    pub memory: unsafe extern "C" fn(
        hyperparameters: Slice,
        facts: Slice,
        bytes: *mut u64,
        answer: *mut Buffer,
    ) -> u32,
    /// Hyperparameters and [`TrainRequest`](crate::TrainRequest) as JSON. Returns when the training is over.
    pub train: unsafe extern "C" fn(
        hyperparameters: Slice,
        request: Slice,
        host: *const HostTable,
        answer: *mut Buffer,
    ) -> u32,
    /// [`LoadRequest`](crate::LoadRequest) as JSON; answer: [`ModelFacts`] as JSON. Writes a handle for the functions below.
    pub load:
        unsafe extern "C" fn(request: Slice, model: *mut *mut c_void, answer: *mut Buffer) -> u32,
    /// Scores texts. The thread that loaded the model.
    pub predict: unsafe extern "C" fn(
        model: *mut c_void,
        texts: Texts,
        predictions: *mut RawPredictions,
        answer: *mut Buffer,
    ) -> u32,
    /// Destroys a model; the handle is invalid afterwards, whatever the code. The thread that loaded the model.
    pub unload: unsafe extern "C" fn(model: *mut c_void, answer: *mut Buffer) -> u32,
    /// Frees what a function of this table wrote into a buffer. Any thread.
    pub free: unsafe extern "C" fn(buffer: Buffer),

    // Optional from here on: present when `size` covers them.
    /// A vector per label. The thread that loaded the model.
    pub label_embeddings: Option<
        unsafe extern "C" fn(
            model: *mut c_void,
            matrix: *mut RawMatrix,
            answer: *mut Buffer,
        ) -> u32,
    >,
    /// A vector per text. The thread that loaded the model.
    pub text_embeddings: Option<
        unsafe extern "C" fn(
            model: *mut c_void,
            texts: Texts,
            matrix: *mut RawMatrix,
            answer: *mut Buffer,
        ) -> u32,
    >,
    /// Answer: an array of [`Evidence`](crate::Evidence) as JSON. The thread that loaded the model.
    pub evidence: Option<
        unsafe extern "C" fn(
            model: *mut c_void,
            text: Slice,
            label: u32,
            answer: *mut Buffer,
        ) -> u32,
    >,
}

// SAFETY: the table is never written to after it was made, and what it points to is code and static text.
unsafe impl Sync for PluginTable {}
// SAFETY: as above; nothing in it belongs to a thread.
unsafe impl Send for PluginTable {}

impl PluginTable {
    /// Smallest table of [`ABI_VERSION`]: everything before the optional functions.
    pub const REQUIRED_SIZE: usize = offset_of!(Self, label_embeddings);
}

/// What the host gives to `train`. Both functions may be called from any thread of the plugin until `train` returns.
#[repr(C)]
#[allow(
    missing_debug_implementations,
    reason = "a row of addresses tells nobody anything"
)]
pub struct HostTable {
    /// Bytes of the host's table; new functions go at the end.
    pub size: u32,
    /// Goes into every call.
    pub context: *const c_void,
    /// Takes a [`RunEvent`](arborist_shared::run::RunEvent) as JSON. Never unwinds.
    pub emit: unsafe extern "C" fn(context: *const c_void, event: Slice),
    /// 0 = go on, anything else = stop soon. Never unwinds.
    pub is_cancelled: unsafe extern "C" fn(context: *const c_void) -> u32,
}

/// Borrowed bytes: valid until the call returns; forever in a [`PluginTable`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    data: *const u8,
    len: usize,
}

impl Slice {
    /// No bytes.
    pub const EMPTY: Self = Self::borrow(&[]);

    /// Lends `bytes`; the lender sees to it that they live as long as the callee may look at them.
    #[must_use]
    pub const fn borrow(bytes: &[u8]) -> Self {
        Self {
            data: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// The bytes.
    ///
    /// # Safety
    /// The lender still keeps them alive and unchanged, and does so for `'a`.
    #[must_use]
    pub const unsafe fn as_bytes<'a>(self) -> &'a [u8] {
        if self.data.is_null() || self.len == 0 {
            return &[];
        }
        // SAFETY: `borrow` took data and length from one slice, which the caller says is alive.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

/// Borrowed texts: text `i` is `offsets[i]..offsets[i + 1]` of `pool`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Texts {
    /// All texts, one after the other, as UTF-8.
    pub pool: Slice,
    /// `[count + 1]`, starts with 0.
    pub offsets: *const u64,
    /// Number of texts.
    pub count: usize,
}

/// Owned bytes of the side that made them; they go back through its `free`.
#[repr(C)]
#[derive(Debug)]
pub struct Buffer {
    data: *mut u8,
    /// Bytes in use.
    len: usize,
    /// Bytes allocated.
    capacity: usize,
    /// Alignment they were allocated with.
    align: usize,
}

impl Buffer {
    /// Owns nothing; needs no `free`.
    pub const EMPTY: Self = Self {
        data: std::ptr::null_mut(),
        len: 0,
        capacity: 0,
        align: 1,
    };

    /// Takes over the memory of `items`.
    #[must_use]
    pub fn from_vec<T: Plain>(items: Vec<T>) -> Self {
        if items.capacity() == 0 {
            return Self::EMPTY;
        }
        let mut items = std::mem::ManuallyDrop::new(items);
        Self {
            data: items.as_mut_ptr().cast(),
            len: items.len() * size_of::<T>(),
            capacity: items.capacity() * size_of::<T>(),
            align: align_of::<T>(),
        }
    }

    /// The items; none when length or address do not fit the type.
    ///
    /// # Safety
    /// The buffer comes from `from_vec` (of whichever side) and was not freed.
    #[must_use]
    pub unsafe fn as_slice<T: Plain>(&self) -> Option<&[T]> {
        if self.data.is_null() || self.len == 0 {
            return Some(&[]);
        }
        let data = self.data.cast::<T>();
        if !data.is_aligned() || !self.len.is_multiple_of(size_of::<T>()) {
            return None;
        }
        // SAFETY: the memory is alive by the contract above, aligned and long enough by the checks, and any bits are a `T`.
        Some(unsafe { std::slice::from_raw_parts(data, self.len / size_of::<T>()) })
    }

    /// Frees the memory.
    ///
    /// # Safety
    /// The buffer comes from `from_vec` of this side, that is, of this copy of the crate, and was not freed before.
    pub unsafe fn free(self) {
        if self.data.is_null() || self.capacity == 0 {
            return;
        }
        let Ok(layout) = std::alloc::Layout::from_size_align(self.capacity, self.align) else {
            return;
        };
        // SAFETY: a `Vec` of this size and alignment made the allocation with the same global allocator.
        unsafe { std::alloc::dealloc(self.data, layout) }
    }
}

/// Numbers that may cross as raw bytes.
///
/// # Safety
/// Any bits are a value, there is no padding and no pointer.
pub unsafe trait Plain: Copy + 'static {}
// SAFETY: any bits are a value.
unsafe impl Plain for u8 {}
// SAFETY: any bits are a value.
unsafe impl Plain for u32 {}
// SAFETY: any bits are a value.
unsafe impl Plain for u64 {}
// SAFETY: any bits are a value.
unsafe impl Plain for f32 {}

/// [`Predictions`](crate::Predictions) with a fixed layout.
#[repr(C)]
#[derive(Debug)]
pub struct RawPredictions {
    /// 0 = dense, 1 = sparse.
    pub layout: u32,
    /// 0 = no decided sets, 1 = one per text.
    pub has_decided: u32,
    /// Dense: length of a row.
    pub n_labels: u64,
    /// `f32`: dense `[texts, n_labels]`, sparse `[entries]`.
    pub values: Buffer,
    /// `u64`, sparse: `[texts + 1]`.
    pub offsets: Buffer,
    /// `u32`, sparse: `[entries]`.
    pub labels: Buffer,
    /// `u64`: `[texts + 1]`.
    pub decided_offsets: Buffer,
    /// `u32`: all decided sets one after the other.
    pub decided_labels: Buffer,
}

impl RawPredictions {
    /// Nothing predicted.
    pub const EMPTY: Self = Self {
        layout: 0,
        has_decided: 0,
        n_labels: 0,
        values: Buffer::EMPTY,
        offsets: Buffer::EMPTY,
        labels: Buffer::EMPTY,
        decided_offsets: Buffer::EMPTY,
        decided_labels: Buffer::EMPTY,
    };
}

/// [`Embeddings`](crate::Embeddings) with a fixed layout.
#[repr(C)]
#[derive(Debug)]
pub struct RawMatrix {
    /// Length of a row.
    pub width: u64,
    /// `f32`: `[rows, width]`.
    pub values: Buffer,
}

impl RawMatrix {
    /// No rows.
    pub const EMPTY: Self = Self {
        width: 0,
        values: Buffer::EMPTY,
    };
}

/// What `load` answers.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ModelFacts {
    /// See [`Model::threshold`](crate::Model::threshold).
    pub threshold: f32,
}

/// Exports a [`Method`](crate::Method) from a `cdylib` crate: `export_method!(HiAgm, torch = "2.11.0");`.
///
/// `torch` is the version of libtorch that the crate is built for; leave it out when there is none. `name` is the
/// method's name when it differs from the package name without `arborist-`. A crate exports one method, at its root.
#[macro_export]
macro_rules! export_method {
    ($method:ty $(,)?) => {
        $crate::export_method!(@table $method, $crate::seam::method_name(::core::env!("CARGO_PKG_NAME")), "");
    };
    ($method:ty, torch = $torch:expr $(,)?) => {
        $crate::export_method!(@table $method, $crate::seam::method_name(::core::env!("CARGO_PKG_NAME")), $torch);
    };
    ($method:ty, name = $name:expr $(,)?) => {
        $crate::export_method!(@table $method, $name, "");
    };
    ($method:ty, name = $name:expr, torch = $torch:expr $(,)?) => {
        $crate::export_method!(@table $method, $name, $torch);
    };
    (@table $method:ty, $name:expr, $torch:expr) => {
        /// The table through which the host talks to this plugin.
        #[allow(unsafe_code)]
        // SAFETY: a crate exports one method, and only plugins use this name.
        #[unsafe(no_mangle)]
        pub static ARBORIST_PLUGIN: $crate::seam::PluginTable =
            $crate::seam::table::<$method>($name, ::core::env!("CARGO_PKG_VERSION"), $torch);
    };
}

/// A package name without `arborist-`, the name of the method by convention.
#[must_use]
pub const fn method_name(package: &'static str) -> &'static str {
    const PREFIX: &[u8] = b"arborist-";
    match package.as_bytes().split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if is_prefix(prefix, PREFIX) => match std::str::from_utf8(rest) {
            Ok(name) => name,
            Err(_) => package,
        },
        _ => package,
    }
}

#[allow(
    clippy::indexing_slicing,
    reason = "iterators do not work in const functions; both have the same length"
)]
const fn is_prefix(bytes: &[u8], prefix: &[u8]) -> bool {
    let mut index = 0;
    while index < prefix.len() {
        if bytes[index] != prefix[index] {
            return false;
        }
        index += 1;
    }
    true
}
