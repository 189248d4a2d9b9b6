//! The named tensors of a model: made fresh from a seed or read from a checkpoint, trained, saved.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use tch::{Device, Kind, Tensor};

use crate::cpu::parallel;
use crate::error::KitError;
use crate::files::Durability;
use crate::initializer::Initializer;
use crate::word_table::WordTable;

/// A named tensor of a model.
#[derive(Debug)]
pub struct Parameter {
    pub name: String,
    pub tensor: Tensor,
    /// Whether the optimizer changes it.
    pub trained: bool,
    /// Whether weight decay applies.
    pub decayed: bool,
    /// Whether prediction does without it.
    pub auxiliary: bool,
    /// Whether it is computed from others and only kept here: no parameter of the model.
    pub computed: bool,
}

/// Where values come from.
enum Source {
    /// Initializers, but for tensors that are given.
    Seed(u64, BTreeMap<String, Tensor>),
    Checkpoint(BTreeMap<String, Tensor>),
}

/// All named tensors of a model.
pub struct Parameters {
    device: Device,
    kind: Kind,
    source: Source,
    /// Whether what is added now is for training only.
    auxiliary: bool,
    /// Whether what is added now stays as it is.
    frozen: bool,
    entries: Vec<Parameter>,
    tables: Vec<Rc<WordTable>>,
}

impl Parameters {
    /// Parameters that start from their initializers.
    #[must_use]
    pub fn fresh(device: Device, seed: u64) -> Self {
        Self {
            device,
            kind: Kind::Float,
            auxiliary: false,
            frozen: false,
            source: Source::Seed(seed, BTreeMap::new()),
            entries: Vec::new(),
            tables: Vec::new(),
        }
    }

    /// The same, but parameters of these names start from these values. What nobody adds is not looked at.
    ///
    /// # Panics
    /// If the parameters come from a checkpoint.
    #[must_use]
    pub fn starting_from(self, given: BTreeMap<String, Tensor>) -> Self {
        let Source::Seed(seed, _) = self.source else {
            panic!("a checkpoint has all its values")
        };
        Self {
            source: Source::Seed(seed, given),
            ..self
        }
    }

