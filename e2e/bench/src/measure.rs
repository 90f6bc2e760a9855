//! CPU time and memory of this process.

use std::time::Duration;

use anyhow::Context as _;
use rustix::time::{ClockId, clock_gettime};

/// CPU time this process has used, all threads together.
pub(crate) fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    let nanos = u32::try_from(spent.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(spent.tv_sec).unwrap_or_default(), nanos)
}

/// A field of `/proc/<pid>/status` in bytes, such as `VmRSS` or `VmHWM`.
pub(crate) fn status(pid: &str, field: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kilobytes: f64 = line
        .context("no such field")?
        .trim()
        .trim_end_matches(" kB")
        .parse()?;
    Ok(kilobytes * 1024.0)
}

/// The given percentile of some durations, in milliseconds.
pub(crate) fn percentile(durations: &mut [Duration], percent: usize) -> f64 {
    durations.sort_unstable();
    let last = durations.len().saturating_sub(1);
    let at = (durations.len() * percent / 100).min(last);
    durations.get(at).map_or(0.0, |d| d.as_secs_f64() * 1000.0)
}
