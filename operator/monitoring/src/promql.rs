//! Pieces of PromQL that rules and panels share.

use std::fmt;

use plimsoll_engine::metric::Metric;
use plimsoll_metrics::{DUTY, LEADER};

/// The labels that tell installations apart where one Prometheus scrapes several. `cluster` is an external or relabelled label,
/// by custom; where it is missing, nothing changes.
pub const SCOPE: &str = "cluster, job";

/// What stands between the braces of every selector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reader {
    /// A rule: everything that Prometheus has.
    Rule,
    /// A panel: what the variables of its dashboard choose.
    Panel,
}

impl Reader {
    /// A metric's series with these matchers (`severity="high"`, or nothing).
    pub fn of(self, metric: &Metric, matchers: &str) -> String {
        self.named(&metric.to_string(), matchers)
    }

    /// A series by its name: for those that Prometheus itself makes (`up`), and for parts of a histogram.
    pub fn named(self, name: &str, matchers: &str) -> String {
        let chosen = match self {
            Self::Rule => "",
            Self::Panel => r#"cluster=~"$cluster",job=~"$job",instance=~"$instance""#,
        };
        let comma = if chosen.is_empty() || matchers.is_empty() {
            ""
        } else {
            ","
        };
        match (chosen, matchers) {
            ("", "") => name.to_owned(),
            _ => format!("{name}{{{matchers}{comma}{chosen}}}"),
        }
    }
}

/// The highest over replicas, by these labels and the [`SCOPE`]: replicas repeat each other.
pub fn worst(by: &str, inner: impl fmt::Display) -> String {
    format!("max by ({}) ({inner})", scoped(by))
}

/// The lowest over replicas.
pub fn least(by: &str, inner: impl fmt::Display) -> String {
    format!("min by ({}) ({inner})", scoped(by))
}

/// The sum, for what differs between replicas or has been folded over them before.
pub fn sum(by: &str, inner: impl fmt::Display) -> String {
    format!("sum by ({}) ({inner})", scoped(by))
}

/// How many replicas lead, for each duty: those of different duties elect leaders of their own.
pub fn leaders(reader: Reader) -> String {
    let (duty, leader) = (reader.of(&DUTY, ""), reader.of(&LEADER, ""));
    sum(
        "duty",
        format!("{duty} * on ({SCOPE}, instance) group_left () {leader}"),
    )
}

fn scoped(by: &str) -> String {
    if by.is_empty() {
        SCOPE.to_owned()
    } else {
        format!("{SCOPE}, {by}")
    }
}

/// How fast time passes for rules. Tests on a real Prometheus shorten hours to seconds; what is shipped is [`Pace::REAL`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    divisor: u32,
}

/// Shorter windows hold too few samples for a rate, at a scrape a second.
const SHORTEST: u32 = 4;

impl Pace {
    /// As shipped.
    pub const REAL: Self = Self { divisor: 1 };

    /// So many times faster.
    pub const fn faster(times: u32) -> Self {
        Self {
            divisor: if times == 0 { 1 } else { times },
        }
    }

    /// A window or a wait of so many seconds, as PromQL writes it.
    pub fn span(self, seconds: u32) -> String {
        let scaled = seconds / self.divisor;
        written(if self.divisor > 1 {
            scaled.max(SHORTEST)
        } else {
            scaled
        })
    }

    /// How long a condition has to hold; nothing where at once.
    pub fn hold(self, seconds: u32) -> Option<String> {
        let scaled = seconds.div_ceil(self.divisor);
        (scaled > 0).then(|| written(scaled))
    }

    /// So many seconds as a number to compare with.
    pub const fn seconds(self, seconds: u32) -> u32 {
        seconds.div_ceil(self.divisor)
    }
}

/// Seconds of a minute, an hour and a day.
pub const MINUTE: u32 = 60;
/// See [`MINUTE`].
pub const HOUR: u32 = 60 * MINUTE;
/// See [`MINUTE`].
pub const DAY: u32 = 24 * HOUR;

/// In the largest unit that divides it.
pub(crate) fn written(seconds: u32) -> String {
    match seconds {
        s if s > 0 && s % DAY == 0 => format!("{}d", s / DAY),
        s if s > 0 && s % HOUR == 0 => format!("{}h", s / HOUR),
        s if s > 0 && s % MINUTE == 0 => format!("{}m", s / MINUTE),
        s => format!("{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_in_the_largest_unit() {
        let real = Pace::REAL;
        assert_eq!(
            [300, 3600, 90, 2 * DAY].map(|s| real.span(s)),
            ["5m", "1h", "90s", "2d"]
        );
        assert_eq!(real.hold(0), None);
    }

    #[test]
    fn a_faster_pace_keeps_windows_wide_enough_for_a_rate() {
        let pace = Pace::faster(360);
        assert_eq!(
            (pace.span(HOUR), pace.span(5 * MINUTE)),
            ("10s".into(), "4s".into())
        );
        assert_eq!(pace.hold(MINUTE), Some("1s".into()));
    }
}
