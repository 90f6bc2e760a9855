//! Databases outside of the cluster, which a baseline declares.

use plimsoll_engine::{control::ParamError, finding::Findings, unknown::Unknown};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A database outside of the cluster. Nothing in the cluster tells of it: only a person can attest what is asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalDatabase {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// What it is, such as `rds`.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
}

/// Most databases that are named in a message.
const SHOWN: usize = 5;

/// Refuses names that are empty or there twice.
pub(crate) fn check_external(databases: &[ExternalDatabase]) -> Result<(), ParamError> {
    for (i, database) in databases.iter().enumerate() {
        let field = |name: &str| format!("externalDatabases[{i}].{name}");
        if database.name.is_empty() {
            return Err(ParamError::new(
                field("name"),
                "is empty, expected the database's name",
            ));
        }
        if database.kind.is_empty() {
            return Err(ParamError::new(
                field("kind"),
                "is empty, expected what it is, such as rds",
            ));
        }
        if databases[..i].contains(database) {
            return Err(ParamError::new(field("name"), "is declared twice"));
        }
    }
    Ok(())
}

/// Judges them on the cluster as a whole: without any there is no verdict on it, else it is Unknown until somebody attests.
/// `what` is what cannot be seen of them.
pub(crate) fn judge_external(
    databases: &[ExternalDatabase],
    what: &str,
    out: &mut Findings,
) -> Result<(), Unknown> {
    if databases.is_empty() {
        out.not_judged();
        return Ok(());
    }
    let shown: Vec<String> = databases
        .iter()
        .take(SHOWN)
        .map(|database| format!("{} {}", database.kind, database.name))
        .collect();
    let more = match databases.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "{what} of {}{more} cannot be seen from the cluster",
        shown.join(", ")
    );
    Err(Unknown::new("AttestationNeeded", message).live_only())
}
