//! Workspaces over real git, with a bare repository on disk as the remote.

use std::os::unix::fs::symlink;
use std::process::Command;

use secrecy::SecretString;

use super::sandbox::Level;
use super::*;
use crate::id::EventId;

const DATE: jiff::Timestamp = jiff::Timestamp::UNIX_EPOCH;

/// A remote with one commit, and a place for workspaces.
struct Scene {
    place: tempfile::TempDir,
    workspaces: Workspaces,
    run: RunId,
}

/// What git says to a command that must succeed.
pub(crate) fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]);
    command.arg("-C").arg(directory).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Scene {
    /// A remote whose tests pass as long as `value` holds 1.
    async fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let seed = place.path().join("seed");
        std::fs::create_dir_all(seed.join("tests")).unwrap();
        git(&seed, &["init", "-q"]);
        std::fs::write(seed.join("value"), "1\n").unwrap();
        std::fs::write(seed.join(".gitignore"), "ignored\n").unwrap();
        std::fs::write(seed.join("tests/run.sh"), "grep -q 1 value && echo ok 1\n").unwrap();
        git(&seed, &["add", "-A"]);
        git(&seed, &["commit", "-qm", "seed"]);
        git(place.path(), &["clone", "-q", "--bare", "seed", "remote.git"]);
        Self::over(place).await
    }

    async fn over(place: tempfile::TempDir) -> Self {
        let sandbox = Sandbox::probe(sandbox::Options { minimum: 0, ..Default::default() }).await;
        let mut options = Options { root: place.path().join("runs"), ..Options::default() };
        options.git.protocols.push("file".to_owned());
        let run = RunId::of(EventId::at(DATE), "test");
        Self { workspaces: Workspaces::new(options, sandbox), place, run }
    }

    fn remote(&self) -> Remote {
        let url = format!("file://{}", self.place.path().join("remote.git").display());
        Remote { url, credential: Some(("x".to_owned(), SecretString::from("canary-token"))) }
    }

    async fn open(&self) -> Workspace {
        self.workspaces.open(self.run, &self.remote(), "main").await.unwrap()
    }

    fn tip(&self, branch: &str) -> String {
        git(&self.place.path().join("remote.git"), &["rev-parse", branch])
    }
}

/// A workspace over a remote with these files, and the place that it is in.
pub(crate) async fn opened(files: &[(&str, &str)]) -> (tempfile::TempDir, Workspace) {
    let place = tempfile::tempdir().unwrap();
    let seed = place.path().join("seed");
    for (path, text) in files {
        let path = seed.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    git(&seed, &["init", "-q"]);
    git(&seed, &["add", "-A"]);
    git(&seed, &["commit", "-qm", "seed"]);
    git(place.path(), &["clone", "-q", "--bare", "seed", "remote.git"]);
    let scene = Scene::over(place).await;
    let workspace = scene.open().await;
    (scene.place, workspace)
}

fn author() -> Author {
    Options::default().author
}

async fn committed(workspace: &Workspace, text: &str) -> (String, String) {
    std::fs::write(workspace.files.join("value"), text).unwrap();
    let tree = workspace.snapshot().await.unwrap();
    let commit = workspace.commit(&tree, &workspace.base, "feat: more", (&author(), DATE)).await.unwrap();
    (tree, commit)
}

#[tokio::test]
async fn a_workspace_is_made_once_and_found_again() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    assert_eq!(workspace.base, scene.tip("main"));
    assert_eq!(std::fs::read_to_string(workspace.files.join("value")).unwrap(), "1\n");
    assert!(!workspace.files.join(".git").exists());
    std::fs::write(workspace.files.join("left"), "x").unwrap();
    let again = scene.open().await;
    assert!(again.files.join("left").exists());
    scene.workspaces.close(scene.run).await.unwrap();
    assert!(!workspace.files.exists());
    scene.workspaces.close(scene.run).await.unwrap();
}

#[tokio::test]
async fn a_half_made_workspace_is_made_again() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    std::fs::write(workspace.files.join("left"), "x").unwrap();
    std::fs::remove_file(workspace.place.join("ready")).unwrap();
    let again = scene.open().await;
    assert!(!again.files.join("left").exists() && again.files.join("value").exists());
}

#[tokio::test]
async fn an_unknown_branch_and_a_wicked_one_fail() {
    let scene = Scene::new().await;
    for branch in ["missing", "--upload-pack=touch /tmp/x", "a..b"] {
        assert!(scene.workspaces.open(scene.run, &scene.remote(), branch).await.is_err(), "{branch}");
    }
    assert!(scene.workspaces.open(scene.run, &scene.remote(), "HEAD").await.is_ok());
}

#[tokio::test]
async fn a_protocol_that_is_not_allowed_is_not_spoken() {
    let scene = Scene::new().await;
    let options = Options { root: scene.place.path().join("strict"), ..Options::default() };
    let sandbox = Sandbox::probe(sandbox::Options::default()).await;
    let strict = Workspaces::new(options, sandbox);
    assert!(strict.open(scene.run, &scene.remote(), "main").await.is_err());
}

