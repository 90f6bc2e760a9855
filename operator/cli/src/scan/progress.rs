//! Progress of long work, on standard error, and only where somebody watches.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work below this many bytes is over before a bar could be read.
const LONG: u64 = 16 << 20;

/// Whether and how progress is shown.
pub(crate) struct Progress {
    quiet: bool,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Progress over a known number of bytes.
    pub(crate) fn bytes(&self, what: &'static str, total: u64) -> ProgressBar {
        if self.quiet || total < LONG {
            return ProgressBar::hidden();
        }
        // Draws nothing where standard error is no terminal.
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_message(what);
        match ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    /// Work of unknown length.
    pub(crate) fn spinner(&self, what: &'static str) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}
