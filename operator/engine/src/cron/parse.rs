//! Reading schedules the way robfig/cron does, which is what Kubernetes and the backup operators use.

use jiff::tz::TimeZone;

use super::bits::Bits;
use super::error::{CronError, Field, shorten};
use super::every::parse_delay;
use super::pattern::{DayField, Pattern};
use super::zone::time_zone;
use super::{Dialect, Kind, Schedule};

const NAMES: &str = "@yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly or @every <duration>";
const K8UP_NAMES: &str = "@yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, \
    @every <duration>, @yearly-random, @monthly-random, @weekly-random, @daily-random or @hourly-random";

pub(super) fn parse(text: &str, dialect: Dialect) -> Result<Schedule, CronError> {
    if text.is_empty() {
        return Err(CronError::Empty);
    }
    let (zone, text) = split_zone(text, dialect)?;
    if let Some(pattern) = random(text, dialect) {
        return Ok(Schedule {
            kind: Kind::Pattern(pattern?),
            zone,
            randomised: true,
        });
    }
    let kind = if text.starts_with('@') {
        descriptor(text, dialect)?
    } else {
        Kind::Pattern(fields(text, dialect)?)
    };
    Ok(Schedule {
        kind,
        zone,
        randomised: false,
    })
}

/// Takes a leading `TZ=<zone>` or `CRON_TZ=<zone>` off, where the dialect has it.
fn split_zone(text: &str, dialect: Dialect) -> Result<(Option<TimeZone>, &str), CronError> {
    let expected = match dialect {
        Dialect::Kubernetes => "the zone in spec.timeZone",
        Dialect::SixFields => "no zone, this schedule runs in the zone of its operator",
        Dialect::K8up | Dialect::Velero => {
            let Some(rest) = text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ=")) else {
                return Ok((None, text));
            };
            // A zone with nothing behind it makes robfig/cron panic; here it is a schedule without fields.
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            return Ok((Some(time_zone(name)?), rest.trim()));
        }
    };
    // The API server looks for the two letters anywhere (validateScheduleFormat); no valid schedule has them.
    if text.contains("TZ") {
        Err(CronError::ZoneInSchedule { expected })
    } else {
        Ok((None, text))
    }
}

fn descriptor(text: &str, dialect: Dialect) -> Result<Kind, CronError> {
    if let Some(duration) = text.strip_prefix("@every ") {
        return parse_delay(duration).map(Kind::Every);
    }
    let plain = match text {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => {
            let expected = if dialect == Dialect::K8up {
                K8UP_NAMES
            } else {
                NAMES
            };
            return Err(CronError::Descriptor {
                token: shorten(text),
                expected,
            });
        }
    };
    fields(plain, Dialect::Kubernetes).map(Kind::Pattern)
}

/// K8up replaces these by a fixed time derived from the object's name. `@annually-random` is missing on
/// purpose: K8up names it, but hands it on unchanged to robfig/cron, which refuses it, so it never runs.
fn random(text: &str, dialect: Dialect) -> Option<Result<Pattern, CronError>> {
    let plain = match (dialect, text) {
        (Dialect::K8up, "@yearly-random") => "0 0 1 1 *",
        (Dialect::K8up, "@monthly-random") => "0 0 1 * *",
        (Dialect::K8up, "@weekly-random") => "0 0 * * 0",
        (Dialect::K8up, "@daily-random") => "0 0 * * *",
        (Dialect::K8up, "@hourly-random") => "0 * * * *",
        _ => return None,
    };
    Some(fields(plain, Dialect::Kubernetes))
}