#[tokio::test]
async fn trees_are_taken_compared_and_put_back() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    std::fs::write(workspace.files.join("new"), "new\n").unwrap();
    std::fs::write(workspace.files.join("ignored"), "built\n").unwrap();
    std::fs::remove_file(workspace.files.join("value")).unwrap();
    let tree = workspace.snapshot().await.unwrap();
    let diff = workspace.diff(&tree).await.unwrap();
    assert!(diff.contains("+new") && diff.contains("-1") && !diff.contains("built"), "{diff}");
    let base = workspace.tree_of(&workspace.base).await.unwrap();
    workspace.restore(&base).await.unwrap();
    assert!(workspace.files.join("value").exists());
    assert!(!workspace.files.join("new").exists() && !workspace.files.join("ignored").exists());
    assert_eq!(workspace.snapshot().await.unwrap(), base);
    assert!(workspace.restore(&"0".repeat(40)).await.is_err());
    assert!(workspace.files.join("value").exists(), "an unknown tree costs nothing");
}

#[tokio::test]
async fn a_file_changed_within_a_tick_to_the_same_size_is_seen() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let path = workspace.files.join("value");
    let modified = path.metadata().unwrap().modified().unwrap();
    std::fs::write(&path, "2\n").unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    let tree = workspace.snapshot().await.unwrap();
    assert!(workspace.diff(&tree).await.unwrap().contains("+2"));
}

#[tokio::test]
async fn a_commit_is_the_same_however_often_it_is_made() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let (tree, commit) = committed(&workspace, "1 2\n").await;
    let again = workspace.commit(&tree, &workspace.base, "feat: more", (&author(), DATE)).await.unwrap();
    assert_eq!(commit, again);
    assert_eq!(workspace.tree_of(&commit).await.unwrap(), tree);
}

#[tokio::test]
async fn a_push_arrives_once_and_overwrites_nobody() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let (tree, commit) = committed(&workspace, "1 2\n").await;
    let push = |commit: String, expected: Option<String>| {
        let (workspace, remote) = (workspace.clone(), scene.remote());
        async move { workspace.push(&remote, &commit, "feature/x", expected.as_deref()).await }
    };
    assert_eq!(push(commit.clone(), None).await.unwrap(), Pushed::Moved);
    assert_eq!(scene.tip("feature/x"), commit);
    // The answer was lost: the same push, with the same expectation, is found to be done.
    assert_eq!(push(commit.clone(), None).await.unwrap(), Pushed::Already);
    let other = workspace.commit(&tree, &commit, "feat: other", (&author(), DATE)).await.unwrap();
    let moved = push(other.clone(), Some(workspace.base.clone())).await;
    assert!(matches!(moved, Err(WorkspaceError::Moved { .. })), "{moved:?}");
    assert_eq!(scene.tip("feature/x"), commit);
    assert_eq!(push(other, Some(commit)).await.unwrap(), Pushed::Moved);
}

#[tokio::test]
async fn what_an_agent_leaves_does_not_run_when_git_looks() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let proof = scene.place.path().join("proof");
    let trap = format!("touch {}", proof.display());
    // A whole repository of the agent's own in place of none, with everything that git would run set.
    git(&workspace.files, &["init", "-q"]);
    let filter = format!("{trap}; cat");
    for (key, value) in [
        ("core.fsmonitor", trap.as_str()),
        ("filter.z.clean", filter.as_str()),
        ("filter.z.smudge", filter.as_str()),
        ("diff.external", trap.as_str()),
        ("diff.z.textconv", trap.as_str()),
        ("gpg.program", trap.as_str()),
        ("commit.gpgSign", "true"),
        ("core.hooksPath", "hooks"),
    ] {
        git(&workspace.files, &["config", key, value]);
    }
    // What would lead git elsewhere, or be run in its place, written as nobody's git would write it.
    let elsewhere = scene.place.path().join("elsewhere");
    let more = format!(
        "[core]\n\tsshCommand = {trap}\n\tpager = {trap}\n\teditor = {trap}\n\taskPass = {trap}\n\tworktree = {}\n\
         [include]\n\tpath = ../included\n[url \"file:///nowhere/\"]\n\tinsteadOf = file://\n\tpushInsteadOf = file://\n\
         [merge \"z\"]\n\tdriver = {trap}\n[credential]\n\thelper = !{trap}\n[alias]\n\tadd = !{trap}\n\
         [remote \"x\"]\n\tuploadpack = {trap}\n\treceivepack = {trap}\n",
        elsewhere.display()
    );
    let config = workspace.files.join(".git/config");
    let old = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, old + &more).unwrap();
    std::fs::write(workspace.files.join("included"), format!("[core]\n\tfsmonitor = {trap}\n")).unwrap();
    std::fs::create_dir(workspace.files.join("hooks")).unwrap();
    std::fs::write(workspace.files.join("hooks/pre-push"), format!("#!/bin/sh\n{trap}\n")).unwrap();
    std::fs::write(workspace.files.join(".gitattributes"), "* filter=z diff=z merge=z\n").unwrap();
    let (tree, commit) = committed(&workspace, "1 2\n").await;
    workspace.diff(&tree).await.unwrap();
    workspace.push(&scene.remote(), &commit, "feature/x", None).await.unwrap();
    workspace.restore(&tree).await.unwrap();
    assert!(!proof.exists() && !elsewhere.exists());
    assert_eq!(scene.tip("feature/x"), commit, "no address was rewritten");
    assert!(!workspace.files.join(".git").exists(), "the agent's repository is no part of a tree");
}

