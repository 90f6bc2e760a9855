//! Why a document cannot be read.

use std::fmt;

/// One document that cannot be read. The documents around it are not affected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct ManifestError {
    /// Line in the whole stream, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub what: Problem,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not YAML or JSON; the text is the parser's.
    #[error("{0}")]
    Syntax(String),
    /// A template that was not rendered (`{{` outside of quotes).
    #[error("looks like an unrendered template; render the chart first (helm template) and read its output")]
    Templated,
    /// Not UTF-8 text.
    #[error("{0}")]
    Encoding(&'static str),
    /// Nested deeper than [`super::MAX_DEPTH`].
    #[error("nested deeper than {} levels", super::MAX_DEPTH)]
    TooDeep,
    /// Aliases that expand to more than [`super::ALIAS_BUDGET`] nodes.
    #[error("aliases expand to more than {} nodes", super::ALIAS_BUDGET)]
    AliasBudget,
    /// A document of 4 GiB or more.
    #[error("larger than 4 GiB")]
    TooLarge,
}

impl Problem {
    /// A bounded word for metrics and counters.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "Syntax",
            Self::Templated => "Templated",
            Self::Encoding(_) => "Encoding",
            Self::TooDeep => "TooDeep",
            Self::AliasBudget => "AliasBudget",
            Self::TooLarge => "TooLarge",
        }
    }

    pub(super) fn at(self, line: usize, column: usize) -> ManifestError {
        ManifestError {
            line,
            column,
            what: self,
        }
    }

    pub(super) fn syntax(text: impl Into<String>) -> Self {
        Self::Syntax(text.into())
    }
}

/// Something a client accepts although it is likely a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A key given twice in one mapping. The last one counts, as with kubectl.
    DuplicateKey {
        /// The key.
        key: String,
        /// Line of the entry that is lost.
        lost_line: usize,
        /// Line of the entry that counts.
        line: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateKey { key, lost_line, line } => {
                write!(
                    f,
                    "key {key:?} on line {lost_line} is lost: line {line} gives it again"
                )
            }
        }
    }
}
