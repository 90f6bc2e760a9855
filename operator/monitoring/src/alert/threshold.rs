//! Numbers that an installation may want otherwise: literals in the plain rules file, values of the chart in the chart's.

use crate::promql::DAY;

/// How many days ahead somebody is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Threshold {
    /// Its name among the chart's values.
    pub name: &'static str,
    /// Days.
    pub days: u32,
    /// What it decides, for the documentation.
    pub about: &'static str,
}

/// A restore test is due.
pub(super) const RESTORE_TEST: Threshold = Threshold {
    name: "restoreTestDays",
    days: 30,
    about: "how long before the last restore test is too old `PlimsollRestoreTestDue` fires",
};
/// A certificate expires, and there is time.
pub(super) const CERTIFICATE: Threshold = Threshold {
    name: "certificateDays",
    days: 14,
    about: "how long before a certificate expires `PlimsollCertificateExpiresSoon` fires",
};
/// A certificate expires, and there is little time.
pub(super) const CERTIFICATE_URGENT: Threshold = Threshold {
    name: "certificateUrgentDays",
    days: 3,
    about: "the same for `PlimsollCertificateExpires`, and for `PlimsollServerCertificateExpires`",
};
/// An accepted risk is no longer accepted soon.
pub(super) const EXCEPTION: Threshold = Threshold {
    name: "exceptionDays",
    days: 14,
    about: "how long before an exception ends `PlimsollExceptionExpiresSoon` fires",
};

/// How thresholds are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limits {
    /// As numbers.
    Default,
    /// As marks that the chart replaces by its values.
    Marked,
}

impl Limits {
    /// In seconds.
    pub(super) fn of(self, threshold: Threshold) -> String {
        match self {
            Self::Default => (threshold.days * DAY).to_string(),
            Self::Marked => threshold.mark(),
        }
    }
}

impl Threshold {
    /// All of them.
    pub const ALL: [Self; 4] = [RESTORE_TEST, CERTIFICATE, CERTIFICATE_URGENT, EXCEPTION];

    /// What the chart replaces by as many seconds.
    pub fn mark(self) -> String {
        format!("@seconds:{}@", self.name)
    }
}
