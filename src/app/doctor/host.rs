//! This machine and what is kept on it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use rustix::process::{Resource, getrlimit};

use crate::app::admin_socket;
use crate::config::Config;
use crate::plugin::checkup::{Finding, Health};
use crate::store;
use crate::workspace::sandbox::Sandbox;

/// Free bytes below which a disk is worth a word, and below which a store cannot be trusted to it.
const DISK_NOTED: u64 = 1 << 30;
const DISK_REFUSED: u64 = 100 << 20;

/// Open files that a busy server may need: its connections, its store, and what its agents run.
const FILES: u64 = 1024;

/// The sandbox, the limits and the data that come with the operating system.
pub(super) async fn machine(config: &Config) -> Vec<Finding> {
    let mut findings = vec![sandbox(config).await, files(), time_zones()];
    findings.extend(directory("workspaces", &config.system.workspace_dir));
    findings
}

/// Whether nobody else can read the file of secrets, where there is one.
pub(super) fn secrets(file: &Path) -> Option<Finding> {
    let mode = file.metadata().ok()?.mode() & 0o777;
    if mode & 0o077 == 0 {
        return Some(Finding::ok("secrets", format!("{} is nobody else's to read", file.display())));
    }
    let said = format!("others may read {} (mode {mode:o})", file.display());
    Some(Finding::failed("secrets", said, format!("chmod 600 {}", file.display())))
}

/// The directory that everything is kept in, and whether the store in it opens.
pub(super) async fn store(config: &Config) -> Vec<Finding> {
    let Some(data) = config.data_dir() else {
        let advice = "write `store: {url: sled://./data}` to keep anything over a restart";
        return vec![Finding::bad(Health::Warning, "store", "is in memory only", advice)];
    };
    let mut findings = directory("data", &data);
    findings.push(opens(config, &data).await);
    findings
}

async fn sandbox(config: &Config) -> Finding {
    let sandbox = Sandbox::probe(config.security.sandbox.options()).await;
    let said = format!("level {} by {}", sandbox.level(), sandbox.means());
    match sandbox.demand() {
        Ok(()) if sandbox.bounds_processes() => Finding::ok("sandbox", said),
        Ok(()) => {
            let advice = "install bubblewrap (apt install bubblewrap), or run as another user than root";
            let said = format!("{said}; the number of a command's processes is not bounded");
            Finding::bad(Health::Warning, "sandbox", said, advice)
        }
        Err(error) => {
            let advice = "install bubblewrap (apt install bubblewrap) and allow unprivileged user namespaces, or \
                          lower security.sandbox.minimum";
            Finding::failed("sandbox", error.to_string(), advice)
        }
    }
}

fn files() -> Finding {
    let limit = getrlimit(Resource::Nofile).current;
    let said = limit.map_or_else(|| "as many as wanted".to_owned(), |limit| format!("{limit} at once"));
    if limit.is_none_or(|limit| limit >= FILES) {
        return Finding::ok("open files", said);
    }
    let advice = format!("raise it to {FILES} or more (LimitNOFILE= in systemd, ulimit -n in a shell)");
    Finding::bad(Health::Warning, "open files", said, advice)
}

fn time_zones() -> Finding {
    match TimeZone::get("Europe/Berlin") {
        Ok(_) => Finding::ok("time zones", "are known"),
        Err(_) => {
            let said = "this machine has no time zone data";
            Finding::bad(Health::Warning, "time zones", said, "install tzdata (apt install tzdata)")
        }
    }
}

/// Whether a directory, or the nearest one above it that is there, can be written to, has room, and is shut to
/// others.
fn directory(what: &str, directory: &Path) -> Vec<Finding> {
    let there = nearest(directory);
    let shown = directory.display();
    let mut findings = Vec::new();
    match tempfile::tempfile_in(&there) {
        Ok(_) if there == directory => findings.push(Finding::ok(what, format!("{shown} can be written to"))),
        Ok(_) => findings.push(Finding::ok(what, format!("{shown} can be made"))),
        Err(error) => {
            let advice = "give the directory to the user that runs Ostler, or configure another one";
            findings.push(Finding::failed(what, format!("{}: {error}", there.display()), advice));
        }
    }
    findings.extend(room(what, &there));
    findings.extend(open_to_others(what, directory));
    findings
}

fn nearest(directory: &Path) -> PathBuf {
    let there = directory.ancestors().find(|above| above.is_dir());
    there.unwrap_or(Path::new(".")).to_owned()
}

/// How much room a disk has left; nothing where the system does not say.
fn room(what: &str, directory: &Path) -> Option<Finding> {
    let disk = rustix::fs::statvfs(directory).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let what = format!("{what}, room");
    let said = format!("{} MiB are free", free >> 20);
    let advice = "make room, or configure a directory on another disk";
    Some(match free {
        ..DISK_REFUSED => Finding::failed(what, said, advice),
        DISK_REFUSED..DISK_NOTED => Finding::bad(Health::Warning, what, said, advice),
        _ => Finding::ok(what, said),
    })
}

fn open_to_others(what: &str, directory: &Path) -> Option<Finding> {
    let mode = directory.metadata().ok()?.mode() & 0o777;
    let advice = format!("chmod go-rwx {}", directory.display());
    (mode & 0o007 != 0).then(|| {
        let said = format!("everybody on this machine may look into it (mode {mode:o})");
        Finding::bad(Health::Warning, format!("{what}, rights"), said, advice)
    })
}

async fn opens(config: &Config, data: &Path) -> Finding {
    if !data.exists() {
        return Finding { health: Health::Skipped, ..Finding::ok("store", "there is none yet") };
    }
    if let Some(answered) = served(data).await {
        return answered;
    }
    match store::open(&config.store.url) {
        Ok(_) => Finding::ok("store", "opens"),
        Err(error) => {
            let advice = "stop what else uses it; where it is damaged, restore it from a backup";
            Finding::failed("store", error.to_string(), advice)
        }
    }
}

/// What the server that has the store open says of it; nothing where no server runs.
async fn served(data: &Path) -> Option<Finding> {
    let socket = Some(admin_socket(data)).filter(|socket| socket.exists())?;
    let client = reqwest::Client::builder().unix_socket(socket).build().ok()?;
    let answer = match client.get("http://ostler/api/v1/census").send().await {
        Ok(answer) => answer,
        // A socket file outlives a server that was killed.
        Err(error) if error.is_connect() => return None,
        Err(error) => return Some(silent(&error.without_url().to_string())),
    };
    if answer.status().is_success() {
        return Some(Finding::ok("store", "a server runs on it and answers"));
    }
    Some(silent(&format!("it answered {}", answer.status())))
}

fn silent(why: &str) -> Finding {
    let said = format!("a server runs on it and does not tell of it: {why}");
    Finding::failed("store", said, "look at the server's log")
}
