//! `ostler serve`: takes in webhooks and runs what they start, until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::exit::Exit;
use super::screen::Screen;
use crate::app::App;
use crate::config::{self, Environment, Loaded};
use crate::workspace::sandbox;

/// What `ostler serve` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The configuration; `ostler.yaml` in this directory unless given, else the built-in one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen here instead of where the configuration says.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Keep everything in this directory instead of where the configuration says.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Arguments {
    /// The configuration with what the command line says on top.
    fn load(&self, environment: &Environment) -> Result<Loaded, config::ConfigError> {
        let mut loaded = config::load(self.config.as_deref(), environment)?;
        if let Some(listen) = self.listen {
            loaded.config.server.listen = listen;
        }
        if let Some(data) = &self.data {
            loaded.config.store.url = format!("sled://{}", data.display());
            loaded.config.system.workspace_dir = data.join("workspaces");
        }
        Ok(loaded)
    }
}

/// Serves until SIGINT or SIGTERM; SIGHUP reloads.
pub(super) async fn run(
    arguments: Arguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    // Before any secret is read.
    sandbox::shut_own_memory();
    let loaded = arguments.load(environment)?;
    for notice in &loaded.notices {
        screen.note(notice);
    }
    // Signals that come while the parts start must not be lost.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let listen = loaded.config.server.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let again = {
        let environment = environment.clone();
        move || arguments.load(&environment)
    };
    let stopped = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let mut stopped = pin!(stopped);
    let app = tokio::select! {
        biased;
        // Whom the start waits for may be long in answering.
        () = &mut stopped => return Ok(Exit::Done),
        started = App::start_reading(loaded, again, listener) => started?,
    };
    screen.line(format_args!("listening on http://{}", app.address()));
    let serving = async {
        for remark in app.remarks().await {
            screen.note(remark);
        }
        while hangup.recv().await.is_some() {
            // What came of it is in the log, and on the admin socket.
            app.reload().await;
        }
        std::future::pending().await
    };
    tokio::select! {
        () = stopped => {}
        () = serving => {}
    }
    app.shutdown().await;
    Ok(Exit::Done)
}