#[tokio::test]
async fn a_repository_within_the_files_is_an_error_not_a_hole() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let inner = workspace.files.join("inner");
    std::fs::create_dir(&inner).unwrap();
    git(&inner, &["init", "-q"]);
    std::fs::write(inner.join("code"), "x").unwrap();
    git(&inner, &["add", "-A"]);
    git(&inner, &["commit", "-qm", "x"]);
    let snapshot = workspace.snapshot().await;
    assert!(matches!(&snapshot, Err(WorkspaceError::Nested(path)) if path == "inner"), "{snapshot:?}");
}

#[tokio::test]
async fn no_credential_is_left_anywhere() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let (_, commit) = committed(&workspace, "1 2\n").await;
    workspace.push(&scene.remote(), &commit, "feature/x", None).await.unwrap();
    for needle in ["canary-token", "eDpjYW5hcnktdG9rZW4="] {
        let found = Command::new("grep").args(["-r", needle]).arg(&workspace.place).output().unwrap();
        assert!(found.stdout.is_empty(), "{}", String::from_utf8_lossy(&found.stdout));
    }
}

#[tokio::test]
async fn a_place_is_inside_and_on_no_link() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    symlink("/etc", workspace.files.join("etc")).unwrap();
    symlink("value", workspace.files.join("link")).unwrap();
    for path in ["value", "./value", "/workspace/value", "src/new.rs", "/workspace", "."] {
        let place = workspace.place(path).unwrap();
        assert!(place.starts_with(&workspace.files), "{path}");
    }
    assert_eq!(workspace.place("/workspace/value").unwrap(), workspace.files.join("value"));
    for path in [
        "../x",
        "a/../../x",
        "/etc/passwd",
        "/workspaces/x",
        "etc/passwd",
        "link",
        ".git/config",
        "a/.GIT/x",
        ".git. /x",
        "GIT~1/config",
        "a\0b",
    ] {
        assert!(matches!(workspace.place(path), Err(WorkspaceError::Path(_))), "{path}");
    }
}

#[tokio::test]
async fn a_shell_works_in_the_checkout_and_does_not_see_the_trusted_directory() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let limit = Duration::from_secs(60);
    let output = workspace.shell("cat value", limit).await.unwrap();
    assert_eq!((output.code, output.text.as_str()), (Some(0), "1\n"));
    if workspace.sandbox.level() < Level::Isolated {
        println!("skipped: this host offers level {} only", workspace.sandbox.level());
        return;
    }
    let script = format!("ls {} ../git; true", workspace.git.directory.display());
    let output = workspace.shell(&script, limit).await.unwrap();
    assert!(!output.text.contains("objects"), "{}", output.text);
}

/// A script's outcome on a tree: its exit code, its output and the tree afterwards.
async fn run_on(workspace: &Workspace, tree: &str, text: &str) -> (Option<i32>, String, Option<String>) {
    let script = sandbox::Script { strict: true, ..sandbox::Script::plain(text) };
    let (ran, after) = workspace.run_on(tree, script, Duration::from_secs(60)).await.unwrap();
    (ran.code, format!("{}{}", ran.stdout, ran.stderr), after)
}

#[tokio::test]
async fn a_script_makes_a_tree_of_a_tree_and_leaves_nothing_else() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let base = workspace.tree_of(&workspace.base).await.unwrap();
    // A page that git would ignore, were it not in the tree: it is no script's to lose.
    let tree = workspace.with_file(&base, "ignored", "page\n").await.unwrap();
    let (code, said, after) = run_on(&workspace, &tree, "cat value ignored; touch -c value").await;
    assert_eq!((code, said.as_str(), after.as_ref()), (Some(0), "1\npage\n", Some(&tree)));
    let change = "printf 2 > value; mkdir -p deep/er; echo new > deep/er/file; chmod 0 deep";
    let change = format!("{change}; echo built > ignored; chmod 755 deep");
    let (_, _, after) = run_on(&workspace, &base, &change).await;
    let after = after.unwrap();
    let changed: Vec<_> =
        workspace.changes(&after).await.unwrap().into_iter().map(|change| change.path).collect();
    assert_eq!(changed, ["deep/er/file", "value"]);
    assert_eq!(std::fs::read_to_string(workspace.files.join("value")).unwrap(), "1\n", "not the checkout");
    let (_, said, _) = run_on(&workspace, &after, "cat value; ls ignored || echo gone").await;
    assert!(said.starts_with("2gone"), "{said}");
    let (code, _, failed) = run_on(&workspace, &base, "echo half > value; exit 3").await;
    assert_eq!((code, failed == Some(base)), (Some(3), false));
    let names = std::fs::read_dir(&workspace.place).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["files", "git", "ready", "scratch"]);
}

