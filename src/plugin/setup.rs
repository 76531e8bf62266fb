//! Setting a service up: what a person must bring, what is made for them, and webhooks that are registered
//! over the service's own API.

use std::fmt::Debug;

use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::Call;
use crate::event::{RepositoryName, SourceName};

/// A service whose webhooks can be set up over its API.
pub trait Hooks: Debug + Send + Sync {
    /// The provider's name.
    fn name(&self) -> SourceName;

    /// Where its API is.
    fn api(&self) -> &Url;

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
    /// What an app on the service is made from, where a person does that by hand.
    pub manifest: Option<Manifest>,
}

/// What an app on a service is made from.
#[derive(Debug, Clone, Copy)]
pub struct Manifest {
    /// The file that it is written to.
    pub file: &'static str,
    /// Writes it, for this public address; without one for deliveries that are fetched.
    pub write: fn(Option<&str>) -> Value,
}

/// A service on which an App can be made in the browser, from a manifest.
pub trait Apps: Debug + Send + Sync {
    /// What the browser must post, and where to.
    fn form(&self, wish: &AppWish) -> AppForm;

    /// The file that the App's private key will be kept in.
    fn key_file(&self) -> &'static str;

    /// Exchanges the code with which the service sent the browser back. It is good for one time.
    fn redeem<'a>(&'a self, code: &'a str) -> Call<'a, NewApp>;
}

/// What an App is to be.
#[derive(Debug, Clone)]
pub struct AppWish {
    /// What it is called; the name must be free on the whole service.
    pub name: String,
    /// By which address others reach Ostler.
    pub public: Url,
    /// Where the browser is sent back to.
    pub redirect: Url,
    /// What it brings back, so that nobody else's answer is taken for this one's.
    pub state: String,
    /// Whose it is, where not the person's own.
    pub organisation: Option<String>,
}

/// What a browser must post.
#[derive(Debug, Clone)]
pub struct AppForm {
    /// Where to.
    pub action: String,
    /// The field that the manifest is in.
    pub field: &'static str,
    /// The manifest.
    pub manifest: Value,
}

/// An App that was made.
#[derive(Debug)]
pub struct NewApp {
    /// What it is, for people.
    pub about: String,
    /// Where it is installed.
    pub page: String,
    /// Options of the plugin that it stands for.
    pub options: Vec<(&'static str, Value)>,
    /// The file that its private key is kept in.
    pub key_file: &'static str,
    /// Its private key.
    pub key: SecretString,
    /// What it signs deliveries with.
    pub webhook_secret: SecretString,
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
    /// Under `sources`, in the place of everything else there: where nobody outside can reach Ostler.
    Line,
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
