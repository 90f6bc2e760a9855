//! Why a change was not made.

use plimsoll_engine::name::ObjRef;

/// Why a change was not made. Nothing was written, unless it says that this is not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another replica leads, or nobody is known to.
    #[error("this replica is not known to lead any more")]
    NotLeader,
    /// The object to change, or the namespace to create in, is not there or on its way out.
    #[error("{0} is not there any more")]
    Gone(ObjRef),
    /// The object is no longer as it was when the change was planned: a new plan follows with the next report.
    #[error("{target} is no longer as planned for: {what}")]
    Changed {
        /// The object.
        target: ObjRef,
        /// What differs.
        what: String,
    },
    /// An object of the name to be created is there and not ours.
    #[error("{0} exists already and was not created by this operator")]
    Taken(ObjRef),
    /// The server would not accept the change, or would store something else.
    #[error("the server refuses to change {target}: {why}")]
    Refused {
        /// The object.
        target: ObjRef,
        /// What it answered to the dry run or the write.
        why: String,
    },
    /// The server would accept the change, and warns of what it does: people have to decide.
    #[error("the server warns of the change to {target}: {}", warnings.join("; "))]
    Warned {
        /// The object.
        target: ObjRef,
        /// What it warned of in answer to the dry run.
        warnings: Vec<String>,
    },
    /// RBAC does not allow it.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// A change of this form is not made at all.
    #[error("{0}")]
    Unsupported(String),
    /// The server did not answer in time; whether it wrote is seen on the next look.
    #[error("the server did not answer within {0} s")]
    Timeout(u64),
    /// Anything else on the way to the server.
    #[error("the server cannot be reached or failed: {0}")]
    Api(#[source] kube::Error),
}

impl Error {
    /// A bounded word for labels and events.
    pub const fn category(&self) -> &'static str {
        match self {
            Self::NotLeader => "not_leader",
            Self::Gone(_) => "gone",
            Self::Changed { .. } => "changed",
            Self::Taken(_) => "taken",
            Self::Refused { .. } => "refused",
            Self::Warned { .. } => "warned",
            Self::Forbidden(_) => "forbidden",
            Self::Unsupported(_) => "unsupported",
            Self::Timeout(_) => "timeout",
            Self::Api(_) => "api",
        }
    }

    /// Whether it is worth telling people: races and a lost lease resolve themselves.
    pub const fn is_failure(&self) -> bool {
        !matches!(self, Self::NotLeader | Self::Gone(_) | Self::Changed { .. })
    }

    /// What an answer of the server means for a target. A JSON Patch whose `test` does not hold is answered 422 without
    /// any details (measured on 1.37), a refused value 422 with causes, a lost race of server-side apply 409.
    pub(super) fn of(target: &ObjRef, error: kube::Error) -> Self {
        let kube::Error::Api(status) = &error else {
            return Self::Api(error);
        };
        let target = target.clone();
        let untold = status.details.as_ref().is_none_or(|d| d.causes.is_empty());
        match (status.code, status.reason.as_str()) {
            (404, _) => Self::Gone(target),
            (403, _) if status.message.contains("being terminated") => Self::Gone(target),
            (403, _) => Self::Forbidden(status.message.clone()),
            (409, _) => Self::Changed {
                target,
                what: status.message.clone(),
            },
            (422, _) if untold && status.message.starts_with("the server rejected our request") => {
                Self::Changed {
                    target,
                    what: "its uid or the old value".into(),
                }
            }
            (400 | 405 | 413 | 415 | 422, _) => Self::Refused {
                target,
                why: status.message.clone(),
            },
            _ => Self::Api(error),
        }
    }
}