#[tokio::test]
async fn a_change_of_a_script_is_seen_whatever_it_does_to_the_clock_of_the_file() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let base = workspace.tree_of(&workspace.base).await.unwrap();
    let text = "touch -r value before; echo 2 > value; touch -r before value; rm before";
    let (_, _, after) = run_on(&workspace, &base, text).await;
    assert!(workspace.diff(&after.unwrap()).await.unwrap().contains("+2"));
}

#[tokio::test]
async fn scripts_at_once_do_not_meet() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let base = workspace.tree_of(&workspace.base).await.unwrap();
    let text = |own: &str| format!("echo {own} > value; touch {own}; sleep 1; cat value; ls");
    let (one, other) = (text("one"), text("other"));
    let ((_, one, _), (_, other, _)) =
        tokio::join!(run_on(&workspace, &base, &one), run_on(&workspace, &base, &other));
    assert_eq!((one.as_str(), other.as_str()), ("one\none\ntests\nvalue\n", "other\nother\ntests\nvalue\n"));
}

#[tokio::test]
async fn a_script_whose_time_is_up_leaves_no_tree() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let base = workspace.tree_of(&workspace.base).await.unwrap();
    let script = sandbox::Script::plain("echo begun; echo 2 > value; sleep 600");
    let (ran, after) = workspace.run_on(&base, script, Duration::from_secs(1)).await.unwrap();
    assert_eq!((ran.code, ran.stdout.as_str(), after), (None, "begun\n", None));
}

#[tokio::test]
async fn the_gate_refuses_what_breaks_the_tests_and_what_is_nothing() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let base = workspace.snapshot().await.unwrap();
    assert_eq!(workspace.gate(&base).await.unwrap().findings[0].rule, "empty");
    let (tree, _) = committed(&workspace, "1 2\n").await;
    let report = workspace.gate(&tree).await.unwrap();
    assert_eq!(report.objection(), None);
    let checks = report.checks.unwrap();
    assert_eq!((checks.passed, checks.base_passed, checks.output.as_str()), (true, true, "ok 1\n"));
    let (tree, _) = committed(&workspace, "3\n").await;
    let report = workspace.gate(&tree).await.unwrap();
    assert!(report.checks.as_ref().unwrap().regression().unwrap().contains("sh tests/run.sh"));
    assert!(report.objection().is_some());
}

#[tokio::test]
async fn the_gate_sees_links_and_secrets() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    symlink("/etc/passwd", workspace.files.join("link")).unwrap();
    let (tree, _) = committed(&workspace, &format!("ghp_{}\n", "a".repeat(36))).await;
    let report = workspace.gate(&tree).await.unwrap();
    let rules: Vec<_> = report.findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, ["symlink", "secret"]);
    assert!(report.checks.is_none());
}

#[tokio::test]
async fn a_file_is_added_to_a_tree_without_touching_the_checkout() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let base = workspace.snapshot().await.unwrap();
    let tree = workspace.with_file(&base, "docs/page.md", "# Page\n").await.unwrap();
    assert_eq!(workspace.text_in(&tree, "docs/page.md").await.as_deref(), Some("# Page\n"));
    assert!(!workspace.files.join("docs").exists());
    assert!(workspace.with_file(&base, "../x", "").await.is_err());
    assert!(workspace.with_file(&base, ".git/hooks/x", "").await.is_err());
}

#[tokio::test]
async fn a_credential_goes_as_a_header_to_the_remotes_own_host() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        // A redirect elsewhere: it must not be followed, or the credential would be.
        stream
            .write_all(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:1/x\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
        head
    });
    let scene = Scene::new().await;
    let remote = Remote { url: format!("http://{address}/acme/shop.git"), ..scene.remote() };
    let failed = scene.workspaces.open(scene.run, &remote, "main").await.unwrap_err().to_string();
    let head = server.join().unwrap();
    assert!(head[0].starts_with("GET /acme/shop.git/info/refs"), "{head:?}");
    assert!(head.iter().any(|line| line == "Authorization: Basic eDpjYW5hcnktdG9rZW4="), "{head:?}");
    assert!(!failed.contains("127.0.0.2") && !failed.contains("canary"), "{failed}");
}