fn fields(text: &str, dialect: Dialect) -> Result<Pattern, CronError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (second, [minute, hour, day_of_month, month, day_of_week]) = match (dialect, words.as_slice()) {
        // robfig/cron v1, which CloudNativePG uses, lets the day of week be left out.
        (Dialect::SixFields, &[s, m, h, dom, mon]) => (s, [m, h, dom, mon, "*"]),
        (Dialect::SixFields, &[s, m, h, dom, mon, dow]) => (s, [m, h, dom, mon, dow]),
        (Dialect::SixFields, _) => {
            let expected = "6 (second minute hour day-of-month month day-of-week)";
            return Err(CronError::FieldCount {
                found: words.len(),
                expected,
            });
        }
        (_, &[m, h, dom, mon, dow]) => ("0", [m, h, dom, mon, dow]),
        _ => {
            let expected = "5 (minute hour day-of-month month day-of-week)";
            return Err(CronError::FieldCount {
                found: words.len(),
                expected,
            });
        }
    };
    let read = |field, text| field_bits(field, text, dialect);
    Ok(Pattern {
        second: read(Field::Second, second)?.bits,
        minute: read(Field::Minute, minute)?.bits,
        hour: read(Field::Hour, hour)?.bits,
        day_of_month: read(Field::DayOfMonth, day_of_month)?,
        month: read(Field::Month, month)?.bits,
        day_of_week: read(Field::DayOfWeek, day_of_week)?,
    })
}

/// A comma-separated list of ranges. Empty items are skipped, as upstream does: `,` matches nothing.
fn field_bits(field: Field, text: &str, dialect: Dialect) -> Result<DayField, CronError> {
    let mut sum = DayField {
        bits: Bits::default(),
        star: false,
    };
    for item in text.split(',').filter(|item| !item.is_empty()) {
        let part = range(field, item, dialect).map_err(|problem| CronError::Field {
            field,
            token: shorten(item),
            problem,
        })?;
        sum = DayField {
            bits: sum.bits.union(part.bits),
            star: sum.star || part.star,
        };
    }
    Ok(sum)
}

/// `*`, `?`, `n`, `n-m`, each with an optional `/step`; `n/step` means from n to the field's maximum.
fn range(field: Field, item: &str, dialect: Dialect) -> Result<DayField, &'static str> {
    let (min, max) = bounds(field);
    let mut parts = item.split('/');
    let (span, step) = (parts.next().unwrap_or_default(), parts.next());
    if parts.next().is_some() {
        return Err("too many slashes");
    }
    let mut ends = span.split('-');
    let (low, high) = (ends.next().unwrap_or_default(), ends.next());
    let mut star = low == "*" || low == "?";
    let (start, mut end) = if star {
        // What follows a star and a hyphen is not read upstream either.
        (min, max)
    } else {
        if ends.next().is_some() {
            return Err("too many hyphens");
        }
        let start = number(field, low)?;
        (start, high.map_or(Ok(start), |high| number(field, high))?)
    };
    let step = match step {
        None => 1,
        Some(step) => {
            if high.is_none() {
                end = max;
            }
            positive(step)?
        }
    };
    // robfig/cron v3.0.1 lets `*/2` count as a restriction; v1 (six fields) still counts it as a star.
    star &= step == 1 || dialect == Dialect::SixFields;
    match () {
        () if start < min => Err("value below the minimum"),
        () if end > max => Err("value above the maximum"),
        () if start > end => Err("range ends before it starts"),
        () => Ok(DayField {
            bits: Bits::range(start, end, step),
            star,
        }),
    }
}

fn bounds(field: Field) -> (u32, u32) {
    match field {
        Field::Second | Field::Minute => (0, 59),
        Field::Hour => (0, 23),
        Field::DayOfMonth => (1, 31),
        Field::Month => (1, 12),
        Field::DayOfWeek => (0, 6),
    }
}

fn number(field: Field, token: &str) -> Result<u32, &'static str> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let (names, first): (&[&str], u32) = match field {
        Field::Month => (&MONTHS, 1),
        Field::DayOfWeek => (&DAYS, 0),
        _ => (&[], 0),
    };
    if let Some((_, n)) = names
        .iter()
        .zip(first..)
        .find(|(name, _)| name.eq_ignore_ascii_case(token))
    {
        return Ok(n);
    }
    // Atoi takes a sign, so `+5` is a number there and here.
    match token.parse::<i64>() {
        Ok(n) => u32::try_from(n).map_err(|_| {
            if n < 0 {
                "negative number"
            } else {
                "value above the maximum"
            }
        }),
        Err(_) => Err("not a number"),
    }
}

fn positive(step: &str) -> Result<usize, &'static str> {
    match step.parse::<i64>() {
        Ok(n) if n > 0 => Ok(usize::try_from(n).unwrap_or(usize::MAX)),
        Ok(_) => Err("step must be positive"),
        Err(_) => Err("step is not a number"),
    }
}
