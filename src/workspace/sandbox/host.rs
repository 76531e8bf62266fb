//! What this host has to offer: found out once, by whoever asks first.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::{Options, Sandbox};

/// The sandbox that works here. Trying takes as long as starting a few processes.
#[derive(Debug, Clone)]
pub struct Host {
    found: Arc<OnceCell<Arc<Sandbox>>>,
    options: Options,
}

impl Host {
    /// A host that has not been tried yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { found: Arc::default(), options }
    }

    /// The sandbox that works; whoever asks while it is looked for waits.
    pub async fn sandbox(&self) -> Arc<Sandbox> {
        let probe = async || Arc::new(Sandbox::probe(self.options.clone()).await);
        Arc::clone(self.found.get_or_init(probe).await)
    }
}

impl From<Sandbox> for Host {
    fn from(sandbox: Sandbox) -> Self {
        let options = sandbox.options.clone();
        Self { found: Arc::new(OnceCell::new_with(Some(Arc::new(sandbox)))), options }
    }
}