#[tokio::test]
async fn a_repository_without_a_commit_within_the_files_is_an_error_too() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let base = workspace.snapshot().await.unwrap();
    std::fs::create_dir(workspace.files.join("inner")).unwrap();
    git(&workspace.files.join("inner"), &["init", "-q"]);
    std::fs::write(workspace.files.join("inner/code"), "x").unwrap();
    assert!(workspace.snapshot().await.is_err());
    workspace.restore(&base).await.unwrap();
    assert_eq!(workspace.snapshot().await.unwrap(), base);
}

#[tokio::test]
async fn directories_deeper_than_any_stack_can_be_removed() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let base = workspace.snapshot().await.unwrap();
    let deep = workspace.files.join("deep");
    std::fs::create_dir(&deep).unwrap();
    std::fs::write(deep.join("bottom"), "x").unwrap();
    for _ in 0..20_000 {
        let above = workspace.files.join("above");
        std::fs::create_dir(&above).unwrap();
        std::fs::rename(&deep, above.join("d")).unwrap();
        std::fs::rename(&above, &deep).unwrap();
    }
    std::fs::set_permissions(&deep, std::fs::Permissions::from_mode(0o000)).unwrap();
    workspace.restore(&base).await.unwrap();
    assert!(!deep.exists() && workspace.files.join("value").exists());
}

#[tokio::test]
async fn a_test_that_is_gone_holds_the_change_back() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    std::fs::write(workspace.files.join("tests/run.sh"), "echo ok 2\n").unwrap();
    let tree = workspace.snapshot().await.unwrap();
    let report = workspace.gate(&tree).await.unwrap();
    assert_eq!(report.checks.as_ref().unwrap().lost, ["1"]);
    assert!(report.checks.as_ref().unwrap().regression().unwrap().contains("`1`"), "{report:?}");
    std::fs::write(workspace.files.join("tests/run.sh"), "echo ok 1; echo ok 2\n").unwrap();
    let tree = workspace.snapshot().await.unwrap();
    assert_eq!(workspace.gate(&tree).await.unwrap().objection(), None);
}

/// A remote whose one test is red, with the code beside it.
async fn red() -> (Scene, Workspace) {
    let scene = Scene::new().await;
    let seed = scene.place.path().join("seed");
    std::fs::write(seed.join("value"), "2\n").unwrap();
    let tests = "if grep -q 1 value; then echo ok one; else echo not ok one; exit 1; fi\n";
    std::fs::write(seed.join("tests/run.sh"), tests).unwrap();
    git(&seed, &["commit", "-qam", "red"]);
    git(&seed, &["push", "-q", scene.remote().url.as_str(), "main"]);
    let workspace = scene.open().await;
    (scene, workspace)
}

async fn gated(workspace: &Workspace, changes: &[(&str, &str)]) -> checks::Report {
    workspace.restore(&workspace.base).await.unwrap();
    for (path, text) in changes {
        std::fs::write(workspace.files.join(path), text).unwrap();
    }
    workspace.gate(&workspace.snapshot().await.unwrap()).await.unwrap()
}

fn held_back(report: &checks::Report) -> Option<String> {
    assert_eq!(report.refusal(), None);
    report.held_back().map(|(_, why)| why)
}

#[tokio::test]
async fn a_change_that_makes_the_red_test_green_is_ready() {
    let (_scene, workspace) = red().await;
    assert_eq!(held_back(&gated(&workspace, &[("value", "1\n")]).await), None);
    assert!(held_back(&gated(&workspace, &[("value", "3\n")]).await).unwrap().contains("as it did before"));
}

#[tokio::test]
async fn a_red_test_that_is_taken_away_holds_the_change_back() {
    let (_scene, workspace) = red().await;
    for tests in ["echo ok two\n", "echo 'ok one # SKIP'\n", "exit 0\n"] {
        let report = gated(&workspace, &[("tests/run.sh", tests)]).await;
        assert_eq!(report.checks.as_ref().unwrap().silenced, ["one"], "{tests}");
        assert!(held_back(&report).unwrap().contains("do not run any more"));
    }
}

#[tokio::test]
async fn a_change_that_passes_only_by_other_tests_is_held_back() {
    let (_scene, workspace) = red().await;
    let report = gated(&workspace, &[("tests/run.sh", "echo ok one\n")]).await;
    assert!(held_back(&report).unwrap().contains("`tests/run.sh`"));
    // More tests, and the code mended: the base's own pass as well.
    let more = "if grep -q 1 value; then echo ok one; echo ok two; else exit 1; fi\n";
    let report = gated(&workspace, &[("tests/run.sh", more), ("value", "1\n"), ("tests/new.t", "x\n")]).await;
    assert_eq!(held_back(&report), None);
    assert_eq!(report.checks.unwrap().altered.unwrap().paths, ["tests/new.t", "tests/run.sh"]);
}

