//! Loopback ports that no other cluster on this machine takes at the same time.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process;

use crate::error::{Error, Result};

/// Below the range from which the kernel takes ports for outgoing connections (32768 up on Linux), so that a port
/// freed by a restart is not gone when the part comes back.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// A port that is ours until this is dropped, also while nothing listens on it: a locked file says so to the other
/// test processes, and the kernel unlocks it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    _lock: File,
}

impl Port {
    pub(crate) fn reserve() -> Result<Self> {
        let dir = lock_dir()?;
        let start = u16::try_from(process::id() % u32::from(RANGE.end - RANGE.start)).unwrap_or(0);
        for step in 0..RANGE.end - RANGE.start {
            // A prime step spreads processes that start together.
            let offset = (u32::from(start) * 7 + u32::from(step)) % u32::from(RANGE.end - RANGE.start);
            let number = RANGE.start + u16::try_from(offset).unwrap_or(0);
            if let Some(lock) = try_take(&dir, number) {
                return Ok(Self { number, _lock: lock });
            }
        }
        Err(Error::io("reserving a loopback port")(
            std::io::ErrorKind::AddrInUse.into(),
        ))
    }
}

fn lock_dir() -> Result<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    // Not TMPDIR: processes that differ in it share the ports all the same.
    let dir = PathBuf::from(format!("/tmp/kube-test-ports-{user}"));
    fs::create_dir_all(&dir).map_err(Error::io(dir.display().to_string()))?;
    Ok(dir)
}

fn try_take(dir: &std::path::Path, number: u16) -> Option<File> {
    let file = File::create(dir.join(number.to_string())).ok()?;
    file.try_lock().ok()?;
    TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_handed_out_once() {
        let ports: Vec<Port> = (0..20).map(|_| Port::reserve().unwrap()).collect();
        let mut numbers: Vec<u16> = ports.iter().map(|port| port.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 20);
    }
}
