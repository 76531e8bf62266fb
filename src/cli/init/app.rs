//! Making an App on a service: a page on this machine sends the browser there with a manifest, and the service
//! sends the browser back with a code that is exchanged for the App.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use url::Url;

use super::answers::made_secret;
use crate::clock::{Clock, SystemClock};
use crate::http::Problem;
use crate::plugin::setup::{AppForm, AppWish, Apps, NewApp};

/// How long a person may take to confirm.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// An answer to a question that was not asked here, or was answered before.
const NOT_OURS: Problem = Problem::Missing("open question");

/// What an App is to be.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) name: String,
    pub(super) public: Url,
    pub(super) organisation: Option<String>,
}

/// What the page's routes share.
#[derive(Debug)]
struct Page {
    form: AppForm,
    state: String,
    /// Taken by the first browser that comes back with the right state: a code is used once.
    code: Mutex<Option<oneshot::Sender<String>>>,
}

/// Lets a person make an App; `tell` is given the page's address.
pub(super) async fn make(apps: &dyn Apps, wish: Wish, tell: impl FnOnce(&Url)) -> anyhow::Result<NewApp> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("no port on this machine")?;
    let own = Url::parse(&format!("http://{}", listener.local_addr()?))?;
    let state = made_secret()?;
    let redirect = own.join("callback")?;
    let Wish { name, public, organisation } = wish;
    let form = apps.form(&AppWish { name, public, redirect, state: state.clone(), organisation });
    let (sender, code) = oneshot::channel();
    let page = Arc::new(Page { form, state, code: Mutex::new(Some(sender)) });
    let routes = Router::new().route("/", get(show)).route("/callback", get(come_back)).with_state(page);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = axum::serve(listener, routes).with_graceful_shutdown(async { drop(stopped.await) });
    let served = tokio::spawn(serving.into_future());
    tell(&own);
    let code = tokio::select! {
        code = code => code.context("the page ended before the App was made")?,
        () = SystemClock.sleep(PATIENCE) => bail!("nobody confirmed the App within {} minutes", PATIENCE.as_secs() / 60),
    };
    drop(stop);
    let made = apps.redeem(&code).await;
    drop(served.await);
    Ok(made?)
}

/// A form that sends itself; with scripts switched off there is a button.
async fn show(State(page): State<Arc<Page>>) -> Html<String> {
    let (action, field) = (escaped(&page.form.action), page.form.field);
    let manifest = escaped(&page.form.manifest.to_string());
    Html(format!(
        "<!doctype html><meta charset=utf-8><title>Ostler</title>\n\
         <form id=app method=post action=\"{action}\"><input type=hidden name={field} value=\"{manifest}\">\
         <button>Make the App</button></form>\n<script>document.getElementById('app').submit()</script>\n"
    ))
}

#[derive(Debug, Deserialize)]
struct Back {
    code: Option<String>,
    state: Option<String>,
}

async fn come_back(State(page): State<Arc<Page>>, Query(back): Query<Back>) -> Response {
    let state = back.state.unwrap_or_default();
    let ours = bool::from(state.as_bytes().ct_eq(page.state.as_bytes()));
    let Some(code) = back.code.filter(|code| ours && !code.is_empty()) else {
        return NOT_OURS.into_response();
    };
    let sender = page.code.lock().unwrap_or_else(PoisonError::into_inner).take();
    match sender.map(|sender| sender.send(code)) {
        Some(Ok(())) => Html("<p>The App is made. Go on at the terminal.</p>".to_owned()).into_response(),
        _ => NOT_OURS.into_response(),
    }
}

/// A text between double quotes in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}
