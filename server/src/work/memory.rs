//! How much memory a job may hope for on this machine.

use std::fs;

/// Bytes that are available now: what the system says, and what a container's limit leaves. None where neither is known.
#[must_use]
pub fn available_bytes() -> Option<u64> {
    match (machine(), container()) {
        (Some(machine), Some(container)) => Some(machine.min(container)),
        (machine, container) => machine.or(container),
    }
}

fn machine() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The limit of the control group, less what is used of it; cached files do not count, they give way.
fn container() -> Option<u64> {
    let read = |name: &str| fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok();
    // Without a limit the file says `max`, which is no number.
    let limit: u64 = read("memory.max")?.trim().parse().ok()?;
    let used: u64 = read("memory.current")?.trim().parse().ok()?;
    let statistics = read("memory.stat")?;
    let cached = statistics
        .lines()
        .find_map(|line| line.strip_prefix("inactive_file "))?
        .trim()
        .parse()
        .unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(cached)))
}
