//! `BaselineException`s as the engine applies them.

use plimsoll_api::BaselineException;
use plimsoll_engine::exception::Exception;
use serde_json::Value;

/// Reads one; the error says why it covers nothing.
pub(crate) fn read(object: &Value) -> Result<Exception, String> {
    let exception: BaselineException =
        serde_path_to_error::deserialize(object).map_err(|e| format!("{}: {}", e.path(), e.inner()))?;
    exception.exception().map_err(|e| e.to_string())
}
