//! Which waiting jobs start where, and why the others wait. Pure: a list of jobs in, a list of verdicts out.
//!
//! Jobs are looked at in their order. One that does not fit yet keeps the places that it could have from those behind it:
//! nothing overtakes on a device, so that a large job is not put off for ever by small ones. Jobs for other devices go on.

use arborist_shared::api::queue::{DeviceKind, DeviceState};

use super::store::order::Candidate;
use crate::devices::Place;

/// Any device that fits: a GPU where there is one and the method can use it.
pub(crate) const ANY: &str = "auto";

/// What is to be done with a waiting job.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Start on this place.
    Start(String),
    /// Wait; in words.
    Wait(String),
}

/// Decides for each job, and enters what starts into `places`.
pub(crate) fn plan(waiting: &[Candidate], places: &mut [Place]) -> Vec<Verdict> {
    let mut spoken_for: Vec<Option<i64>> = vec![None; places.len()];
    waiting
        .iter()
        .map(|job| decide(job, places, &mut spoken_for))
        .collect()
}

fn decide(job: &Candidate, places: &mut [Place], spoken_for: &mut [Option<i64>]) -> Verdict {
    let asked = job.device.as_deref().unwrap_or("cpu");
    let memory = job.memory_bytes.map(|bytes| bytes as u64);
    let mut could = possible(asked, memory, places);
    if could.is_empty() {
        // A device that is not there is told by the child, which knows why.
        let is_known = asked == ANY || places.iter().any(|place| place.name == asked);
        if is_known {
            return Verdict::Wait(too_large(asked, memory, places));
        }
        could = possible("cpu", None, places);
    }
    let mut reason = None;
    for &index in &could {
        if let Some(other) = spoken_for[index] {
            reason.get_or_insert(format!(
                "job {other} is before it on {}",
                places[index].name
            ));
            continue;
        }
        match fits(&places[index], memory) {
            Ok(()) => {
                start(&mut places[index], memory);
                return Verdict::Start(places[index].name.clone());
            }
            Err(why) => {
                reason.get_or_insert(why);
            }
        }
    }
    for &index in &could {
        // A closed device keeps nobody waiting who could go elsewhere, nor those behind.
        if places[index].state == DeviceState::Enabled {
            spoken_for[index].get_or_insert(job.id);
        }
    }
    Verdict::Wait(reason.unwrap_or_else(|| "there is no device for it".to_owned()))
}

/// Places that could ever take the job, the best first.
fn possible(asked: &str, memory: Option<u64>, places: &[Place]) -> Vec<usize> {
    let large_enough = |place: &Place| match (memory, place.total_bytes) {
        (Some(memory), Some(total)) => memory <= total,
        _ => true,
    };
    let of = |wanted: &dyn Fn(&Place) -> bool| -> Vec<usize> {
        let mut found: Vec<usize> = (0..places.len())
            .filter(|&index| wanted(&places[index]) && large_enough(&places[index]))
            .collect();
        // The one with the most room first; a closed one last.
        found.sort_by_key(|&index| {
            let place = &places[index];
            let closed = place.state != DeviceState::Enabled;
            (
                closed,
                std::cmp::Reverse(place.free_bytes.unwrap_or(0)),
                index,
            )
        });
        found
    };
    if asked != ANY {
        return of(&|place| place.name == asked);
    }
    let gpus = of(&|place| place.kind == DeviceKind::Cuda);
    let open = gpus
        .iter()
        .any(|&index| places[index].state == DeviceState::Enabled);
    if open {
        gpus
    } else {
        of(&|place| place.kind == DeviceKind::Cpu)
    }
}

/// Whether the job may start there now; else why not.
fn fits(place: &Place, memory: Option<u64>) -> Result<(), String> {
    let name = &place.name;
    match place.state {
        DeviceState::Enabled => {}
        DeviceState::Draining => return Err(format!("{name} takes no more jobs, it is draining")),
        DeviceState::Disabled => return Err(format!("{name} is disabled")),
    }
    if place.free_slots == Some(0) {
        return Err(format!("{name} is busy with {}", jobs(place.n_jobs)));
    }
    if place.taken_whole {
        return Err(format!("a job has {name} to itself"));
    }
    match (memory, place.free_bytes) {
        (Some(memory), Some(free)) if memory > free => Err(format!(
            "it needs {} on {name}, {} are free",
            gigabytes(memory),
            gigabytes(free)
        )),
        // Nobody knows how much it takes, so it takes all.
        (None, _) if place.kind == DeviceKind::Cuda && place.n_jobs > 0 => Err(format!(
            "it needs {name} to itself, and {} run there",
            jobs(place.n_jobs)
        )),
        _ => Ok(()),
    }
}

