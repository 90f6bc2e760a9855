//! Time zones by name, as `spec.timeZone` of a CronJob takes them.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::error::{CronError, shorten};

/// The copy in the binary, not the machine's: the engine does no I/O, and a distroless image has none.
static BUNDLED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone called `name` (`CronJob.spec.timeZone`). Like the API server it refuses the empty name,
/// `Local` (whose meaning depends on the machine) and other upper and lower case than the IANA's.
pub fn time_zone(name: &str) -> Result<TimeZone, CronError> {
    let refuse = |problem| {
        Err(CronError::TimeZone {
            name: shorten(name),
            problem,
        })
    };
    if name.is_empty() {
        return refuse("the name is empty");
    }
    if name.eq_ignore_ascii_case("Local") {
        return refuse("depends on the machine");
    }
    match BUNDLED.get(name) {
        Ok(zone) if zone.iana_name().is_none_or(|canonical| canonical == name) => Ok(zone),
        Ok(_) => refuse("wrong upper or lower case"),
        Err(_) => refuse("unknown name"),
    }
}
