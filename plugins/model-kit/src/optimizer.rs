//! Adam and `AdamW` over one flattened buffer of parameters, tables row by row (METHODS 1.10, 1.14).
//!
//! tch offers optimizers that visit parameters one by one with several operations each. Here values, moments and
//! gradients are read and written once per update; the numbers are those of `PyTorch`'s Adam.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::cpu::adam::{self, StepFactors, Stretch, Update};
use crate::cpu::{parallel, slices};
use crate::error::KitError;
use crate::parameters::Parameters;
use crate::word_table::{SavedMoments, WordTable};

/// Values that one task of an update covers.
const TASK: usize = 1 << 16;
/// Parameters begin at multiples of this, so that vector loads stay aligned.
const ALIGNMENT: usize = 16;

/// How parameters move.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamOptions {
    pub learning_rate: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub epsilon: f64,
    /// Decoupled weight decay (`AdamW`); 0 makes it Adam. Biases and layer norms never decay.
    pub weight_decay: f64,
    /// Gradients are scaled down to this norm when theirs is larger.
    pub clip_norm: Option<f64>,
}

impl Default for AdamOptions {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            clip_norm: None,
        }
    }
}

/// A parameter's place in the buffer.
struct Span {
    start: usize,
    length: usize,
    decayed: bool,
}

/// Adam with its moments.
pub struct Optimizer {
    options: AdamOptions,
    device: Device,
    /// Handles of the trained parameters, which view the buffer.
    parameters: Vec<Tensor>,
    spans: Vec<Span>,
    values: Tensor,
    first: Tensor,
    second: Tensor,
    tables: Vec<Table>,
    updates: u32,
}

struct Table {
    table: Rc<WordTable>,
    /// Moments of a table that is not in main memory and is trained densely.
    dense: Option<(Tensor, Tensor)>,
}

impl Optimizer {
    /// Moves all trained parameters into one buffer. The tensors that models hold stay valid.
    #[must_use]
    pub fn new(parameters: &Parameters, options: AdamOptions) -> Self {
        let device = parameters.device();
        let mut spans = Vec::new();
        let mut handles = Vec::new();
        let mut end = 0;
        for entry in parameters.entries().iter().filter(|entry| entry.trained) {
            let length = entry.tensor.numel();
            spans.push(Span {
                start: end,
                length,
                decayed: entry.decayed,
            });
            handles.push(entry.tensor.shallow_clone());
            end += length.next_multiple_of(ALIGNMENT);
        }
        let values = Tensor::zeros([end as i64], (Kind::Float, device));
        tch::no_grad(|| {
            for (handle, span) in handles.iter_mut().zip(&spans) {
                let view = values
                    .narrow(0, span.start as i64, span.length as i64)
                    .view(handle.size().as_slice());
                view.shallow_clone().copy_(&*handle);
                handle.set_data(&view);
            }
        });
        let tables = parameters
            .tables()
            .iter()
            .map(|table| {
                let dense = (device != Device::Cpu)
                    .then(|| (table.values().zeros_like(), table.values().zeros_like()));
                if dense.is_none() {
                    table.begin_training(options.weight_decay > 0.0);
                }
                Table {
                    table: Rc::clone(table),
                    dense,
                }
            })
            .collect();
        Self {
            options,
            device,
            parameters: handles,
            spans,
            first: values.zeros_like(),
            second: values.zeros_like(),
            values,
            tables,
            updates: 0,
        }
    }

    /// The leaves whose gradients an update needs, in its order.
    #[must_use]
    pub fn wanted(&self) -> Vec<&Tensor> {
        self.parameters.iter().collect()
    }

    /// Updates so far.
    #[must_use]
    pub fn updates(&self) -> u32 {
        self.updates
    }

    /// One update. `gradients` in the order of [`Optimizer::wanted`], each multiplied by `scale` first; parameters without a gradient stay.
    pub fn update(&mut self, gradients: &[Option<Tensor>], learning_rate: f64, scale: f64) {
        let gradients: Vec<Option<Tensor>> = gradients
            .iter()
            .map(|gradient| {
                gradient
                    .as_ref()
                    .map(|gradient| gradient.contiguous().detach())
            })
            .collect();
        self.updates += 1;
        let factors = [false, true].map(|decayed| self.factors(learning_rate, decayed));
        tch::no_grad(|| {
            if self.device == Device::Cpu {
                let scale = self.scale_here(&gradients, scale);
                self.update_here(&gradients, factors, scale as f32);
            } else {
                let scale = self.scale_there(&gradients, scale);
                self.update_there(&gradients, factors, &scale);
            }
        });
    }