#[tokio::test]
async fn a_change_whose_tests_fail_behind_a_good_exit_code_is_held_back() {
    let (_scene, workspace) = red().await;
    let tests = "if grep -q 1 value; then echo ok one; else echo not ok one; test -e quiet; fi\n";
    let report = gated(&workspace, &[("tests/run.sh", tests), ("quiet", "")]).await;
    assert_eq!(report.checks.as_ref().unwrap().denied, ["one"]);
    assert!(held_back(&report).unwrap().contains("although tests fail"));
}

#[tokio::test]
async fn a_change_that_cannot_be_parsed_any_more_is_refused_and_a_new_file_held_back() {
    let scene = Scene::new().await;
    let seed = scene.place.path().join("seed");
    for (path, text) in [("a.json", "{}\n"), ("odd.json", "{} {}\n")] {
        std::fs::write(seed.join(path), text).unwrap();
    }
    git(&seed, &["add", "-A"]);
    git(&seed, &["commit", "-qm", "data"]);
    git(&seed, &["push", "-q", scene.remote().url.as_str(), "main"]);
    let workspace = scene.open().await;

    let report = gated(&workspace, &[("a.json", "{\n\"a\": }\n")]).await;
    assert!(report.refusal().unwrap().starts_with("a.json: line 2 cannot be parsed as JSON"), "{report:?}");

    let report = gated(&workspace, &[("new.json", "{"), ("odd.json", "{")]).await;
    assert!(report.objection().unwrap().contains("- new.json: line 1 cannot"), "{report:?}");
    assert_eq!(held_back(&report).unwrap(), "new.json: line 1 cannot be parsed as JSON");
    assert!(report.checks.unwrap().passed, "what is only held back is tested all the same");

    let mut free = workspace.clone();
    let guard = Guard { unparsed: vec!["*.json".to_owned()], ..Guard::default() };
    free.options = Arc::new(Options { guard, ..(*workspace.options).clone() });
    assert_eq!(held_back(&gated(&free, &[("a.json", "{")]).await), None);
}

/// A program that git would run, and the file that shows that it did.
fn trap(scene: &Scene) -> (String, PathBuf) {
    let proof = scene.place.path().join("proof");
    (format!("touch {}", proof.display()), proof)
}

#[tokio::test]
async fn a_git_file_that_leads_to_a_repository_elsewhere_is_an_error_not_a_way() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let base = workspace.snapshot().await.unwrap();
    let (trap, proof) = trap(&scene);
    let evil = workspace.files.join("evil");
    std::fs::create_dir(&evil).unwrap();
    git(&evil, &["init", "-q", "--bare"]);
    git(&evil, &["config", "core.fsmonitor", &trap]);
    for to in ["../evil", "../../git", "/nonexistent"] {
        std::fs::create_dir_all(workspace.files.join("sub")).unwrap();
        std::fs::write(workspace.files.join("sub/code"), "x").unwrap();
        std::fs::write(workspace.files.join("sub/.git"), format!("gitdir: {to}\n")).unwrap();
        match workspace.snapshot().await {
            Ok(tree) => {
                assert!(!workspace.paths(&tree).await.unwrap().iter().any(|path| path.ends_with(".git")))
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        workspace.restore(&base).await.unwrap();
        assert_eq!(workspace.snapshot().await.unwrap(), base);
    }
    assert!(!proof.exists());
}

#[tokio::test]
async fn what_a_repository_brings_along_is_neither_run_nor_fetched() {
    let scene = Scene::new().await;
    let (trap, proof) = trap(&scene);
    let seed = scene.place.path().join("seed");
    // A bare repository as ordinary files, a submodule, and files that LFS would fetch from somebody's server.
    let bare = seed.join("bare");
    std::fs::create_dir_all(&bare).unwrap();
    git(&bare, &["init", "-q", "--bare"]);
    git(&bare, &["config", "core.fsmonitor", &trap]);
    std::fs::create_dir_all(bare.join("hooks")).unwrap();
    std::fs::write(bare.join("hooks/post-checkout"), format!("#!/bin/sh\n{trap}\n")).unwrap();
    for empty in ["objects/info", "refs/heads", "refs/tags"] {
        std::fs::create_dir_all(bare.join(empty)).unwrap();
        std::fs::write(bare.join(empty).join("keep"), "").unwrap();
    }
    let modules = format!("[submodule \"sub\"]\n\tpath = sub\n\turl = ext::sh -c \"{trap}\"\n");
    std::fs::write(seed.join(".gitmodules"), modules).unwrap();
    std::fs::write(seed.join(".lfsconfig"), "[lfs]\n\turl = http://127.0.0.1:9/\n").unwrap();
    std::fs::write(seed.join(".gitattributes"), "*.bin filter=lfs diff=lfs merge=lfs -text\n").unwrap();
    let pointer =
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 9\n", "a".repeat(64));
    std::fs::write(seed.join("large.bin"), &pointer).unwrap();
    git(&seed, &["-c", "filter.lfs.clean=cat", "-c", "filter.lfs.required=false", "add", "-A"]);
    let link = format!("160000,{},sub", "a".repeat(40));
    git(&seed, &["update-index", "--add", "--cacheinfo", &link]);
    git(&seed, &["commit", "-qm", "more"]);
    git(&seed, &["push", "-q", &scene.place.path().join("remote.git").display().to_string(), "HEAD:main"]);

    let workspace = scene.open().await;
    let base = workspace.tree_of(&workspace.base).await.unwrap();
    assert!(workspace.paths(&base).await.unwrap().iter().any(|path| path == "bare/HEAD"));
    assert_eq!(std::fs::read_to_string(workspace.files.join("large.bin")).unwrap(), pointer, "not fetched");
    assert!(
        std::fs::read_dir(workspace.files.join("sub")).map_or(true, |mut inside| inside.next().is_none())
    );
    assert_eq!(workspace.snapshot().await.unwrap(), base, "looking changes nothing");
    let (tree, _) = committed(&workspace, "1 2\n").await;
    let changed: Vec<_> =
        workspace.changes(&tree).await.unwrap().into_iter().map(|change| change.path).collect();
    assert_eq!(changed, ["value"]);
    workspace.diff(&tree).await.unwrap();
    workspace.restore(&tree).await.unwrap();
    assert!(!proof.exists());
}

#[tokio::test]
async fn what_the_files_become_after_they_were_taken_is_not_what_is_judged() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let (tree, commit) = committed(&workspace, "1 2\n").await;
    std::fs::write(workspace.files.join("value"), "3\n").unwrap();
    std::fs::write(workspace.files.join(".env"), "KEY=1\n").unwrap();
    std::fs::write(workspace.files.join("tests/run.sh"), "exit 1\n").unwrap();
    let report = workspace.gate(&tree).await.unwrap();
    assert_eq!((report.objection(), report.paths), (None, vec!["value".to_owned()]));
    workspace.push(&scene.remote(), &commit, "feature/x", None).await.unwrap();
    let remote = scene.place.path().join("remote.git");
    assert_eq!(git(&remote, &["show", "feature/x:value"]), "1 2");
    assert_eq!(
        git(&remote, &["ls-tree", "-r", "--name-only", "feature/x"]),
        ".gitignore\ntests/run.sh\nvalue"
    );
}

