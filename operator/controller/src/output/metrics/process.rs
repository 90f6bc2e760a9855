//! The customary `process_*` metrics, from Linux' `/proc`. Elsewhere they are absent.

use std::{fmt, fs};

use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::{Sheet, catalog};

/// Clock ticks per second in `/proc`: fixed by the kernel's interface to user space (`USER_HZ`).
const TICKS: f64 = 100.0;

/// The collector of this process.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let sheet = &mut Sheet(encoder);
        let read = |path| fs::read_to_string(path).ok();
        if let Some(usage) = read("/proc/self/stat").as_deref().and_then(cpu) {
            sheet.count(&catalog::PROCESS_CPU, &usage)?;
        }
        if let Some(bytes) = read("/proc/self/status").as_deref().and_then(resident) {
            sheet.single(&catalog::PROCESS_MEMORY, bytes)?;
        }
        if let Some(started) = started() {
            sheet.single(&catalog::PROCESS_START, started)?;
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            let count = u32::try_from(open.count()).unwrap_or(u32::MAX);
            sheet.single(&catalog::PROCESS_FDS, f64::from(count))?;
        }
        Ok(())
    }
}

/// A field of `/proc/self/stat` by its number in proc(5). The second, the command, may hold spaces and parentheses.
fn stat(text: &str, number: usize) -> Option<f64> {
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

fn cpu(text: &str) -> Option<f64> {
    Some((stat(text, 14)? + stat(text, 15)?) / TICKS)
}

fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

fn started() -> Option<f64> {
    let own = fs::read_to_string("/proc/self/stat").ok()?;
    let system = fs::read_to_string("/proc/stat").ok()?;
    let booted: f64 = system
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()?;
    Some(booted + stat(&own, 22)? / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_after_the_command_whatever_it_is() {
        let text = "42 (a b) c)) S 1 1 1 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 12345 1000 200";
        assert_eq!(cpu(text), Some(3.0));
        assert_eq!(stat(text, 22), Some(12345.0));
        assert_eq!(stat("nonsense", 22), None);
    }

    #[test]
    fn memory_is_in_bytes() {
        assert_eq!(
            resident("Name:\tx\nVmRSS:\t    2048 kB\n"),
            Some(2.0 * 1024.0 * 1024.0)
        );
        assert_eq!(resident("Name:\tx\n"), None);
    }
}
