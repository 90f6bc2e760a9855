//! The result as programs read it: the types that reports and the operator share.

pub(crate) use plimsoll_report::{
    entry::{Entry, Place, ResultWord, object_name},
    scan::{API_VERSION, BaselineSummary, DocumentCounts, DuplicateObject, ScanReport, UnreadableDocument},
};