    /// What gradients are multiplied by to be within the limit of their norm.
    fn scale_here(&self, gradients: &[Option<Tensor>], scale: f64) -> f64 {
        let clip = self.clip(gradients, scale);
        scale * clip.map_or(1.0, |clip| clip.double_value(&[]).min(1.0))
    }

    /// The same as a number that stays on its device: nothing waits for it.
    fn scale_there(&self, gradients: &[Option<Tensor>], scale: f64) -> Tensor {
        match self.clip(gradients, scale) {
            Some(clip) => clip.clamp_max(1.0) * scale,
            None => Tensor::from(scale),
        }
    }

    fn factors(&self, learning_rate: f64, decayed: bool) -> StepFactors {
        let AdamOptions {
            beta1,
            beta2,
            epsilon,
            weight_decay,
            ..
        } = self.options;
        let updates = f64::from(self.updates);
        StepFactors {
            beta1: beta1 as f32,
            beta2: beta2 as f32,
            epsilon: epsilon as f32,
            step_size: (learning_rate / (1.0 - beta1.powf(updates))) as f32,
            root_correction: (1.0 / (1.0 - beta2.powf(updates)).sqrt()) as f32,
            keep: if decayed {
                (1.0 - learning_rate * weight_decay) as f32
            } else {
                1.0
            },
        }
    }

    /// Factor that brings the norm of all gradients, each multiplied by `scale`, to the limit, above 1 where it is below:
    /// a number on the device. None without a limit.
    fn clip(&self, gradients: &[Option<Tensor>], scale: f64) -> Option<Tensor> {
        let limit = self.options.clip_norm?;
        let dense = gradients.iter().flatten();
        let mut squares: Vec<Tensor> = dense
            .map(|gradient| gradient.square().sum(Kind::Double))
            .collect();
        squares.extend(self.tables.iter().map(|table| table.table.square_norm()));
        if squares.is_empty() {
            return None;
        }
        let norm = Tensor::stack(&squares, 0).sum(Kind::Double).sqrt() * scale;
        Some(norm.full_like(limit) / (norm + 1e-6))
    }

    fn update_here(&mut self, gradients: &[Option<Tensor>], factors: [StepFactors; 2], scale: f32) {
        let mut values = slices::write(&mut self.values);
        let mut first = slices::write(&mut self.first);
        let mut second = slices::write(&mut self.second);
        let mut tasks = Vec::new();
        let mut end = 0;
        for (span, gradient) in self.spans.iter().zip(gradients) {
            let skip = span.start - end;
            end = span.start + span.length;
            let (mut own_values, rest) = cut(values, skip, span.length);
            values = rest;
            let (mut own_first, rest) = cut(first, skip, span.length);
            first = rest;
            let (mut own_second, rest) = cut(second, skip, span.length);
            second = rest;
            let Some(gradient) = gradient else { continue };
            for gradient in slices::read(gradient).chunks(TASK) {
                let stretch;
                (stretch, own_values, own_first, own_second) =
                    front(own_values, own_first, own_second, gradient.len());
                tasks.push(Update {
                    stretch,
                    gradient,
                    gradient_scale: scale,
                    factors: factors[usize::from(span.decayed)],
                });
            }
        }
        parallel::run(tasks, adam::update);
        for table in &self.tables {
            table.table.update(factors[1], scale);
        }
    }

    /// The same with libtorch's operations, for other devices. `scale`: a number.
    fn update_there(
        &mut self,
        gradients: &[Option<Tensor>],
        factors: [StepFactors; 2],
        scale: &Tensor,
    ) {
        for (span, gradient) in self.spans.iter().zip(gradients) {
            let Some(gradient) = gradient else { continue };
            let part = |buffer: &Tensor| buffer.narrow(0, span.start as i64, span.length as i64);
            let gradient = gradient.flatten(0, -1) * scale;
            tensor_update(
                &part(&self.values),
                &part(&self.first),
                &part(&self.second),
                &gradient,
                factors[usize::from(span.decayed)],
            );
        }
        for table in &mut self.tables {
            let gradient = table.table.take_dense_gradient();
            if let (Some((first, second)), Some(gradient)) = (&table.dense, gradient) {
                tensor_update(
                    table.table.values(),
                    first,
                    second,
                    &(gradient * scale),
                    factors[1],
                );
            }
        }
    }

