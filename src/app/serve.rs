//! The two doors: the public one over TCP, and the admin socket for the command line.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::serve::Listener;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{AppError, io};
use crate::clock::SystemClock;
use crate::http::door::{self, Bounds};
use crate::http::{self, Face};

/// Serves the public routes until told to stop.
pub(super) fn public(listener: TcpListener, face: Face, stop: CancellationToken) -> JoinHandle<()> {
    spawn(listener, http::router(face), stop)
}

/// Serves the admin routes.
pub(super) fn admin(listener: UnixListener, routes: Router, stop: CancellationToken) -> JoinHandle<()> {
    spawn(listener, routes, stop)
}

/// Listens on a socket that only its owner can open.
pub(super) fn listen_admin(socket: &Path) -> Result<UnixListener, AppError> {
    let failed = |error| io(socket.display(), error);
    // The store is locked to one process, so a socket that is already there belongs to one that was killed.
    if socket.exists() {
        std::fs::remove_file(socket).map_err(failed)?;
    }
    let listener = UnixListener::bind(socket).map_err(failed)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

fn spawn<L: Listener>(listener: L, routes: Router, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(door::serve(listener, routes, Bounds::default(), Arc::new(SystemClock), stop))
}
