//! Noticing that what people wrote is something else now.
//!
//! The truth is a look at the files themselves, each a while after the other: it works on every file system and
//! through every link. The kernel's word that something happened only brings the next look forward, so that an
//! edit takes effect at once where the kernel tells of it.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use super::reload::{Places, Reader};
use crate::clock::Clock;
use crate::ingress::reload::Reload;
use crate::ingress::{Current, Policy};

/// How long nobody looks where the kernel tells nothing.
const LOOK: Duration = Duration::from_secs(5);
/// How long files must have stayed as they are: whoever writes several is not interrupted.
const CALM: Duration = Duration::from_millis(200);
/// How often a look is taken before files that never come to rest are read all the same.
const PATIENCE: usize = 25;
/// How deep directories are looked into; a loop of links ends here too.
const DEPTH: usize = 8;

/// Reloads whenever files have changed, for as long as it is polled.
pub(super) struct Watch {
    pub(super) reload: Arc<Reload>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) places: Arc<Mutex<Places>>,
    /// Whether the kernel is asked to tell.
    pub(super) told: bool,
}

/// What tells one state of the files from another, by path.
type Look = BTreeMap<PathBuf, Stamp>;

/// What tells one state of a file from another, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    size: u64,
    changed: (i64, i64),
}

impl Watch {
    /// Over what a reader reads, put in force in the place of what is.
    pub(super) fn over(mut reader: Reader, policy: &Arc<Current<Policy>>, clock: &Arc<dyn Clock>) -> Self {
        let places = Arc::clone(&reader.places);
        let read = Box::new(move || reader.read());
        let reload = Arc::new(Reload::new(Arc::clone(policy), Arc::clone(clock), read));
        Self { reload, clock: Arc::clone(clock), places, told: true }
    }

    /// Goes on for ever. It begins with a reload: something may have been written while Ostler started.
    pub(super) async fn keep_watching(self) {
        let mut places = self.places();
        let mut seen = look_at(&places).await;
        let mut kernel = self.kernel(&places);
        loop {
            self.reload.reload().await;
            if places != self.places() {
                // What is named now and was not looked at before may have been written since it was read.
                places = self.places();
                seen = look_at(&places).await;
                kernel = self.kernel(&places);
                continue;
            }
            seen = self.other_than(&seen, &places, kernel.as_ref()).await;
            // Directories may have come and gone, and with them what the kernel was asked.
            kernel = self.kernel(&places);
        }
    }

    /// Waits until the files are others than they were, and at rest.
    async fn other_than(&self, seen: &Look, places: &Places, kernel: Option<&Kernel>) -> Look {
        loop {
            let now = self.at_rest(places).await;
            if now != *seen {
                return now;
            }
            tokio::select! {
                () = Kernel::tells(kernel) => {}
                () = self.clock.sleep(LOOK) => {}
            }
        }
    }

    async fn at_rest(&self, places: &Places) -> Look {
        let mut before = look_at(places).await;
        for _ in 0..PATIENCE {
            self.clock.sleep(CALM).await;
            let now = look_at(places).await;
            if now == before {
                break;
            }
            before = now;
        }
        before
    }

    fn kernel(&self, places: &Places) -> Option<Kernel> {
        let asked = self.told.then(|| Kernel::ask(places))?;
        let refused = |error: &notify::Error| {
            tracing::warn!(%error, "the kernel does not tell of changed files: they are looked at every few seconds");
        };
        asked.inspect_err(refused).ok()
    }

    fn places(&self) -> Places {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The kernel's word that something happened to files.
struct Kernel {
    happened: Arc<Notify>,
    /// What asks; dropped, it asks no more.
    _watcher: RecommendedWatcher,
}

impl Kernel {
    /// Waits for its word; for ever where it was not asked.
    async fn tells(kernel: Option<&Self>) {
        match kernel {
            Some(kernel) => kernel.happened.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Asks to be told of all that is in these places. Directories are watched rather than files: most editors put
    /// another file in the place of the one that was there.
    fn ask(places: &Places) -> notify::Result<Self> {
        let happened = Arc::new(Notify::new());
        let tell = Arc::clone(&happened);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
                tell.notify_one();
            }
        })?;
        for folder in places.folders.iter().filter(|folder| folder.is_dir()) {
            watcher.watch(folder, RecursiveMode::Recursive)?;
        }
        for parent in parents(places) {
            watcher.watch(parent, RecursiveMode::NonRecursive)?;
        }
        Ok(Self { happened, _watcher: watcher })
    }
}

/// The directories in which the files and folders themselves are.
fn parents(places: &Places) -> std::collections::BTreeSet<&Path> {
    let all = places.files.iter().chain(&places.folders);
    let parents = all
        .filter_map(|path| path.parent())
        .map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    parents.filter(|parent| parent.is_dir()).collect()
}

async fn look_at(places: &Places) -> Look {
    let places = places.clone();
    let look = tokio::task::spawn_blocking(move || {
        let mut look = Look::new();
        places.files.iter().for_each(|file| note(file, 0, &mut look));
        places.folders.iter().for_each(|folder| note(folder, DEPTH, &mut look));
        look
    });
    look.await.unwrap_or_default()
}

/// Notes a file, or what is in a directory. What is not there, or cannot be looked at, is not noted.
fn note(path: &Path, depth: usize, look: &mut Look) {
    let Ok(data) = std::fs::metadata(path) else { return };
    if !data.is_dir() {
        let changed = (data.ctime(), data.ctime_nsec());
        let stamp = Stamp { inode: (data.dev(), data.ino()), size: data.size(), changed };
        look.insert(path.to_owned(), stamp);
    } else if depth > 0 {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.for_each(|entry| note(&entry.path(), depth - 1, look));
    }
}

#[cfg(test)]
mod tests;
