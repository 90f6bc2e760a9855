//! How much of a kind the inventory holds. "None found" is only true where a kind is complete.

use crate::{kind::Kind, unknown::Unknown};

/// How much of a kind is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Coverage {
    /// The first list is still under way.
    #[default]
    Syncing,
    /// The cluster does not serve the kind: there are no such objects.
    Absent,
    /// The API server refuses to let us read the kind.
    Forbidden,
    /// Every object is known.
    Complete,
    /// What was given may not be everything (`scan --partial`).
    Partial,
    /// Was complete, but the watch has been failing since.
    Stale,
}

impl Coverage {
    /// Whether an object that is not in the inventory does not exist.
    pub fn proves_absence(self, kind: Kind) -> Result<(), Unknown> {
        match self {
            Self::Complete => Ok(()),
            // A kind that is optional and absent is empty; a builtin kind that is absent is a broken API server.
            Self::Absent if kind.is_optional() => Ok(()),
            Self::Absent => Err(Unknown::new(
                "KindAbsent",
                format!("the cluster does not serve {}", kind.resource()),
            )),
            Self::Partial => Err(Unknown::new(
                "MissingContext",
                format!(
                    "only part of the cluster was given: {} may exist elsewhere",
                    kind.resource()
                ),
            )),
            other => other.proves_presence(kind),
        }
    }

    /// Whether an object that is in the inventory can be relied on.
    pub fn proves_presence(self, kind: Kind) -> Result<(), Unknown> {
        match self {
            Self::Complete | Self::Partial | Self::Absent => Ok(()),
            Self::Syncing => {
                Err(Unknown::new("Syncing", format!("{} are not listed yet", kind.resource())).live_only())
            }
            Self::Forbidden => Err(Unknown::new(
                "Forbidden",
                format!("the operator may not list and watch {}", kind.resource()),
            )
            .live_only()),
            Self::Stale => Err(Unknown::new(
                "Stale",
                format!(
                    "the watch on {} is interrupted: what is known may be old",
                    kind.resource()
                ),
            )
            .live_only()),
        }
    }

    /// Whether waiting longer may still bring the kind.
    pub fn is_settled(self) -> bool {
        self != Self::Syncing
    }
}
