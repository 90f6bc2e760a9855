//! Whether one source is enough.

use jiff::SignedDuration;
use plimsoll_engine::{unknown::Unknown, view::View};

use super::Params;
use crate::shared::backup::{Cadence, Source, State, hours};

/// Tolerated beyond `maxInterval`: a daily schedule pauses 25 hours where the clock is set back.
const TOLERANCE: SignedDuration = SignedDuration::from_hours(1);

/// Why a source does not count.
pub(super) struct Problem {
    /// Nearest to a backup first.
    pub(super) rank: u8,
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) evidence: String,
}

impl Problem {
    fn of(source: &Source, (rank, reason): (u8, &'static str), what: impl std::fmt::Display) -> Self {
        let message = format!("{} {what}", source.title());
        Self {
            rank,
            reason,
            evidence: message.clone(),
            message,
        }
    }
}

/// What is wrong with a source; `None` where it is a backup that runs often enough.
pub(super) fn judge(source: &Source, view: &View<'_>, params: &Params) -> Result<Option<Problem>, Unknown> {
    let of = |kind, what: String| Ok(Some(Problem::of(source, kind, what)));
    match &source.state {
        State::Suspended(pointer) => {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            of((1, "Suspended"), format!("is suspended ({field}: true)"))
        }
        State::Refused(why) => of((3, "InvalidSchedule"), format!("is refused by its tool: {why}")),
        State::Excluded(why) => of((5, "Excluded"), format!("leaves this database out: {why}")),
        State::Snapshot => of(
            (6, "SnapshotOnly"),
            "takes snapshots, which lie on the volume's own storage and are no backup by themselves".into(),
        ),
        State::NotFull(extent) if params.require_full => {
            of((4, "NotFull"), format!("makes {extent} backups, a full one is required"))
        }
        State::Live | State::NotFull(_) => paced(source, view, params),
    }
}

/// Whether a source fires at all, and often enough.
pub(super) fn paced(source: &Source, view: &View<'_>, params: &Params) -> Result<Option<Problem>, Unknown> {
    let of = |kind, what: String| Ok(Some(Problem::of(source, kind, what)));
    let allowed = params.max_interval.to_signed().saturating_add(TOLERANCE);
    match &*view.fact(&source.cadence)? {
        Cadence::Invalid(why) => of((3, "InvalidSchedule"), format!("never runs: {why}")),
        Cadence::Never => of(
            (2, "NeverFires"),
            format!("never fires: no date matches {:?}", source.cadence.schedule),
        ),
        Cadence::Widest(gap) if gap.length() > allowed => {
            let mut problem = Problem::of(
                source,
                (0, "TooRare"),
                format!(
                    "runs too rarely: up to {} apart, at most {} (maxInterval {} and 1 h) are allowed",
                    hours(gap.length()),
                    hours(allowed),
                    params.max_interval
                ),
            );
            problem.evidence = format!("{}: {}", source.title(), source.cadence.describe(*gap));
            Ok(Some(problem))
        }
        Cadence::Widest(_) => Ok(None),
    }
}
