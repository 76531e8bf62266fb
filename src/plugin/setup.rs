//! Setting a service up: what a person must bring, what is made for them, and webhooks that are registered
//! over the service's own API.

use std::fmt::Debug;

use secrecy::SecretString;
use serde::Serialize;
use url::Url;

use super::Call;
use crate::event::{RepositoryName, SourceName};

/// A service whose webhooks can be set up over its API.
pub trait Hooks: Debug + Send + Sync {
    /// The provider's name.
    fn name(&self) -> SourceName;

    /// Makes webhooks deliver to an address. One that does so already is brought up to date, never doubled;
    /// those that deliver elsewhere are let be.
    fn register<'a>(&'a self, wanted: &'a WantedHook) -> Call<'a, Vec<Registered>>;
}

/// A webhook as it should be.
#[derive(Debug, Clone)]
pub struct WantedHook {
    /// Where it delivers to.
    pub address: Url,
    /// What it signs with.
    pub secret: SecretString,
    /// The repositories whose webhooks are meant, where a service keeps them by repository.
    pub repositories: Vec<RepositoryName>,
}

/// A webhook that is now as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Registered {
    /// Whose: a repository, or the whole site.
    pub of: String,
    /// Whether it was not there before.
    pub made: bool,
}

/// What there is to know before a vendor can be worked with.
#[derive(Debug, Clone, Copy)]
pub struct Guide {
    /// The provider's name in the configuration.
    pub provider: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// The capabilities that it can serve.
    pub serves: &'static [&'static str],
    /// What it must be told.
    pub settings: &'static [Setting],
    /// What is done by hand on the service's own pages, one sentence each; `{public}` stands for Ostler's
    /// public address.
    pub steps: &'static [&'static str],
}

/// One thing that a vendor must be told.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Where in the configuration.
    pub place: Place,
    /// Under which key there.
    pub key: &'static str,
    /// The environment variable that gives it.
    pub variable: &'static str,
    /// What it is and where a person finds it.
    pub about: &'static str,
    /// How it is got.
    pub kind: Kind,
}

/// Where in the configuration something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Under `sources`, as the only member of a list.
    Source,
    /// Among the options of the capability's provider.
    Plugin,
    /// Under `ai_provider`.
    Model,
}

/// How something that a vendor must be told is got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A secret that the vendor gives.
    Secret,
    /// A secret that both sides share, and that is made here.
    Made,
    /// No secret.
    Plain,
    /// No secret, and this unless somebody says otherwise.
    Usually(&'static str),
}

impl Kind {
    /// Whether it must never stand in a file that others read.
    #[must_use]
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::Made)
    }
}
