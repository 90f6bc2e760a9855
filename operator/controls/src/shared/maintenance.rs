//! Stretches of time that a baseline sets aside.

use plimsoll_engine::{
    control::ParamError,
    cron::{Dialect, Schedule, time_zone},
    duration::Duration,
    probe::Window,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A stretch of time that comes again and again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(deny_unknown_fields)]
pub struct Maintenance {
    /// When it begins, as a CronJob's `spec.schedule`.
    #[schemars(length(min = 1, max = 128))]
    pub schedule: String,
    /// In which time zone. Default: `Etc/UTC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: Option<String>,
    /// How long it lasts, at most 1d.
    pub duration: Duration,
}

/// The windows of the parameter `maintenance`.
pub(crate) fn windows(maintenance: &[Maintenance]) -> Result<Vec<Window>, ParamError> {
    let field = |i: usize, name: &str| format!("maintenance[{i}].{name}");
    let all = maintenance.iter().enumerate();
    all.map(|(i, one)| {
        let zone = one.time_zone.as_deref().unwrap_or("Etc/UTC");
        time_zone(zone).map_err(|e| ParamError::new(field(i, "timeZone"), e.to_string()))?;
        if one.duration.is_zero() || one.duration > Duration::from_days(1) {
            return Err(ParamError::new(field(i, "duration"), "expected 1s to 1d"));
        }
        Ok(Window::Repeated {
            schedule: Schedule::parse(&one.schedule, Dialect::Kubernetes)
                .map_err(|e| ParamError::new(field(i, "schedule"), e.to_string()))?,
            zone: zone.into(),
            length: one.duration,
        })
    })
    .collect()
}

/// Whether one of the windows is open; asked again when that changes.
pub(crate) fn is_open(windows: &[Window], view: &View<'_>) -> bool {
    let now = view.evaluated_at();
    let changes = windows.iter().filter_map(|window| window.next_change(now));
    if let Some(next) = changes.min() {
        view.is_past(next);
    }
    windows.iter().any(|window| window.contains(now))
}
