//! The custom resources of `plimsoll.dev/v1alpha1`: what people and the operator write, with schema, validation and printer
//! columns, and how each becomes what the engine works with. No client, no I/O.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)
)]

mod baseline;
mod condition;
mod crds;
mod evidence;
mod exception;
mod schema;
mod status;
mod summary;

pub use baseline::{SecurityBaseline, SecurityBaselineSpec};
pub use condition::{condition, is_true};
pub use crds::crds;
pub use evidence::{
    AnswerEvidence, AvailabilityEvidence, CLUSTER_SHARD, EvidenceError, EvidenceRecord, EvidenceRecordSpec,
    FieldChange, HandshakeEvidence, HeldEvidence, MAX_PROBED, MAX_REPAIRS, MAX_SEEN, Part, RepairRecord,
    RestoreEvidence, SeenEvidence, UnitEvidence,
};
pub use exception::{
    BaselineException, BaselineExceptionSpec, BaselineExceptionStatus, ExceptionPhase, InvalidException,
    ObjectSelector, Selector, exception_status,
};
pub use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
pub use status::{ControlStatus, FindingStatus, ObjectReference, SecurityBaselineStatus, Totals};
pub use summary::{MAX_STATUS_BYTES, MAX_WORST, status_of};

/// The API group of every kind here.
pub const GROUP: &str = "plimsoll.dev";
/// Its one version.
pub const VERSION: &str = "v1alpha1";
