use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::app::accounts::tests::policy;
use crate::clock::{ManualClock, SystemClock};
use crate::ingress::Current;
use crate::plugin::Registry;

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
        while scene.reads() < reads {
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

#[tokio::test]
async fn the_kernel_brings_the_next_look_forward() {
    let scene = Scene::new();
    let watching = tokio::spawn(scene.watch(Arc::new(SystemClock), true).keep_watching());
    for (reads, file) in [(1, None), (2, Some("handlers/a.yaml")), (3, Some("ostler.yaml"))] {
        let began = SystemClock.now();
        if let Some(file) = file {
            scene.write(file, "on: another");
        }
        while scene.reads() < reads {
            tokio::task::yield_now().await;
        }
        let took = Duration::try_from(SystemClock.now().duration_since(began)).unwrap();
        assert!(took < LOOK - Duration::from_secs(1), "{file:?}: {took:?}");
    }
    watching.abort();
}