    /// Whether a parameter that is not added yet has values that were given.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        match &self.source {
            Source::Seed(_, tensors) | Source::Checkpoint(tensors) => tensors.contains_key(name),
        }
    }

    /// Parameters that start from a safetensors file; initializers are not used.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn from_file(device: Device, path: &Path) -> Result<Self, KitError> {
        Ok(Self {
            device,
            kind: Kind::Float,
            auxiliary: false,
            frozen: false,
            source: Source::Checkpoint(read_tensors(path)?),
            entries: Vec::new(),
            tables: Vec::new(),
        })
    }

    /// Parameters in double precision, for checks of gradients: all blocks then compute with libtorch's operations.
    #[must_use]
    pub fn in_double(self) -> Self {
        Self {
            kind: Kind::Double,
            ..self
        }
    }

    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Groups that a batch for these parameters is cut into: as many as threads work on it, one for libtorch's own
    /// operations, which take all documents together.
    #[must_use]
    pub fn groups(&self) -> usize {
        if self.device == Device::Cpu && self.kind == Kind::Float {
            parallel::threads()
        } else {
            1
        }
    }

    /// Kind and device of all parameters.
    #[must_use]
    pub fn options(&self) -> (Kind, Device) {
        (self.kind, self.device)
    }

    /// Adds parameters that only training needs: a model for prediction comes without them.
    ///
    /// # Errors
    /// Those of `add`.
    pub fn for_training<T>(
        &mut self,
        add: impl FnOnce(&mut Self) -> Result<T, KitError>,
    ) -> Result<T, KitError> {
        let before = std::mem::replace(&mut self.auxiliary, true);
        let added = add(self);
        self.auxiliary = before;
        added
    }

    /// Adds parameters that stay as they are.
    ///
    /// # Errors
    /// Those of `add`.
    pub fn frozen<T>(
        &mut self,
        add: impl FnOnce(&mut Self) -> Result<T, KitError>,
    ) -> Result<T, KitError> {
        let before = std::mem::replace(&mut self.frozen, true);
        let added = add(self);
        self.frozen = before;
        added
    }

    /// Adds a trained parameter.
    ///
    /// # Errors
    /// When the checkpoint does not have it in this shape.
    pub fn add(
        &mut self,
        name: &str,
        shape: &[i64],
        initializer: &Initializer,
    ) -> Result<Tensor, KitError> {
        self.insert(name, shape, initializer, !self.frozen)
    }

    /// Adds a parameter that stays as it is.
    ///
    /// # Errors
    /// As [`Parameters::add`].
    pub fn add_frozen(
        &mut self,
        name: &str,
        shape: &[i64],
        initializer: &Initializer,
    ) -> Result<Tensor, KitError> {
        self.insert(name, shape, initializer, false)
    }

    /// Adds a tensor that is computed from others and kept with them. It does not count as a parameter.
    ///
    /// # Errors
    /// As [`Parameters::add`].
    pub fn add_computed(&mut self, name: &str, shape: &[i64]) -> Result<Tensor, KitError> {
        let tensor = self.add_frozen(name, shape, &Initializer::Constant(0.0))?;
        if let Some(entry) = self.entries.last_mut() {
            entry.computed = true;
        }
        Ok(tensor)
    }

    fn insert(
        &mut self,
        name: &str,
        shape: &[i64],
        initializer: &Initializer,
        trained: bool,
    ) -> Result<Tensor, KitError> {
        assert!(
            self.entries.iter().all(|entry| entry.name != name),
            "two parameters are called `{name}`"
        );
        let values = self.values(name, shape, initializer)?;
        let tensor = if trained {
            values.set_requires_grad(true)
        } else {
            values
        };
        // As the common rule has it: biases and layer norms do not decay.
        let decayed = !(name.contains("bias") || name.contains("LayerNorm.weight"));
        self.entries.push(Parameter {
            name: name.to_owned(),
            tensor: tensor.shallow_clone(),
            trained,
            decayed,
            auxiliary: self.auxiliary,
            computed: false,
        });
        Ok(tensor)
    }

    /// Adds a table whose rows are trained sparsely. `padding_row` starts at zero and stays there.
    ///
    /// # Errors
    /// As [`Parameters::add`].
    pub fn add_table(
        &mut self,
        name: &str,
        shape: [i64; 2],
        initializer: &Initializer,
        padding_row: Option<u32>,
    ) -> Result<Rc<WordTable>, KitError> {
        assert!(
            self.tables.iter().all(|table| table.name() != name),
            "two tables are called `{name}`"
        );
        let mut values = self.values(name, &shape, initializer)?;
        if let Some(row) = padding_row {
            values = values.detach();
            let _ = values.get(i64::from(row)).zero_();
        }
        let table = Rc::new(WordTable::new(name, values, padding_row));
        self.tables.push(Rc::clone(&table));
        Ok(table)
    }

    fn values(
        &mut self,
        name: &str,
        shape: &[i64],
        initializer: &Initializer,
    ) -> Result<Tensor, KitError> {
        let given = match &mut self.source {
            Source::Seed(seed, given) => match given.remove(name) {
                Some(tensor) => tensor,
                None => {
                    let options = (self.kind, self.device);
                    return Ok(initializer.tensor(*seed, name, shape, options));
                }
            },
            Source::Checkpoint(tensors) => tensors
                .remove(name)
                .ok_or_else(|| KitError::Mismatch(format!("the tensor `{name}` is missing")))?,
        };
        if given.size() != shape {
            return Err(KitError::Mismatch(format!(
                "`{name}` has the shape {:?}, expected {shape:?}",
                given.size()
            )));
        }
        Ok(given.to_device(self.device).to_kind(self.kind))
    }

    /// All parameters but tables, in the order in which they were added.
    #[must_use]
    pub fn entries(&self) -> &[Parameter] {
        &self.entries
    }

    /// The tables.
    #[must_use]
    pub fn tables(&self) -> &[Rc<WordTable>] {
        &self.tables
    }

    /// Number of values in all parameters and tables, without those that are computed.
    #[must_use]
    pub fn count(&self) -> i64 {
        let learned = self.entries.iter().filter(|entry| !entry.computed);
        let dense: usize = learned.map(|entry| entry.tensor.numel()).sum();
        let sparse: usize = self.tables.iter().map(|table| table.values().numel()).sum();
        (dense + sparse) as i64
    }

    /// Writes all values to a safetensors file, which appears only when it is complete.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path, durability: Durability) -> Result<(), KitError> {
        self.write(path, durability, |_| true)
    }

    /// The same without what only training needs.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save_model(&self, path: &Path, durability: Durability) -> Result<(), KitError> {
        self.write(path, durability, |entry| !entry.auxiliary)
    }

    fn write(
        &self,
        path: &Path,
        durability: Durability,
        which: impl Fn(&Parameter) -> bool,
    ) -> Result<(), KitError> {
        let mut tensors: Vec<(String, Tensor)> = self
            .entries
            .iter()
            .filter(|entry| which(entry))
            .map(|entry| (entry.name.clone(), entry.tensor.detach()))
            .collect();
        tensors.extend(
            self.tables
                .iter()
                .map(|table| (table.name().to_owned(), table.values().detach())),
        );
        write_tensors(&tensors, path, durability)
    }

    /// Overwrites values with those of a file that [`Parameters::save_model`] wrote; what only training needs stays.
    ///
    /// # Errors
    /// When the file cannot be read, or has other tensors.
    pub fn restore_model(&self, path: &Path) -> Result<(), KitError> {
        self.overwrite(read_tensors(path)?, |entry| !entry.auxiliary)
    }

    /// Overwrites all values.
    pub(crate) fn assign(&self, tensors: BTreeMap<String, Tensor>) -> Result<(), KitError> {
        self.overwrite(tensors, |_| true)
    }

    fn overwrite(
        &self,
        mut tensors: BTreeMap<String, Tensor>,
        which: impl Fn(&Parameter) -> bool,
    ) -> Result<(), KitError> {
        let own = self
            .entries
            .iter()
            .filter(|entry| which(entry))
            .map(|entry| (entry.name.as_str(), &entry.tensor));
        let tables = self
            .tables
            .iter()
            .map(|table| (table.name(), table.values()));
        tch::no_grad(|| {
            for (name, target) in own.chain(tables) {
                let tensor = tensors
                    .remove(name)
                    .ok_or_else(|| KitError::Mismatch(format!("the tensor `{name}` is missing")))?;
                if tensor.size() != target.size() {
                    return Err(KitError::Mismatch(format!(
                        "`{name}` has the shape {:?}, expected {:?}",
                        tensor.size(),
                        target.size()
                    )));
                }
                target.detach().copy_(&tensor);
            }
            Ok(())
        })
    }
}

/// Reads all tensors of a safetensors file.
pub fn read_tensors(path: &Path) -> Result<BTreeMap<String, Tensor>, KitError> {
    if !path.is_file() {
        return Err(KitError::broken(path, "there is no such file"));
    }
    let tensors = Tensor::read_safetensors(path).map_err(|error| KitError::broken(path, error))?;
    Ok(tensors.into_iter().collect())
}

/// Writes tensors to a safetensors file, which appears only when it is complete.
pub fn write_tensors(
    tensors: &[(String, Tensor)],
    path: &Path,
    durability: Durability,
) -> Result<(), KitError> {
    let on_host: Vec<(&str, Tensor)> = tensors
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor.to_device(Device::Cpu).contiguous()))
        .collect();
    crate::files::replace(path, durability, |partial| {
        Tensor::write_safetensors(&on_host, partial)
            .map_err(|error| KitError::broken(partial, error))
    })
}
