use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::app::accounts::tests::policy;
use crate::clock::{ManualClock, SystemClock};
use crate::ingress::Current;
use crate::plugin::Registry;

/// Longer than any file system takes.
const PATIENT: Duration = Duration::from_secs(60);

/// A project in a directory of its own, and how often it was read.
struct Scene {
    dir: tempfile::TempDir,
    reads: Arc<AtomicUsize>,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("handlers")).unwrap();
        std::fs::write(dir.path().join("handlers/a.yaml"), "on: a").unwrap();
        Self { dir, reads: Arc::default() }
    }

    fn watch(&self, clock: Arc<dyn Clock>, told: bool) -> Watch {
        let reads = Arc::clone(&self.reads);
        let read = move || {
            reads.fetch_add(1, Ordering::SeqCst);
            Ok(None)
        };
        let current = Arc::new(Current::new(policy(Arc::new(Registry::default()))));
        let files = vec![self.dir.path().join("ostler.yaml")];
        let places = Places { files, folders: vec![self.dir.path().join("handlers")] };
        let reload = Arc::new(Reload::new(current, Arc::clone(&clock), Box::new(read)));
        Watch { reload, clock, places: Arc::new(Mutex::new(places)), told }
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.dir.path().join(path), text).unwrap();
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn every_change_is_noticed_where_the_kernel_tells_nothing() {
    let scene = Scene::new();
    let clock = Arc::new(ManualClock::at("2026-11-21T08:00:00Z".parse().unwrap()));
    let watching = tokio::spawn(scene.watch(Arc::clone(&clock) as _, false).keep_watching());
    let until = async |reads: usize| {
        let began = SystemClock.now();
        while scene.reads() < reads {
            assert!(SystemClock.now() < began + PATIENT, "read {} times instead of {reads}", scene.reads());
            clock.advance(CALM);
            tokio::task::yield_now().await;
        }
    };
    let for_a_while = async || {
        for _ in 0..500 {
            clock.advance(CALM);
            tokio::task::yield_now().await;
        }
    };
    until(1).await;
    for_a_while().await;
    assert_eq!(scene.reads(), 1, "nothing has changed");
    scene.write("handlers/a.yaml", "on: b");
    until(2).await;
    scene.write("handlers/b.yaml", "on: b");
    until(3).await;
    scene.write("ostler.yaml", "system: {name: a}");
    until(4).await;
    std::fs::remove_file(scene.dir.path().join("handlers/b.yaml")).unwrap();
    until(5).await;
    // Links as Kubernetes makes them: the name stays, what is behind it is another.
    scene.write("1", "on: c");
    scene.write("2", "on: d");
    std::os::unix::fs::symlink("../1", scene.dir.path().join("handlers/c.yaml")).unwrap();
    until(6).await;
    std::os::unix::fs::symlink("../2", scene.dir.path().join("new")).unwrap();
    std::fs::rename(scene.dir.path().join("new"), scene.dir.path().join("handlers/c.yaml")).unwrap();
    until(7).await;
    for_a_while().await;
    assert_eq!(scene.reads(), 7);
    watching.abort();
}

/// A clock by which files are at rest at once, and nobody looks again of their own accord.
#[derive(Debug, Default)]
struct OnlyTold {
    /// How often somebody meant to.
    waits: AtomicUsize,
}

impl Clock for OnlyTold {
    fn now(&self) -> jiff::Timestamp {
        SystemClock.now()
    }

    fn sleep_until(&self, moment: jiff::Timestamp) -> futures_util::future::BoxFuture<'_, ()> {
        SystemClock.sleep_until(moment)
    }

    fn sleep(&self, span: Duration) -> futures_util::future::BoxFuture<'_, ()> {
        if span < LOOK {
            return Box::pin(tokio::task::yield_now());
        }
        self.waits.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn the_kernel_brings_the_next_look_forward() {
    let scene = Scene::new();
    let clock = Arc::new(OnlyTold::default());
    let watching = tokio::spawn(scene.watch(Arc::clone(&clock) as _, true).keep_watching());
    for (reads, file) in [(1, None), (2, Some("handlers/a.yaml")), (3, Some("ostler.yaml"))] {
        let waits = clock.waits.load(Ordering::SeqCst);
        if let Some(file) = file {
            scene.write(file, "on: another");
        }
        let began = SystemClock.now();
        // Until it is read, and nobody looks any more.
        while scene.reads() < reads || clock.waits.load(Ordering::SeqCst) == waits {
            assert!(SystemClock.now() < began + PATIENT, "{file:?} was not noticed");
            tokio::task::yield_now().await;
        }
    }
    watching.abort();
}
