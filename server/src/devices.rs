//! Devices: what there is to train on, what of it is free, and who was promised how much.
//!
//! The processor is always there, as slots that share its threads. GPUs are found through NVML, which is loaded while the
//! server runs and may be absent; simulated ones stand for them where there are none. What starts where is decided by the
//! queue; this room only knows what could.

pub(crate) mod nvml;
pub mod routes;
mod store;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arborist_shared::api::queue::{Device, DeviceKind, DeviceState};

use crate::App;
use crate::db::DbErr;
use crate::remote::{RAY, RayOptions};
use crate::work::{available_bytes, memory_total};
use nvml::{Gpu, Nvml, Reading};

/// Name of the processor.
pub const CPU: &str = "cpu";
/// Whatever there is.
const AUTO: &str = "auto";
/// Share of a GPU's memory that jobs are promised together; the rest is for contexts and fragments.
const BUDGET: f64 = 0.92;
/// How long memory of a job that has ended may take to come back.
const RELEASE: Duration = Duration::from_secs(10);
/// More than this above what was used before is not noise.
const NOISE: u64 = 256 << 20;

/// A GPU that is only played, for trying out and for tests: jobs on it run on the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// All its memory.
    pub memory_bytes: u64,
}

/// A job on a device.
#[derive(Clone, Debug)]
struct Held {
    place: String,
    memory_bytes: u64,
    exclusive: bool,
}

/// The devices of this server.
#[derive(Debug)]
pub struct Devices {
    cpu_slots: u32,
    threads: u32,
    nvml: Option<Nvml>,
    simulated: Vec<Simulated>,
    cluster: Option<RayOptions>,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    states: BTreeMap<String, DeviceState>,
    held: BTreeMap<i64, Held>,
    problems: BTreeMap<String, String>,
}

/// A device as the planner sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub name: String,
    pub kind: DeviceKind,
    pub state: DeviceState,
    /// Jobs that may still start as far as slots go.
    pub free_slots: Option<u32>,
    /// Memory that may still be promised, and all that ever could; none where that is not known.
    pub free_bytes: Option<u64>,
    pub total_bytes: Option<u64>,
    /// Whether a job has it to itself.
    pub taken_whole: bool,
    /// Jobs at work on it.
    pub n_jobs: usize,
}

/// What a job that starts is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Name of the device.
    pub place: String,
    /// What its child is told: `cpu` or `cuda:N`.
    pub device: String,
    /// Threads; 0 = all.
    pub threads: u32,
    /// What the job was promised.
    pub memory_bytes: Option<u64>,
    /// Memory of the GPU that was used when it started.
    used_before: Option<u64>,
}

impl Devices {
    /// Looks what there is.
    #[must_use]
    pub fn find(cpu_slots: usize, simulated: Vec<Simulated>, cluster: Option<&RayOptions>) -> Self {
        let nvml = if simulated.is_empty() {
            Nvml::load()
        } else {
            None
        };
        let cpu_slots = cpu_slots.max(1) as u32;
        Self {
            cpu_slots,
            // One job has all threads, as on the command line.
            threads: if cpu_slots == 1 {
                0
            } else {
                (cores() / cpu_slots).max(1)
            },
            nvml,
            simulated,
            cluster: cluster.cloned(),
            memory: Mutex::default(),
        }
    }

