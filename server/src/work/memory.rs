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

/// Bytes of the machine, or of the container where that has fewer.
#[must_use]
pub fn memory_total() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    let limit = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let limit = limit.and_then(|limit| limit.trim().parse::<u64>().ok());
    Some((kibibytes * 1024).min(limit.unwrap_or(u64::MAX)))
}

/// How many processes the system has killed so far because memory ran out. A worker that was killed while this rose was
/// most likely one of them.
#[must_use]
pub(super) fn oom_kills() -> u64 {
    let count = |path: &str| {
        let text = fs::read_to_string(path).ok()?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("oom_kill "))?;
        line.trim().parse::<u64>().ok()
    };
    let all = ["/proc/vmstat", "/sys/fs/cgroup/memory.events"].map(|path| count(path).unwrap_or(0));
    all.iter().sum()
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
