//! Other people's servers for the same body: how they are started is in `benches/peers`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::delivery::SECRET;
use super::server::Server;
use super::{CONNECTIONS, ROUNDS, Rounds, load};

/// The peers by name, each with its interpreter, where what it needs is installed, and its program.
const PEERS: [(&str, &str, &str, &str); 2] = [
    ("probot, keeps nothing", "node", "node_modules/probot", "probot.mjs"),
    ("fastapi and sqlite", "venv/bin/python", "venv/bin/uvicorn", "fastapi_sqlite.py"),
];

/// Sends the same requests to each peer that is installed.
pub(crate) async fn compare(requests: &[Vec<u8>], ostler: f64) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers");
    // Slow servers get fewer, so that a run stays bearable.
    let requests = &requests[..requests.len() / 4];
    for (name, interpreter, needs, program) in PEERS {
        if !dir.join(needs).exists() {
            println!("{name}: not installed (benches/peers/README.md says how)");
            continue;
        }
        let mut rounds = Rounds::default();
        for _ in 0..ROUNDS {
            let kept = tempfile::tempdir().unwrap();
            let mut command = Command::new(found(&dir, interpreter));
            command.current_dir(&dir).arg(program).env("SECRET", SECRET).env("DATA", kept.path());
            let server = Server::start(&mut command);
            rounds.add(&load::send(&server.address, requests, CONNECTIONS).await);
        }
        rounds.print(name, &rounds);
        println!("{:<26}{:>7.1} times as many by ostler", "", ostler / rounds.rate());
    }
}

fn found(dir: &Path, interpreter: &str) -> PathBuf {
    let own = dir.join(interpreter);
    if own.exists() { own } else { interpreter.into() }
}
