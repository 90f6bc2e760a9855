//! What several controls share and no fact of the engine.

pub(crate) mod backup;
pub(crate) mod strangers;