#[tokio::test]
async fn what_is_neither_file_nor_directory_is_no_place_and_nobody_waits_for_it() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let base = workspace.snapshot().await.unwrap();
    let pipe =
        |name: &str| Command::new("mkfifo").arg(workspace.files.join(name)).status().unwrap().success();
    assert!(pipe("page.md"));
    let _socket = std::os::unix::net::UnixListener::bind(workspace.files.join("socket")).unwrap();
    for path in ["page.md", "page.md/below", "socket"] {
        assert!(matches!(workspace.place(path), Err(WorkspaceError::Path(_))), "{path}");
        assert!(workspace.write(path, "x").await.is_err(), "{path}");
    }
    assert_eq!(workspace.snapshot().await.unwrap(), base, "they are part of no tree");
    std::fs::remove_file(workspace.files.join("value")).unwrap();
    assert!(pipe("value"));
    let taken = workspace.snapshot().await;
    assert!(taken.is_err() || !workspace.paths(&taken.unwrap()).await.unwrap().contains(&"value".to_owned()));
    workspace.restore(&base).await.unwrap();
    assert_eq!(workspace.snapshot().await.unwrap(), base);
}

#[tokio::test]
async fn a_page_is_written_through_no_link() {
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let outside = scene.place.path().join("outside");
    std::fs::write(&outside, "kept").unwrap();
    workspace.write("docs/page.md", "one\n").await.unwrap();
    workspace.write("docs/page.md", "two\n").await.unwrap();
    assert_eq!(std::fs::read_to_string(workspace.files.join("docs/page.md")).unwrap(), "two\n");
    symlink(&outside, workspace.files.join("docs/link.md")).unwrap();
    assert!(workspace.write("docs/link.md", "x").await.is_err());
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "kept");
}

#[tokio::test]
async fn a_path_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt as _;
    let scene = Scene::new().await;
    let workspace = scene.open().await;
    let name = std::ffi::OsStr::from_bytes(b".github\xff");
    std::fs::create_dir(workspace.files.join(name)).unwrap();
    std::fs::write(workspace.files.join(name).join("x"), "x").unwrap();
    let report = workspace.gate(&workspace.snapshot().await.unwrap()).await.unwrap();
    assert_eq!(report.findings[0].rule, "bad_path");
}

