//! Apps that are made from a manifest: the page that a browser posts it to, and the exchange of the code.

use std::sync::Arc;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use axum::Json;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{Answer, Refusal};
use crate::twin::TwinError;
use crate::twin::world::World;

/// What a manifest must hold.
#[derive(Debug, Clone, Deserialize)]
struct Manifest {
    name: String,
    url: Url,
    hook_attributes: HookAttributes,
    redirect_url: Url,
    #[serde(default)]
    default_permissions: Value,
    #[serde(default)]
    default_events: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct HookAttributes {
    url: Url,
}

/// An App that waits for its code to be exchanged.
#[derive(Debug)]
pub(super) struct Pending {
    code: String,
    manifest: Manifest,
}

#[derive(Debug, Deserialize)]
pub(super) struct Posted {
    manifest: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    state: Option<String>,
}

/// The person confirms at once: the browser goes back with a code.
pub(super) async fn confirm(
    State(world): State<Arc<World>>,
    Query(asked): Query<Asked>,
    Form(posted): Form<Posted>,
) -> Answer {
    let manifest: Result<Manifest, _> = serde_json::from_str(&posted.manifest);
    let manifest = manifest.map_err(|error| Refusal::unprocessable(format!("Invalid manifest: {error}")))?;
    let mut back = manifest.redirect_url.clone();
    let mut state = world.github();
    let code = format!("code{:06}", state.next_id());
    back.query_pairs_mut().append_pair("code", &code);
    if let Some(state) = &asked.state {
        back.query_pairs_mut().append_pair("state", state);
    }
    state.pending_apps.push(Pending { code, manifest });
    Ok(Redirect::to(back.as_str()).into_response())
}

/// Gives what was made of a manifest, once.
pub(super) async fn convert(State(world): State<Arc<World>>, Path(code): Path<String>) -> Answer {
    let (id, manifest) = {
        let mut state = world.github();
        let place = state.pending_apps.iter().position(|pending| pending.code == code);
        let pending = state.pending_apps.remove(place.ok_or_else(Refusal::missing)?);
        (state.next_id(), pending.manifest)
    };
    let slug = manifest.name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let body = json!({
        "id": id, "slug": slug, "name": manifest.name, "external_url": manifest.url,
        "html_url": world.address(&format!("/github/apps/{slug}")),
        "client_id": format!("Iv1.{id:016x}"), "client_secret": format!("secret-of-{slug}"),
        "webhook_secret": format!("webhook-secret-of-{slug}"), "pem": pem()?,
        "permissions": manifest.default_permissions, "events": manifest.default_events,
        "hook": {"url": manifest.hook_attributes.url},
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

fn pem() -> Result<String, Refusal> {
    let failed = |_| Refusal::from(TwinError::io("a key")(std::io::Error::other("no key could be made")));
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let der = key.as_der().map_err(failed)?;
    let text = BASE64.encode(der.as_ref());
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    Ok(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")))
}
