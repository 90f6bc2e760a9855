//! Repairs on a real API server: for each kind of owner, what is written or left alone, and that the owner's next deploy
//! succeeds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod changes;
mod owners;
mod place;
mod process;
mod repairs;