    /// Brings tables up to date, before the model is evaluated or saved.
    pub fn settle(&self) {
        for table in &self.tables {
            table.table.settle();
        }
    }

    /// Everything but the values, for a checkpoint: named tensors.
    #[must_use]
    pub fn state(&self) -> Vec<(String, Tensor)> {
        self.settle();
        let mut tensors = vec![
            ("first".to_owned(), self.first.shallow_clone()),
            ("second".to_owned(), self.second.shallow_clone()),
        ];
        for table in &self.tables {
            let name = table.table.name();
            if let Some((first, second)) = &table.dense {
                tensors.push((format!("{name}.first"), first.shallow_clone()));
                tensors.push((format!("{name}.second"), second.shallow_clone()));
            } else if let Some(moments) = table.table.moments() {
                tensors.push((format!("{name}.rows"), moments.rows));
                tensors.push((format!("{name}.first"), moments.first));
                tensors.push((format!("{name}.second"), moments.second));
            }
        }
        tensors
    }

    /// Takes back what [`Optimizer::state`] gave, after as many updates.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn restore(
        &mut self,
        mut state: std::collections::BTreeMap<String, Tensor>,
        updates: u32,
    ) -> Result<(), KitError> {
        let mut take = |name: &str| {
            state
                .remove(name)
                .ok_or_else(|| KitError::Mismatch(format!("the tensor `{name}` is missing")))
        };
        tch::no_grad(|| {
            for (name, target) in [("first", &mut self.first), ("second", &mut self.second)] {
                target.f_copy_(&take(name)?)?;
            }
            for table in &mut self.tables {
                let name = table.table.name().to_owned();
                if let Some((first, second)) = &mut table.dense {
                    first.f_copy_(&take(&format!("{name}.first"))?)?;
                    second.f_copy_(&take(&format!("{name}.second"))?)?;
                } else {
                    let rows = take(&format!("{name}.rows"))?;
                    let (first, second) = (
                        take(&format!("{name}.first"))?,
                        take(&format!("{name}.second"))?,
                    );
                    table.table.restore_moments(
                        &SavedMoments {
                            rows,
                            first,
                            second,
                        },
                        updates,
                    )?;
                }
            }
            Ok::<(), KitError>(())
        })?;
        self.updates = updates;
        Ok(())
    }
}

impl Drop for Optimizer {
    fn drop(&mut self) {
        for table in &self.tables {
            table.table.end_training();
        }
    }
}

fn cut(slice: &mut [f32], skip: usize, length: usize) -> (&mut [f32], &mut [f32]) {
    slice[skip..].split_at_mut(length)
}

type Rest<'a> = (Stretch<'a>, &'a mut [f32], &'a mut [f32], &'a mut [f32]);

fn front<'a>(
    values: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    length: usize,
) -> Rest<'a> {
    let (values, values_rest) = values.split_at_mut(length);
    let (first, first_rest) = first.split_at_mut(length);
    let (second, second_rest) = second.split_at_mut(length);
    (
        Stretch {
            values,
            first,
            second,
        },
        values_rest,
        first_rest,
        second_rest,
    )
}

fn tensor_update(
    values: &Tensor,
    first: &Tensor,
    second: &Tensor,
    gradient: &Tensor,
    factors: StepFactors,
) {
    let StepFactors {
        beta1,
        beta2,
        epsilon,
        step_size,
        root_correction,
        keep,
    } = factors;
    let _ = first
        .shallow_clone()
        .g_mul_scalar_(f64::from(beta1))
        .g_add_(&(gradient * (1.0 - f64::from(beta1))));
    let _ = second
        .shallow_clone()
        .g_mul_scalar_(f64::from(beta2))
        .addcmul_(gradient, &(gradient * (1.0 - f64::from(beta2))));
    let denominator = second.sqrt() * f64::from(root_correction) + f64::from(epsilon);
    let _ = values
        .shallow_clone()
        .g_mul_scalar_(f64::from(keep))
        .g_sub_(&(first / denominator * f64::from(step_size)));
}

#[cfg(test)]
mod tests;