fn start(place: &mut Place, memory: Option<u64>) {
    place.n_jobs += 1;
    place.free_slots = place.free_slots.map(|slots| slots.saturating_sub(1));
    let memory_left = |free: u64| free.saturating_sub(memory.unwrap_or(0));
    place.free_bytes = place.free_bytes.map(memory_left);
    place.taken_whole |= place.kind == DeviceKind::Cuda && memory.is_none();
}

fn too_large(asked: &str, memory: Option<u64>, places: &[Place]) -> String {
    let largest = places
        .iter()
        .filter(|place| asked == ANY || place.name == asked)
        .filter_map(|place| place.total_bytes)
        .max();
    match (memory, largest) {
        (Some(memory), Some(largest)) => format!(
            "it needs {}, more than the {} of any device it may use",
            gigabytes(memory),
            gigabytes(largest)
        ),
        _ => "there is no device for it".to_owned(),
    }
}

fn jobs(n: usize) -> String {
    if n == 1 {
        "a job".to_owned()
    } else {
        format!("{n} jobs")
    }
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(slots: u32, free: u64) -> Place {
        Place {
            name: "cpu".to_owned(),
            kind: DeviceKind::Cpu,
            state: DeviceState::Enabled,
            free_slots: Some(slots),
            free_bytes: Some(free),
            total_bytes: Some(16_000_000_000),
            taken_whole: false,
            n_jobs: 0,
        }
    }

    fn gpu(number: u32, free: u64) -> Place {
        Place {
            name: format!("cuda:{number}"),
            kind: DeviceKind::Cuda,
            free_slots: None,
            total_bytes: Some(8_000_000_000),
            ..cpu(0, free)
        }
    }

    fn job(id: i64, device: &str, gigabytes: Option<f64>) -> Candidate {
        Candidate {
            id,
            created_by: None,
            device: Some(device.to_owned()),
            memory_bytes: gigabytes.map(|gigabytes| (gigabytes * 1e9) as i64),
        }
    }

    fn check(waiting: &[Candidate], mut places: Vec<Place>, expected: &[&str]) {
        let verdicts = plan(waiting, &mut places);
        let words: Vec<String> = verdicts
            .into_iter()
            .map(|verdict| match verdict {
                Verdict::Start(place) => place,
                Verdict::Wait(reason) => reason,
            })
            .collect();
        assert_eq!(words, expected);
    }

    #[test]
    fn slots_are_given_in_order() {
        check(
            &[
                job(1, "cpu", Some(1.0)),
                job(2, "auto", None),
                job(3, "cpu", None),
                job(4, "cpu", None),
            ],
            vec![cpu(2, 16_000_000_000)],
            &[
                "cpu",
                "cpu",
                "cpu is busy with 2 jobs",
                "job 3 is before it on cpu",
            ],
        );
    }

    #[test]
    fn small_jobs_share_a_gpu_and_nothing_overtakes_there() {
        check(
            &[
                job(1, "cuda:0", Some(3.0)),
                job(2, "cuda:0", Some(3.0)),
                job(3, "cuda:0", Some(3.0)),
                job(4, "cuda:0", Some(0.5)),
                job(5, "cpu", Some(1.0)),
            ],
            vec![cpu(1, 16_000_000_000), gpu(0, 8_000_000_000)],
            &[
                "cuda:0",
                "cuda:0",
                "it needs 3.0 GB on cuda:0, 2.0 GB are free",
                "job 3 is before it on cuda:0",
                "cpu",
            ],
        );
    }

    #[test]
    fn any_device_is_the_gpu_with_the_most_room() {
        check(
            &[
                job(1, "auto", Some(1.0)),
                job(2, "auto", Some(6.5)),
                job(3, "auto", None),
            ],
            vec![
                cpu(1, 16_000_000_000),
                gpu(0, 3_000_000_000),
                gpu(1, 8_000_000_000),
            ],
            &["cuda:1", "cuda:1", "cuda:0"],
        );
    }

    #[test]
    fn what_never_fits_says_so_and_keeps_nobody_waiting() {
        check(
            &[
                job(1, "auto", Some(20.0)),
                job(2, "cpu", Some(1.0)),
                job(3, "cuda:7", None),
            ],
            vec![cpu(2, 16_000_000_000)],
            &[
                "it needs 20.0 GB, more than the 16.0 GB of any device it may use",
                "cpu",
                // Its child will say that there is no such device.
                "cpu",
            ],
        );
    }

    #[test]
    fn closed_devices_take_nothing() {
        let mut draining = gpu(0, 8_000_000_000);
        draining.state = DeviceState::Draining;
        check(
            &[
                job(1, "cuda:0", Some(1.0)),
                job(2, "auto", Some(1.0)),
                job(3, "cpu", None),
            ],
            vec![cpu(1, 16_000_000_000), draining],
            &[
                "cuda:0 takes no more jobs, it is draining",
                "cpu",
                "cpu is busy with a job",
            ],
        );
    }
}
