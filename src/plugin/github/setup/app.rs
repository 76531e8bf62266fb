//! Making a GitHub App from a manifest: the browser posts it, a person confirms it, and the code that comes
//! back is exchanged for everything the App is.

use std::sync::Arc;

use http::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::super::client::{self, client_options};
use super::super::options::Options;
use super::EVENTS;
use crate::clock::Clock;
use crate::plugin::client::{Client, Request, segment};
use crate::plugin::setup::{AppForm, AppWish, Apps, NewApp};
use crate::plugin::{Call, PluginError};

/// Where the App's private key is kept.
const KEY_FILE: &str = "github-app.pem";

/// GitHub before there is an App or a token.
#[derive(Debug)]
pub struct GithubApps {
    client: Client,
    web: Url,
}

/// What GitHub makes of a manifest.
#[derive(Debug, Deserialize)]
struct Conversion {
    id: u64,
    slug: String,
    html_url: String,
    client_id: String,
    webhook_secret: SecretString,
    pem: SecretString,
}

impl GithubApps {
    /// GitHub at these addresses; nothing secret is needed.
    #[must_use]
    pub fn new(options: &Options, clock: Arc<dyn Clock>, http: reqwest::Client) -> Self {
        Self { client: Client::new(client_options(options), clock, http), web: options.git_url.clone() }
    }

    async fn convert(&self, code: &str) -> Result<NewApp, PluginError> {
        // A code is good for one exchange: an answer that was lost is not asked for again.
        let path = format!("/app-manifests/{}/conversions", segment(code));
        let request = Request { method: Method::POST, ..Request::post(path, &json!({})) };
        let made: Conversion = self.client.send(&request).await?.json(&self.client)?;
        Ok(NewApp {
            about: format!("The App {}, client id {}", made.slug, made.client_id),
            page: format!("{}/installations/new", made.html_url),
            options: vec![("app_id", json!(made.id)), ("private_key_file", json!(format!("./{KEY_FILE}")))],
            key_file: KEY_FILE,
            key: made.pem,
            webhook_secret: made.webhook_secret,
        })
    }
}

impl Apps for GithubApps {
    fn form(&self, wish: &AppWish) -> AppForm {
        let web = self.web.as_str().trim_end_matches('/');
        let owner = wish.organisation.as_ref();
        let owner = owner.map(|name| format!("/organizations/{}", segment(name))).unwrap_or_default();
        let state = segment(&wish.state);
        AppForm {
            action: format!("{web}{owner}/settings/apps/new?state={state}"),
            field: "manifest",
            manifest: manifest(wish),
        }
    }

    fn key_file(&self) -> &'static str {
        KEY_FILE
    }

    fn redeem<'a>(&'a self, code: &'a str) -> Call<'a, NewApp> {
        Box::pin(self.convert(code))
    }
}

fn manifest(wish: &AppWish) -> Value {
    let public = wish.public.as_str().trim_end_matches('/');
    json!({
        "name": wish.name,
        "url": public,
        "hook_attributes": {"url": format!("{public}/webhooks/{}", client::NAME), "active": true},
        "redirect_url": wish.redirect,
        "public": false,
        "default_permissions": {
            "contents": "write", "issues": "write", "pull_requests": "write", "checks": "read", "metadata": "read",
        },
        "default_events": EVENTS,
    })
}
