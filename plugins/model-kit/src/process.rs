//! What the kit sets once for the whole process, and what it reads from it.

use tch::Device;

use crate::error::KitError;

/// Sets thread count and allocator, and returns the device that a request names.
///
/// # Errors
/// [`KitError::Device`] when there is no such device.
pub fn prepare(device: &str, threads: u32) -> Result<Device, KitError> {
    let unknown = || KitError::Device(device.to_owned());
    let device = match device.split_once(':') {
        None if device == "cpu" => Device::Cpu,
        Some(("cuda", index)) => {
            let index: usize = index.parse().map_err(|_| unknown())?;
            if !tch::Cuda::is_available()
                || i64::try_from(index).map_or(true, |index| index >= tch::Cuda::device_count())
            {
                return Err(unknown());
            }
            Device::Cuda(index)
        }
        _ => return Err(unknown()),
    };
    tch::set_num_threads(i32::try_from(threads.max(1)).unwrap_or(i32::MAX));
    keep_freed_memory();
    Ok(device)
}

/// Tells the C library to keep what is freed instead of handing it back to the system at once.
///
/// A training step frees and asks again for the same large blocks; fresh ones come as pages that the
/// system has to clear first, which costs more than the arithmetic on them.
fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: `mallopt` only changes settings of the allocator, and these are documented ones.
        #[allow(unsafe_code)]
        unsafe {
            libc::mallopt(libc::M_MMAP_MAX, 0);
            libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
        }
    }
}

/// Highest resident memory of the process so far, in bytes; 0 where the system does not say.
#[must_use]
pub fn peak_memory_bytes() -> u64 {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return 0;
    };
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line
        .and_then(|line| line.split_whitespace().next())
        .and_then(|number| number.parse::<u64>().ok());
    kibibytes.map_or(0, |number| number * 1024)
}

/// Forgets the highest resident memory so far, once a file that was mapped into memory is closed: its pages counted as
/// the process's, although the system takes them back whenever it needs them. Freed memory is kept, so that no peak of
/// the process's own is lost.
pub(crate) fn forget_peak_memory() {
    // Where the system does not allow it, the figure stays too high.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_as_in_requests() {
        assert_eq!(prepare("cpu", 1).unwrap(), Device::Cpu);
        for wrong in ["gpu", "cuda", "cuda:", "cuda:x", "cuda:99", "auto", ""] {
            assert!(
                matches!(prepare(wrong, 1), Err(KitError::Device(_))),
                "{wrong}"
            );
        }
    }

    #[test]
    fn memory_is_reported() {
        assert!(peak_memory_bytes() > 1_000_000);
    }
}
