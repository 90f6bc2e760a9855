//! `BaselineException`s as the engine applies them.

use plimsoll_engine::exception::Exception;
use serde_json::Value;

/// Why an exception covers nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ExceptionError(String);

/// Reads one.
pub(crate) fn read(_object: &Value) -> Result<Exception, ExceptionError> {
    Err(ExceptionError("not read yet".into()))
}
