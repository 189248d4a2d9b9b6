//! Arrays of numbers as safetensors, read one after the other, so that the file is never in memory beside the arrays.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use arborist_plugin_api::ModelError;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, View, serialize_to_file};

/// Bytes that are converted at once.
const CHUNK: usize = 1 << 20;
/// A header longer than this is none of ours.
const MAX_HEADER: u64 = 1 << 20;

/// An array and its shape.
pub(super) enum Tensor<'a> {
    F32(&'a [f32], Vec<usize>),
    U32(&'a [u32], Vec<usize>),
    U64(&'a [u64], Vec<usize>),
}

impl View for Tensor<'_> {
    fn dtype(&self) -> Dtype {
        match self {
            Self::F32(..) => Dtype::F32,
            Self::U32(..) => Dtype::U32,
            Self::U64(..) => Dtype::U64,
        }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Self::F32(_, shape) | Self::U32(_, shape) | Self::U64(_, shape) => shape,
        }
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(match self {
            Self::F32(values, _) => values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
            Self::U32(values, _) => values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
            Self::U64(values, _) => values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
        })
    }

    fn data_len(&self) -> usize {
        match self {
            Self::F32(values, _) => size_of_val(*values),
            Self::U32(values, _) => size_of_val(*values),
            Self::U64(values, _) => size_of_val(*values),
        }
    }
}

/// Writes a file with these arrays; it appears under its name when it is complete.
pub(super) fn write(path: &Path, tensors: Vec<(&str, Tensor<'_>)>) -> Result<(), ModelError> {
    serialize_to_file(tensors, None, path)
        .map_err(|error| ModelError::failed(format!("cannot write {}", path.display()), error))?;
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(ModelError::io(format!("cannot write {}", path.display())))
}

/// Reads arrays from a file.
pub(super) struct Reader {
    path: PathBuf,
    file: File,
    /// Where the arrays begin.
    start: u64,
    metadata: Metadata,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, ModelError> {
        let failed = || format!("cannot read {}", path.display());
        let mut file = File::open(path).map_err(ModelError::io(failed()))?;
        let mut length = [0; 8];
        file.read_exact(&mut length)
            .map_err(ModelError::io(failed()))?;
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER {
            return Err(ModelError::failed(
                failed(),
                format_args!("its header has {length} bytes"),
            ));
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header)
            .map_err(ModelError::io(failed()))?;
        let metadata: Metadata =
            serde_json::from_slice(&header).map_err(|error| ModelError::failed(failed(), error))?;
        let start = 8 + length;
        let size = file.metadata().map_err(ModelError::io(failed()))?.len();
        if size != start + metadata.data_len() as u64 {
            return Err(ModelError::failed(
                failed(),
                format_args!(
                    "found {size} bytes, expected {}",
                    start + metadata.data_len() as u64
                ),
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            start,
            metadata,
        })
    }

    pub(super) fn f32(&mut self, name: &str) -> Result<Vec<f32>, ModelError> {
        self.read(name, Dtype::F32, f32::from_le_bytes)
    }

    pub(super) fn u32(&mut self, name: &str) -> Result<Vec<u32>, ModelError> {
        self.read(name, Dtype::U32, u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, name: &str) -> Result<Vec<u64>, ModelError> {
        self.read(name, Dtype::U64, u64::from_le_bytes)
    }

    fn read<const WIDTH: usize, T>(
        &mut self,
        name: &str,
        dtype: Dtype,
        convert: impl Fn([u8; WIDTH]) -> T,
    ) -> Result<Vec<T>, ModelError> {
        let broken = |what: String| {
            ModelError::Failed(format!("{} is damaged: {what}", self.path.display()))
        };
        let info = self
            .metadata
            .info(name)
            .ok_or_else(|| broken(format!("no tensor `{name}`")))?;
        let (start, end) = info.data_offsets;
        if info.dtype != dtype
            || start > end
            || end > self.metadata.data_len()
            || (end - start) % WIDTH != 0
        {
            return Err(broken(format!("tensor `{name}` is not what was expected")));
        }
        let failed = ModelError::io(format!("cannot read {}", self.path.display()));
        let mut read = || {
            self.file.seek(SeekFrom::Start(self.start + start as u64))?;
            let mut values = Vec::with_capacity((end - start) / WIDTH);
            let mut buffer = vec![0; CHUNK.min(end - start)];
            let mut left = end - start;
            while left > 0 {
                let chunk = &mut buffer[..left.min(CHUNK)];
                self.file.read_exact(chunk)?;
                left -= chunk.len();
                values.extend(chunk.as_chunks().0.iter().map(|&bytes| convert(bytes)));
            }
            Ok(values)
        };
        read().map_err(failed)
    }
}
