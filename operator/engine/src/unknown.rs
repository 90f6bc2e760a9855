//! Why a verdict could not be reached. Unknown is never Pass.

use std::{fmt, sync::Arc};

/// A reason for not knowing. Cheap to clone: one missing right explains thousands of verdicts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unknown(Arc<Inner>);

const PANICKED: &str = "Panicked";

#[derive(Clone, PartialEq, Eq, Debug)]
struct Inner {
    reason: &'static str,
    message: Box<str>,
    live_only: bool,
}

impl Unknown {
    /// `reason` is a CamelCase word, `message` a fact in lower case without a full stop.
    pub fn new(reason: &'static str, message: impl Into<Box<str>>) -> Self {
        Self(Arc::new(Inner {
            reason,
            message: message.into(),
            live_only: false,
        }))
    }

    /// Marks what only a live cluster can answer: a scan of files is not blamed for it.
    #[must_use]
    pub fn live_only(self) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        inner.live_only = true;
        Self(Arc::new(inner))
    }

    /// A namespace carries no valid environment label.
    pub fn environment(namespace: &str) -> Self {
        Self::new(
            "EnvironmentUnknown",
            format!("namespace {namespace} has no valid environment label"),
        )
    }

    /// Objects of a scan are in a namespace whose object is not among them: its labels are not known.
    pub fn namespace_not_given(namespace: &str) -> Self {
        Self::new(
            "NamespaceNotGiven",
            format!("the Namespace object of {namespace} is not among what was scanned"),
        )
    }

    /// The configuration is of a sort that no table of ours describes.
    pub fn not_modelled(what: impl fmt::Display) -> Self {
        Self::new("NotModelled", format!("{what} is not modelled"))
    }

    /// A control or a fact panicked.
    pub(crate) fn panicked(what: &str, payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("no message");
        Self::new(PANICKED, format!("{what} panicked: {text}"))
    }

    /// Whether a control, or a fact it read, panicked.
    pub(crate) fn is_panic(&self) -> bool {
        self.0.reason == PANICKED
    }

    /// The CamelCase word.
    pub fn reason(&self) -> &'static str {
        self.0.reason
    }

    /// The fact.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether only a live cluster could have answered.
    pub fn is_live_only(&self) -> bool {
        self.0.live_only
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason(), self.message())
    }
}
