//! What is certain and what is merely possible.

use super::PortSet;

/// Whether something holds: a policy may be written so that it cannot be told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Match {
    No,
    Maybe,
    Yes,
}

impl From<bool> for Match {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// Ports that are certainly open, and those that may be. What is sure is possible too.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Bounds {
    /// Open however what is not known turns out.
    pub sure: PortSet,
    /// Open in some case: an `ipBlock` matches pods, a node is the pod's own, a namespace has the label.
    pub possible: PortSet,
}

impl Bounds {
    /// Nothing is open.
    pub const NONE: Self = Self {
        sure: PortSet::NONE,
        possible: PortSet::NONE,
    };
    /// Everything is open.
    pub const ALL: Self = Self {
        sure: PortSet::ALL,
        possible: PortSet::ALL,
    };

    /// Exactly these ports.
    pub fn exactly(ports: PortSet) -> Self {
        Self {
            sure: ports.clone(),
            possible: ports,
        }
    }

    /// Whether certainly no port is open.
    pub const fn is_none(&self) -> bool {
        self.possible.is_none()
    }

    /// Open in both: one direction and the other.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            sure: self.sure.and(&other.sure),
            possible: self.possible.and(&other.possible),
        }
    }

    /// Open in either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self {
            sure: self.sure.or(&other.sure),
            possible: self.possible.or(&other.possible),
        }
    }
}