/// A workspace whose git is counted: how often it was started so far.
async fn counted(scene: &mut Scene) -> (Workspace, impl Fn() -> usize + use<>) {
    let (bin, log) = (scene.place.path().join("bin"), scene.place.path().join("log"));
    std::fs::create_dir(&bin).unwrap();
    let path = Options::default().git.path;
    let counter = format!("#!/bin/sh\necho x >> {}\nPATH={path} exec git \"$@\"\n", log.display());
    std::fs::write(bin.join("git"), counter).unwrap();
    std::fs::set_permissions(bin.join("git"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut options = (*scene.workspaces.options).clone();
    options.git.path = format!("{}:{path}", bin.display());
    scene.workspaces = Workspaces::new(options, Host::from((*scene.workspaces.host.sandbox().await).clone()));
    let workspace = scene.open().await;
    (workspace, move || std::fs::read_to_string(&log).unwrap().lines().count())
}

#[tokio::test]
async fn a_change_is_measured_by_a_few_calls_however_many_its_files() {
    let mut scene = Scene::new().await;
    let (workspace, calls) = counted(&mut scene).await;
    std::fs::create_dir(workspace.files.join("many")).unwrap();
    for number in 0..300 {
        std::fs::write(workspace.files.join(format!("many/{number}")), format!("{number}\n")).unwrap();
    }
    let tree = workspace.snapshot().await.unwrap();
    let before = calls();
    let changes = workspace.changes(&tree).await.unwrap();
    assert!(before > 0 && calls() - before <= 4, "{} calls of git", calls() - before);
    assert_eq!((changes.len(), changes.iter().map(|change| change.bytes).sum::<u64>()), (300, 1_090));
    let report = workspace.gate(&tree).await.unwrap();
    assert_eq!(report.findings[0].rule, "too_many_files");
}

#[tokio::test]
async fn whatever_is_within_the_bounds_is_looked_at_whole() {
    let mut scene = Scene::new().await;
    let mut options = (*scene.workspaces.options).clone();
    (options.guard.max_files, options.guard.max_bytes) = (1_000, 64 << 20);
    scene.workspaces.options = Arc::new(options);
    let workspace = scene.open().await;
    for number in 0..500 {
        std::fs::write(workspace.files.join(format!("file-{number}")), "x\n").unwrap();
    }
    let secret = format!("ghp_{}\n", "a1B2".repeat(9));
    let large = "a line of text\n".repeat(600_000);
    for (name, text) in
        [("large", large.clone() + &secret), ("more", large), ("zz", secret), ("value", "1 2\n".into())]
    {
        std::fs::write(workspace.files.join(name), text).unwrap();
    }
    let changes = workspace.changes(&workspace.snapshot().await.unwrap()).await.unwrap();
    let value = changes.iter().find(|change| change.path == "value").unwrap();
    assert_eq!((value.before.as_slice(), value.after.as_slice()), (b"1\n".as_slice(), b"1 2\n".as_slice()));
    let findings = workspace.options.guard.judge(&changes).unwrap();
    let found: Vec<_> = findings.iter().map(|finding| finding.path.as_deref().unwrap_or_default()).collect();
    assert_eq!(found, ["large", "zz"]);
}

/// A remote that takes a connection and says nothing, until it is let go; first it does this.
fn silent(first: impl FnOnce() + Send + 'static) -> (String, std::sync::mpsc::Sender<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/acme/shop.git", listener.local_addr().unwrap());
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let held = listener.accept();
        first();
        _ = wait.recv();
        drop(held);
    });
    (url, done)
}

#[tokio::test]
async fn a_remote_that_says_nothing_is_given_up() {
    let mut scene = Scene::new().await;
    let mut options = (*scene.workspaces.options).clone();
    options.git.remote_seconds = 1;
    scene.workspaces.options = Arc::new(options);
    let (url, _held) = silent(|| ());
    let failed =
        scene.workspaces.open(scene.run, &Remote { url, ..scene.remote() }, "main").await.unwrap_err();
    assert!(failed.to_string().contains("took more than 1 s"), "{failed}");
    assert!(scene.workspaces.find(scene.run).await.unwrap().is_none());
}

#[tokio::test]
async fn no_argument_shows_the_credential_while_git_speaks_to_the_remote() {
    let mut scene = Scene::new().await;
    let mut options = (*scene.workspaces.options).clone();
    options.git.remote_seconds = 2;
    scene.workspaces.options = Arc::new(options);
    let (tell, told) = std::sync::mpsc::channel();
    let (url, _held) = silent(move || {
        let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok());
        let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
        let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
        tell.send(lines.collect::<Vec<_>>()).unwrap();
    });
    let remote = Remote { url: url.clone(), ..scene.remote() };
    scene.workspaces.open(scene.run, &remote, "main").await.unwrap_err();
    let lines = told.recv().unwrap();
    assert!(lines.iter().any(|line| line.contains(&url)), "git was at work: {lines:?}");
    for needle in ["canary-token", "eDpjYW5hcnktdG9rZW4="] {
        // Another test may look for it with a program that is given it.
        let shows = |line: &&String| line.contains(needle) && !line.starts_with("grep ");
        assert_eq!(lines.iter().find(shows), None);
    }
}
