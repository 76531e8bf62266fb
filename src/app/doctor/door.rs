//! The way in: whether the public address leads here.

use url::Url;

use crate::config::Config;
use crate::plugin::checkup::{Finding, Health, is_local};
use crate::plugin::client;

const WHAT: &str = "public address";

/// Asks the public address whether Ostler is there.
pub(super) async fn public_address(config: &Config) -> Vec<Finding> {
    vec![match config.public_address() {
        None => {
            let advice = "set server.public_url to the https address by which services reach Ostler";
            Finding::bad(Health::Warning, WHAT, "server.public_url is not set", advice)
        }
        Some(Err(said)) => Finding::failed(
            WHAT,
            said,
            "write it like https://ostler.example.org, without a path for webhooks",
        ),
        Some(Ok(address)) => ask(&address).await,
    }]
}

async fn ask(address: &Url) -> Finding {
    let local = is_local(address);
    let advice =
        "start the server, and let what stands in front of it (proxy, tunnel, DNS, certificate) lead there";
    match health(address).await {
        Err(why) if local => Finding::bad(Health::Warning, WHAT, format!("{address}: {why}"), advice),
        Err(why) => Finding::failed(WHAT, format!("{address}: {why}"), advice),
        Ok(()) if local => {
            let said = format!("{address} is Ostler's, and nobody outside of this machine can reach it");
            Finding::bad(
                Health::Warning,
                WHAT,
                said,
                "set server.public_url to an address that services can reach",
            )
        }
        Ok(()) if address.scheme() != "https" => {
            let advice = "put what speaks TLS in front of it: signatures hide nothing";
            Finding::bad(Health::Warning, WHAT, format!("{address} answers, over plain HTTP"), advice)
        }
        Ok(()) => Finding::ok(WHAT, format!("{address} answers")),
    }
}

async fn health(address: &Url) -> Result<(), String> {
    let http = client::transport().map_err(|error| error.to_string())?;
    let health = format!("{}/api/v1/health", address.as_str().trim_end_matches('/'));
    let answer = http.get(health).send().await.map_err(|error| client::root(&error.without_url()))?;
    let status = answer.status();
    let body: serde_json::Value = answer.json().await.unwrap_or_default();
    if status.is_success() && body["status"] == "ok" {
        return Ok(());
    }
    Err(format!("something else than Ostler answers there ({status})"))
}
