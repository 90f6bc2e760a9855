//! How often a schedule fires, worst case.

use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};
use plimsoll_engine::{
    cron::{Dialect, Gap, Schedule, time_zone},
    fact::Fact,
    kind::KindSet,
    unknown::Unknown,
    view::View,
};

/// The cadence of one schedule; equal schedules share it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct CadenceOf {
    /// As written.
    pub(crate) schedule: Box<str>,
    /// `spec.timeZone`; absent means UTC.
    pub(crate) zone: Option<Box<str>>,
    /// Whose schedule it is.
    pub(crate) dialect: Dialect,
}

/// How often a schedule fires.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Cadence {
    /// The tool refuses it, for this reason.
    Invalid(Box<str>),
    /// It is well-formed and no day matches it.
    Never,
    /// The widest pause of the year that starts this month.
    Widest(Gap),
}

impl Fact for CadenceOf {
    const READS: KindSet = KindSet::EMPTY;
    type Value = Cadence;

    /// Pauses are looked for from the start of the month: an anchor that moves with every evaluation would name another
    /// pair of dates each time.
    fn compute(&self, view: &View<'_>) -> Result<Cadence, Unknown> {
        let (start, end) = month_of(view.evaluated_at());
        view.is_past(end);
        let read = Schedule::parse(&self.schedule, self.dialect).and_then(|schedule| {
            Ok((
                schedule,
                self.zone.as_deref().map_or(Ok(TimeZone::UTC), time_zone)?,
            ))
        });
        Ok(match read {
            Err(why) => Cadence::Invalid(why.to_string().into()),
            Ok((schedule, zone)) => schedule
                .widest_gap(start, &zone)
                .map_or(Cadence::Never, Cadence::Widest),
        })
    }
}

/// The first moment of the month a time lies in, and of the next, in UTC.
fn month_of(now: Timestamp) -> (Timestamp, Timestamp) {
    let today = now.to_zoned(TimeZone::UTC);
    let start = today.first_of_month().and_then(|first| first.start_of_day());
    let end = start
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|start| start.checked_add(1.month()));
    // Only the very ends of the calendar have no month of their own.
    (
        start.map_or(now, |s| s.timestamp()),
        end.map_or(Timestamp::MAX, |e| e.timestamp()),
    )
}

impl CadenceOf {
    /// A pause as evidence: both firings in the schedule's zone, and what the zone's clock has to do with it.
    pub(crate) fn describe(&self, gap: Gap) -> String {
        let zone = self
            .zone
            .as_deref()
            .and_then(|name| time_zone(name).ok())
            .unwrap_or(TimeZone::UTC);
        let show = |at: Timestamp| {
            at.to_zoned(zone.clone())
                .strftime("%a %Y-%m-%d %H:%M %Z")
                .to_string()
        };
        let mut text = format!(
            "{:?} does not fire between {} and {}, {}",
            self.schedule,
            show(gap.after),
            show(gap.until),
            hours(gap.length())
        );
        if zone.to_offset(gap.after) != zone.to_offset(gap.until) {
            text.push_str("; the clock change in between skips that time of day: choose another hour or UTC");
        }
        text
    }
}

/// A length of time in hours, or days where it is long.
pub(crate) fn hours(length: SignedDuration) -> String {
    match length.as_hours() {
        h if h >= 24 * 7 => format!("{} d", h / 24),
        0 => format!("{} min", length.as_mins()),
        h => format!("{h} h"),
    }
}
