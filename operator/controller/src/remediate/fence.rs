//! Who may write: asked once more right before each write, for a leader that was paused does not know that it was replaced.

use futures::future::BoxFuture;

/// Tells whether this replica still leads, by reading the Lease again. Not knowing is no.
pub trait Fence: Send + Sync {
    /// Asks the API server, not a memory of it.
    fn still_leader(&self) -> BoxFuture<'_, bool>;

    /// Whether this replica leads as far as it can tell by itself.
    fn is_in_time(&self) -> bool {
        true
    }
}

impl<F> Fence for F
where
    F: Fn() -> BoxFuture<'static, bool> + Send + Sync,
{
    fn still_leader(&self) -> BoxFuture<'_, bool> {
        self()
    }
}

impl Fence for crate::leader::Fence {
    fn still_leader(&self) -> BoxFuture<'_, bool> {
        Box::pin(crate::leader::Fence::still_leader(self))
    }

    fn is_in_time(&self) -> bool {
        crate::leader::Fence::is_in_time(self)
    }
}