    /// Reads which devices were taken out of work.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remember(&self, app: &App, owner: &str) -> Result<(), DbErr> {
        let states = store::states(app.db.read(), owner).await?;
        self.lock().states.extend(states);
        Ok(())
    }

    fn set_state(&self, name: &str, state: DeviceState) {
        self.lock().states.insert(name.to_owned(), state);
    }

    /// Jobs at work on a device.
    #[must_use]
    pub fn jobs_on(&self, name: &str) -> Vec<i64> {
        let memory = self.lock();
        let on = memory.held.iter().filter(|(_, held)| held.place == name);
        on.map(|(job, _)| *job).collect()
    }

    /// Whether GPUs are only played.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        !self.simulated.is_empty()
    }

    /// Whether there is a cluster.
    #[must_use]
    pub fn has_cluster(&self) -> bool {
        self.cluster.is_some()
    }

    /// All devices as the planner sees them, the processor first.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        self.all()
            .into_iter()
            .map(|(device, taken_whole)| {
                let promised = device.memory_promised_bytes;
                let promisable = device.memory_total_bytes.map(|total| match device.kind {
                    DeviceKind::Cpu | DeviceKind::Cluster => total,
                    DeviceKind::Cuda => (total as f64 * BUDGET) as u64,
                });
                // What is promised may not be used yet, and what is used may not be promised.
                let unpromised = promisable.map(|all| all.saturating_sub(promised));
                let free = match (unpromised, device.memory_free_bytes) {
                    (Some(unpromised), Some(free)) => Some(unpromised.min(free)),
                    (unpromised, free) => unpromised.or(free),
                };
                Place {
                    free_slots: device
                        .slots
                        .map(|slots| slots.saturating_sub(device.jobs.len() as u32)),
                    free_bytes: free,
                    total_bytes: promisable,
                    taken_whole,
                    n_jobs: device.jobs.len(),
                    name: device.name,
                    kind: device.kind,
                    state: device.state,
                }
            })
            .collect()
    }

    /// All devices as the interface shows them, the processor first.
    #[must_use]
    pub fn show(&self) -> Vec<Device> {
        self.all().into_iter().map(|(device, _)| device).collect()
    }

    fn all(&self) -> Vec<(Device, bool)> {
        let memory = self.lock();
        let mut all = vec![Device {
            name: CPU.to_owned(),
            title: format!("Processor, {} cores", cores()),
            kind: DeviceKind::Cpu,
            simulated: false,
            state: DeviceState::Enabled,
            slots: Some(self.cpu_slots),
            threads: if self.threads == 0 {
                cores()
            } else {
                self.threads
            },
            memory_total_bytes: memory_total(),
            memory_free_bytes: available_bytes(),
            memory_promised_bytes: 0,
            utilization: None,
            temperature: None,
            jobs: Vec::new(),
            problem: None,
        }];
        all.extend(self.gpus().into_iter().map(|gpu| Device {
            name: gpu.name,
            title: gpu.title,
            kind: DeviceKind::Cuda,
            simulated: gpu.simulated,
            state: DeviceState::Enabled,
            slots: None,
            threads: (cores() / self.cpu_slots.max(2)).max(1),
            memory_total_bytes: gpu.reading.as_ref().map(|reading| reading.total_bytes),
            memory_free_bytes: gpu.reading.as_ref().map(|reading| reading.free_bytes),
            memory_promised_bytes: 0,
            utilization: gpu.reading.as_ref().and_then(|reading| reading.utilization),
            temperature: gpu.reading.as_ref().and_then(|reading| reading.temperature),
            jobs: Vec::new(),
            problem: gpu.problem,
        }));
        // Memory over there is Ray's to know.
        all.extend(self.cluster.iter().map(|cluster| Device {
            name: RAY.to_owned(),
            title: format!("Ray cluster at {}", cluster.address),
            kind: DeviceKind::Cluster,
            simulated: false,
            state: DeviceState::Enabled,
            slots: Some(cluster.slots),
            threads: cluster.cpus,
            memory_total_bytes: None,
            memory_free_bytes: None,
            memory_promised_bytes: 0,
            utilization: None,
            temperature: None,
            jobs: Vec::new(),
            problem: None,
        }));
        let finish = |mut device: Device| {
            let mut taken_whole = false;
            for (job, held) in &memory.held {
                if held.place == device.name {
                    device.jobs.push(*job);
                    device.memory_promised_bytes += held.memory_bytes;
                    taken_whole |= held.exclusive;
                }
            }
            if device.simulated {
                let promised = device.memory_promised_bytes;
                device.memory_free_bytes = device
                    .memory_total_bytes
                    .map(|total| total.saturating_sub(promised));
            }
            device.state = memory.states.get(&device.name).copied().unwrap_or_default();
            if let Some(problem) = memory.problems.get(&device.name) {
                device.problem = Some(problem.clone());
            }
            (device, taken_whole)
        };
        all.into_iter().map(finish).collect()
    }

    fn gpus(&self) -> Vec<Gpu> {
        if let Some(nvml) = &self.nvml {
            return nvml.gpus();
        }
        let simulated = self
            .simulated
            .iter()
            .enumerate()
            .map(|(index, simulated)| Gpu {
                name: format!("cuda:{index}"),
                title: "Simulated GPU".to_owned(),
                simulated: true,
                reading: Some(Reading {
                    total_bytes: simulated.memory_bytes,
                    free_bytes: simulated.memory_bytes,
                    utilization: None,
                    temperature: None,
                }),
                problem: None,
            });
        simulated.collect()
    }

    /// Promises a device to a job that starts.
    #[must_use]
    pub fn hold(&self, job: i64, place: &str, memory_bytes: Option<u64>) -> Placement {
        let cluster = self.cluster.as_ref().filter(|_| place == RAY);
        let is_gpu = place != CPU && cluster.is_none();
        let used_before = if is_gpu { self.used(place) } else { None };
        let held = Held {
            place: place.to_owned(),
            memory_bytes: memory_bytes.unwrap_or(0),
            exclusive: is_gpu && memory_bytes.is_none(),
        };
        self.lock().held.insert(job, held);
        if let Some(cluster) = cluster {
            return Placement {
                place: place.to_owned(),
                // Its child looks what Ray gave it.
                device: AUTO.to_owned(),
                threads: cluster.cpus,
                memory_bytes,
                used_before: None,
            };
        }
        let simulated = self.nvml.is_none();
        Placement {
            place: place.to_owned(),
            device: if is_gpu && simulated {
                CPU.to_owned()
            } else {
                place.to_owned()
            },
            threads: if is_gpu {
                (cores() / self.cpu_slots.max(2)).max(1)
            } else {
                self.threads
            },
            memory_bytes,
            used_before,
        }
    }

    /// Takes a promise back once the job has ended, and its memory with it: waits until that is so, and says so on the
    /// device where it does not happen.
    pub async fn release(&self, job: i64, placement: &Placement) {
        let alone = self.jobs_on(&placement.place) == [job];
        if let (Some(before), true) = (placement.used_before, alone) {
            let end = tokio::time::Instant::now() + RELEASE;
            let mut problem = None;
            while let Some(used) = self.used(&placement.place) {
                problem = (used > before + NOISE).then(|| {
                    format!(
                        "{:.1} GB did not come back after job {job}; something else may have taken them",
                        (used - before) as f64 / 1e9
                    )
                });
                if problem.is_none() || tokio::time::Instant::now() > end {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            let mut memory = self.lock();
            match problem {
                Some(problem) => {
                    tracing::warn!(
                        device = placement.place,
                        problem,
                        "memory of a GPU is missing"
                    );
                    memory.problems.insert(placement.place.clone(), problem);
                }
                None => {
                    memory.problems.remove(&placement.place);
                }
            }
        }
        self.lock().held.remove(&job);
    }

    fn used(&self, place: &str) -> Option<u64> {
        self.nvml.as_ref()?.used(place)
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cores() -> u32 {
    crate::work::program::resolve_threads(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_are_kept_until_they_are_taken_back() {
        let gpu = Simulated {
            memory_bytes: 1_000,
        };
        let devices = Devices::find(2, vec![gpu, gpu], None);
        let names: Vec<String> = devices
            .places()
            .into_iter()
            .map(|place| place.name)
            .collect();
        assert_eq!(names, ["cpu", "cuda:0", "cuda:1"]);
        let placement = devices.hold(7, "cuda:1", Some(300));
        // Where there is no GPU, the processor plays one.
        assert_eq!(placement.device, "cpu");
        let places = devices.places();
        assert_eq!((places[2].free_bytes, places[2].n_jobs), (Some(620), 1));
        assert_eq!((places[1].free_bytes, places[1].n_jobs), (Some(920), 0));
        let whole = devices.hold(8, "cuda:0", None);
        assert!(devices.places()[1].taken_whole);
        let _ = devices.hold(9, "cpu", Some(1));
        assert_eq!(devices.places()[0].free_slots, Some(1));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(devices.release(8, &whole));
        runtime.block_on(devices.release(7, &placement));
        let places = devices.places();
        assert!(!places[1].taken_whole);
        assert_eq!(places[2].free_bytes, Some(920));
    }
}
