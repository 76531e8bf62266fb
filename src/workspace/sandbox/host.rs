//! What this host has to offer: found out beside everything else, and waited for by whoever runs a command.

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
    /// A host that is tried from now on.
    #[must_use]
    pub fn probed(options: Options) -> Self {
        let host = Self { found: Arc::default(), options };
        let probing = host.clone();
        // Whoever asks before it has ended waits for it, and tries again itself where it failed.
        tokio::spawn(async move { probing.sandbox().await });
        host
    }

    /// The sandbox, once it is known.
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
