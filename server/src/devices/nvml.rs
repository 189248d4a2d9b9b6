//! GPUs as NVIDIA's management library tells of them. The library belongs to the driver; where there is none, there are no
//! GPUs, and that is all.

use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;

/// The library, loaded.
pub(crate) struct Nvml {
    library: nvml_wrapper::Nvml,
    /// The library's index of each device, in CUDA's order.
    visible: Vec<u32>,
}

impl std::fmt::Debug for Nvml {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nvml")
            .field("visible", &self.visible)
            .finish()
    }
}

/// A GPU, as it is at this moment.
#[derive(Clone, Debug)]
pub(super) struct Gpu {
    /// `cuda:N`, as children name it.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) simulated: bool,
    pub(super) reading: Option<Reading>,
    /// Why it could not be read.
    pub(super) problem: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) total_bytes: u64,
    pub(super) free_bytes: u64,
    /// 0 to 1.
    pub(super) utilization: Option<f64>,
    pub(super) temperature: Option<u32>,
}

impl Nvml {
    /// Loads the library; none where there is no driver.
    pub(crate) fn load() -> Option<Self> {
        let library = match nvml_wrapper::Nvml::init() {
            Ok(library) => library,
            Err(error) => {
                tracing::debug!(%error, "no NVML, so no GPUs");
                return None;
            }
        };
        let visible = match visible(
            &library,
            std::env::var("CUDA_VISIBLE_DEVICES").ok().as_deref(),
        ) {
            Ok(visible) => visible,
            Err(error) => {
                tracing::warn!(%error, "cannot list the GPUs");
                return None;
            }
        };
        (!visible.is_empty()).then_some(Self { library, visible })
    }

    pub(super) fn gpus(&self) -> Vec<Gpu> {
        let gpu = |(number, index): (usize, &u32)| {
            let name = format!("cuda:{number}");
            match self.read(*index) {
                Ok((title, reading)) => Gpu {
                    name,
                    title,
                    simulated: false,
                    reading: Some(reading),
                    problem: None,
                },
                Err(error) => Gpu {
                    name,
                    title: "GPU".to_owned(),
                    simulated: false,
                    reading: None,
                    problem: Some(format!("it cannot be read: {error}")),
                },
            }
        };
        self.visible.iter().enumerate().map(gpu).collect()
    }

    fn read(&self, index: u32) -> Result<(String, Reading), NvmlError> {
        let device = self.library.device_by_index(index)?;
        let memory = device.memory_info()?;
        let reading = Reading {
            total_bytes: memory.total,
            free_bytes: memory.free,
            // Not all devices tell these, virtual ones least of all.
            utilization: device
                .utilization_rates()
                .ok()
                .map(|rates| f64::from(rates.gpu) / 100.0),
            temperature: device.temperature(TemperatureSensor::Gpu).ok(),
        };
        Ok((device.name()?, reading))
    }

    /// Bytes of a device that somebody uses.
    pub(super) fn used(&self, name: &str) -> Option<u64> {
        let number: usize = name.strip_prefix("cuda:")?.parse().ok()?;
        let device = self
            .library
            .device_by_index(*self.visible.get(number)?)
            .ok()?;
        device.memory_info().ok().map(|memory| memory.used)
    }
}

/// The library's indexes of the devices that CUDA shows, where the variable picks some by index or by UUID.
fn visible(library: &nvml_wrapper::Nvml, variable: Option<&str>) -> Result<Vec<u32>, NvmlError> {
    let n = library.device_count()?;
    let Some(variable) = variable else {
        return Ok((0..n).collect());
    };
    let mut visible = Vec::new();
    for word in variable.split(',').map(str::trim) {
        let index = match word.parse::<u32>() {
            Ok(index) if index < n => Some(index),
            Ok(_) => None,
            Err(_) => library
                .device_by_uuid(word)
                .and_then(|device| device.index())
                .ok(),
        };
        // As CUDA reads it: what comes after a device that is not there does not count.
        let Some(index) = index else { break };
        visible.push(index);
    }
    Ok(visible)
}
