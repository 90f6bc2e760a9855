//! A backup source: one schedule, whether it makes backups of a target, and why not.

use plimsoll_engine::{cron::Dialect, kind::Kind, name::ObjRef, restore::Mechanism, unknown::Unknown};

use super::cadence::CadenceOf;

/// The backup sources of a target, as [`super::SourcesOf`] yields them.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Sources {
    /// Schedules that concern the target, in the order CronJobs, its operator's own, then cluster tools.
    pub(crate) found: Vec<Source>,
    /// Why there may be more.
    pub(crate) missing: Option<Unknown>,
    /// CronJobs of the namespace that look like a backup of something and do not say of what.
    pub(crate) suggestions: Vec<Box<str>>,
}

/// One schedule.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Source {
    /// The object that holds it.
    pub(crate) name: ObjRef,
    /// Which schedule of the object, where it has several.
    pub(crate) part: Option<Box<str>>,
    /// When it fires.
    pub(crate) cadence: CadenceOf,
    /// Whether it does.
    pub(crate) state: State,
    /// Worth showing where it is all there is.
    pub(crate) note: Option<&'static str>,
}

/// Whether a source makes backups of the target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// It does, as far as its definition tells.
    Live,
    /// Its runs are held back by the field at this JSON pointer.
    Suspended(&'static str),
    /// Its tool refuses it, for this reason.
    Refused(Box<str>),
    /// It leaves the target or its volumes out, for this reason.
    Excluded(Box<str>),
    /// It takes snapshots on the storage of the volume itself.
    Snapshot,
    /// It backs up changes only.
    NotFull(Box<str>),
}

impl Source {
    pub(crate) fn new(name: &ObjRef, schedule: &str, dialect: Dialect, state: State) -> Self {
        Self {
            name: name.clone(),
            part: None,
            cadence: CadenceOf {
                schedule: schedule.into(),
                zone: None,
                dialect,
            },
            state,
            note: None,
        }
    }

    /// How it makes backups.
    pub(crate) fn mechanism(&self) -> Mechanism {
        Mechanism::of(self.name.kind())
    }

    /// Whether its runs hold the target's data, be it suspended or not.
    pub(crate) fn holds_target(&self) -> bool {
        matches!(self.state, State::Live | State::Suspended(_) | State::Refused(_))
    }

    /// `schedules.velero.io velero/daily`: several tools call a kind Schedule.
    pub(crate) fn title(&self) -> String {
        let kind = match self.name.kind() {
            Kind::CronJob => "CronJob".to_owned(),
            other => other.resource(),
        };
        let part = self.part.as_ref().map(|p| format!(" ({p})")).unwrap_or_default();
        format!(
            "{kind} {}/{}{part}",
            self.name.namespace().unwrap_or_default(),
            self.name.name()
        )
    }
}

impl Sources {
    pub(super) fn look(&mut self, found: Result<(), Unknown>) {
        if let Err(unknown) = found {
            self.missing.get_or_insert(unknown);
        }
    }

    pub(super) fn add(&mut self, source: Result<Source, Unknown>) {
        match source {
            Ok(source) => self.found.push(source),
            Err(unknown) => _ = self.missing.get_or_insert(unknown),
        }
    }
}
