use std::path::Path;

use super::*;
use crate::clock::SystemClock;
use crate::config::{Environment, load};

const CONFIG: &str = "\
plugins:
  task_management: {provider: none, enabled: false}
  communication: {provider: none, enabled: false}
  version_control: {provider: github, options: {token: one}}
";
const HANDLER: &str = "description: Each push.\non: github.push\nrun: note\n";
const NOTE: &str =
    "name: Note\nsteps:\n  - {name: note, type: system, action: log, inputs: {message: \"a push\"}}\n";

/// A project in a directory of its own, with a reader that was started on it.
struct Scene {
    dir: tempfile::TempDir,
    reader: Reader,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "ostler.yaml", CONFIG);
        write(dir.path(), "handlers/pushed.yaml", HANDLER);
        write(dir.path(), "workflows/note.yaml", NOTE);
        let file = dir.path().join("ostler.yaml");
        let read = move || {
            load(Some(&file), &Environment::default()).map(|loaded| {
                let origin = crate::app::origin(&loaded);
                (loaded, origin)
            })
        };
        let (loaded, origin) = read().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let registry = Arc::new(Registry::build(loaded.config.vendors().unwrap(), &clock).unwrap());
        let catalog = Catalog::load_from(&origin, &registry::vocabulary()).unwrap();
        let policy = crate::app::policy(&loaded.config, catalog, registry);
        let reader = Reader::new(Box::new(read), (&loaded, &origin), &policy, &clock);
        Self { dir, reader }
    }

    fn write(&self, path: &str, text: &str) {
        write(self.dir.path(), path, text);
    }
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn services_stay_the_same_until_their_own_options_change() {
    let mut scene = Scene::new();
    assert!(scene.reader.read().unwrap().is_none(), "nothing has changed");
    let before = Arc::clone(&scene.reader.registry);
    scene.write("handlers/pushed.yaml", &HANDLER.replace("Each", "Every"));
    let fresh = scene.reader.read().unwrap().unwrap();
    assert!(Arc::ptr_eq(&fresh.policy.registry, &before));
    scene.write("ostler.yaml", &format!("{CONFIG}limits: {{max_cost_per_task: 1.00}}\n"));
    let fresh = scene.reader.read().unwrap().unwrap();
    assert!(Arc::ptr_eq(&fresh.policy.registry, &before));
    scene.write("ostler.yaml", &CONFIG.replace("one", "two"));
    let fresh = scene.reader.read().unwrap().unwrap();
    assert!(!Arc::ptr_eq(&fresh.policy.registry, &before));
    assert!(scene.reader.read().unwrap().is_none(), "it is compared with what was read last");
}

#[tokio::test]
async fn what_waits_for_the_next_start_is_compared_with_the_last_one() {
    let mut scene = Scene::new();
    scene.write("ostler.yaml", &format!("{CONFIG}server: {{listen: \"127.0.0.1:1\"}}\n"));
    let first = scene.reader.read().unwrap().unwrap();
    assert_eq!(first.at_next_start, ["server.listen"]);
    scene.write("handlers/pushed.yaml", &HANDLER.replace("Each", "Every"));
    assert_eq!(scene.reader.read().unwrap().unwrap().at_next_start, ["server.listen"], "it still waits");
    scene.write("ostler.yaml", CONFIG);
    assert!(scene.reader.read().unwrap().unwrap().at_next_start.is_empty());
}

#[tokio::test]
async fn faults_of_configuration_and_catalog_are_told_together_and_a_missing_file_is_waited_for() {
    let mut scene = Scene::new();
    scene.write("ostler.yaml", &CONFIG.replace("options: {token: one}", "config_file: later.yaml"));
    scene.write("handlers/pushed.yaml", &HANDLER.replace("note", "nope"));
    let faults = scene.reader.read().unwrap_err();
    let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert!(told[0].contains("later.yaml") && told[1].contains("handlers/pushed.yaml:3:6: "), "{told:#?}");
    let later = scene.dir.path().join("later.yaml");
    assert!(scene.reader.places().files.contains(&later));
    scene.write("later.yaml", "token: one\n");
    scene.write("handlers/pushed.yaml", HANDLER);
    scene.reader.read().unwrap();
    let places = scene.reader.places().clone();
    let known = ["ostler.yaml", ".env", "later.yaml"].map(|name| scene.dir.path().join(name));
    assert!(known.iter().all(|file| places.files.contains(file)), "{places:?}");
    assert!(places.folders.contains(&scene.dir.path().join("handlers/")), "{places:?}");
}
