//! Backups: which workloads hold a database, what backs each up, how often that runs, and when it last succeeded.
//!
//! [`SourcesOf`] and [`RunOf`] are facts: the first changes with schedules, the second with runs, so that a finished run
//! re-evaluates only who asks for runs, and a change of one schedule only the databases it concerns.

mod cadence;
mod cover;
mod external;
mod longhorn;
mod measures;
mod runs;
mod source;
mod sources;
mod start;
mod target;

use plimsoll_engine::kind::{Kind, KindSet};

pub(crate) use cadence::{Cadence, hours};
pub(crate) use external::{ExternalDatabase, check_external, judge_external};
pub(crate) use longhorn::{claims, volumes as longhorn_volumes};
pub(crate) use measures::{measure, seconds};
pub(crate) use runs::{Run, RunOf};
pub(crate) use source::{Source, Sources, State};
pub(crate) use sources::SourcesOf;
pub(crate) use start::{START, Start, Startable, start};
pub(crate) use target::{FILE_TARGETS, TARGETS, Target, default_images, is_database, keeps_files, target};

/// What [`SourcesOf`] reads, targets included.
pub(crate) const SOURCES: KindSet = KindSet::of(&[
    Kind::CronJob,
    Kind::VeleroSchedule,
    Kind::CnpgScheduledBackup,
    Kind::K8upSchedule,
    Kind::LonghornRecurringJob,
    Kind::LonghornVolume,
    Kind::SnapshotSchedule,
])
.union(KindSet::of(TARGETS));

/// What [`RunOf`] reads beyond [`SOURCES`].
pub(crate) const RUNS: KindSet = KindSet::of(&[
    Kind::VeleroBackup,
    Kind::CnpgBackup,
    Kind::K8upBackup,
    Kind::LonghornBackup,
])
.union(SOURCES);
