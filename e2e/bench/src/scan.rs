//! A scan of files, as a user runs it: a process of its own, wall time and peak memory.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{corpus, figure::Figures, measure};

/// Scans corpora of 5,000 and 82,000 documents.
pub(crate) fn run(binary: &Path, figures: &mut Figures, quick: bool) -> anyhow::Result<()> {
    let sizes: &[(usize, f64)] = if quick {
        &[(5_000, 0.15)]
    } else {
        &[(5_000, 0.15), (82_000, 2.0)]
    };
    for (documents, target) in sizes {
        let folder = tempfile::tempdir()?;
        let bytes = corpus::write(folder.path(), *documents)?;
        #[allow(clippy::cast_precision_loss, reason = "megabytes for people")]
        let megabytes = bytes as f64 / 1e6;
        let mut best = f64::MAX;
        let mut peak = 0.0_f64;
        for _ in 0..3 {
            let (wall, memory) = scan(binary, folder.path())?;
            best = best.min(wall.as_secs_f64());
            peak = peak.max(memory);
        }
        figures.add(
            format!("scan of {documents} documents ({megabytes:.0} MB), best of 3"),
            best,
            Some(*target),
            "s",
        );
        figures.add(
            format!("its peak memory, {documents} documents"),
            peak / 1e6,
            Some(600.0),
            "MB",
        );
    }
    Ok(())
}

fn scan(binary: &Path, folder: &Path) -> anyhow::Result<(Duration, f64)> {
    let started = Instant::now();
    let mut child = Command::new(binary)
        .args(["scan", "-q", "-o", "json"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let pid = child.id().to_string();
    let mut peak = 0.0_f64;
    let status = loop {
        // The peak only grows, so the last look before the end is what counts.
        peak = peak.max(measure::status(&pid, "VmHWM").unwrap_or_default());
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    anyhow::ensure!(
        status.code().is_some_and(|code| code <= 1),
        "the scan ended with {status}"
    );
    Ok((started.elapsed(), peak))
}
