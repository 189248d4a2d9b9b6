//! Runs tasks on the threads that libtorch already owns.
//!
//! libtorch's matrix products run on libgomp's team, whose idle members spin for a while. A second
//! pool on the same cores would wait behind them, so kernels borrow the same team through
//! `GOMP_parallel`. Where the symbol is not found, ordinary threads do the work.

use std::any::Any;
use std::ffi::{c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Number of threads that kernels use: libtorch's own setting.
#[must_use]
pub fn threads() -> usize {
    usize::try_from(tch::get_num_threads()).unwrap_or(1).max(1)
}

/// Calls `work` once for each task, on at most [`threads`] threads, and returns when all are done.
/// Which thread runs which task is not defined; results must not depend on it.
pub(crate) fn run<T: Send>(tasks: Vec<T>, work: impl Fn(T) + Sync) {
    let members = threads().min(tasks.len());
    if members <= 1 {
        tasks.into_iter().for_each(work);
        return;
    }
    let tasks: Vec<Mutex<Option<T>>> = tasks
        .into_iter()
        .map(|task| Mutex::new(Some(task)))
        .collect();
    let next = AtomicUsize::new(0);
    let panic: Mutex<Option<Box<dyn Any + Send>>> = Mutex::new(None);
    team(members, &|| {
        // A panic must not cross libgomp's frames: it is carried over to the caller.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Some(task) = task.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    work(task);
                }
            }
        }));
        if let Err(payload) = outcome {
            *panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(payload);
        }
    });
    if let Some(payload) = panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
        resume_unwind(payload);
    }
}

/// Cuts `0..length` into at most [`threads`] ranges of nearly equal size, at multiples of `unit`.
pub(crate) fn ranges(length: usize, unit: usize) -> Vec<std::ops::Range<usize>> {
    let units = length.div_ceil(unit.max(1));
    let parts = threads().min(units).max(1);
    (0..parts)
        .map(|part| {
            let start = (units * part / parts) * unit;
            let end = ((units * (part + 1) / parts) * unit).min(length);
            start..end
        })
        .filter(|range| !range.is_empty())
        .collect()
}

/// Cuts a slice at the given ranges, which must follow each other without gaps and count in rows of `width`.
pub(crate) fn split_rows<'a, T>(
    mut slice: &'a mut [T],
    ranges: &[std::ops::Range<usize>],
    width: usize,
) -> Vec<&'a mut [T]> {
    let mut parts = Vec::with_capacity(ranges.len());
    for range in ranges {
        let (part, rest) = slice.split_at_mut(range.len() * width);
        parts.push(part);
        slice = rest;
    }
    parts
}

type GompParallel = extern "C" fn(extern "C" fn(*mut c_void), *mut c_void, c_uint, c_uint);

fn gomp_parallel() -> Option<GompParallel> {
    static FOUND: OnceLock<Option<GompParallel>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        // SAFETY: the name is a C string; the lookup runs no code of the library.
        #[allow(unsafe_code)]
        let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"GOMP_parallel".as_ptr()) };
        if symbol.is_null() {
            return None;
        }
        // SAFETY: the symbol is libgomp's, part of its stable ABI (GOMP_4.0) with exactly this signature.
        #[allow(unsafe_code)]
        Some(unsafe { std::mem::transmute::<*mut c_void, GompParallel>(symbol) })
    })
}

/// Runs `member` once on each of `members` threads, the caller's among them. `member` must not panic.
fn team(members: usize, member: &(dyn Fn() + Sync)) {
    extern "C" fn enter(data: *mut c_void) {
        // SAFETY: `data` is the address of `member` below, which lives until `GOMP_parallel` returns.
        #[allow(unsafe_code)]
        let member = unsafe { &*data.cast::<&(dyn Fn() + Sync)>() };
        member();
    }
    match gomp_parallel() {
        Some(parallel) => {
            let mut member = member;
            parallel(
                enter,
                std::ptr::from_mut(&mut member).cast(),
                members as c_uint,
                0,
            );
        }
        None => std::thread::scope(|scope| {
            for _ in 1..members {
                scope.spawn(member);
            }
            member();
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once() {
        let mut values = vec![0_u32; 1_000];
        run(values.iter_mut().collect(), |value| *value += 1);
        assert!(values.iter().all(|&value| value == 1));
    }

    #[test]
    fn a_panic_reaches_the_caller() {
        let outcome =
            catch_unwind(|| run(vec![1, 2, 3, 4], |task| assert!(task != 3, "task {task}")));
        assert!(outcome.is_err());
    }

    #[test]
    fn ranges_cover_everything_at_multiples() {
        for length in [0, 1, 5, 16, 1_000] {
            let ranges = ranges(length, 8);
            assert_eq!(
                ranges.iter().map(ExactSizeIterator::len).sum::<usize>(),
                length
            );
            assert!(ranges.iter().all(|range| range.start % 8 == 0));
        }
    }
}
