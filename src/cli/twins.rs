//! `ostler twins`: stand-ins of the outside services, for tests and for trying Ostler out.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use url::Url;

use super::exit::Exit;
use super::screen::Screen;
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
    let listener = TcpListener::bind(arguments.listen).await?;
    let twins = twin::serve(listener, twin::Options::new(arguments.hooks)).await?;
    screen.line(format_args!("twins on {}", twins.base_url()));
    screen.note("what there is: GET /twin/state; let a person act: POST /twin/act; break something: POST /twin/faults");
    tokio::signal::ctrl_c().await?;
    twins.shutdown().await;
    Ok(Exit::Done)
}
