//! `ostler twins`: stand-ins of the outside services, for tests and for trying Ostler out.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::exit::Exit;
use super::screen::Screen;
use crate::clock::SystemClock;
use crate::twin;

/// What `ostler twins` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Listen here.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Where Ostler listens: the twins send their webhooks there.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    hooks: Url,
}

/// Serves until SIGINT.
pub(super) async fn run(arguments: Arguments, screen: &Screen) -> anyhow::Result<Exit> {
    let listen = arguments.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let stop = CancellationToken::new();
    let twins =
        twin::serve(listener, twin::Options::new(arguments.hooks, Arc::new(SystemClock)), stop.clone())
            .await?;
    screen.line(format_args!("twins on {}", twins.base()));
    screen.note("what there is: GET /twin/state; let a person act: POST /twin/act; break something: POST /twin/faults");
    tokio::signal::ctrl_c().await?;
    stop.cancel();
    twins.stopped().await;
    Ok(Exit::Done)
}
