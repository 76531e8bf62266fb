mod confined;

use super::*;

const LONG: Duration = Duration::from_secs(60);

struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for name in ["files", "scratch"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        Self { root }
    }

    async fn shell(&self, sandbox: &Sandbox, script: &str, limit: Duration) -> Output {
        let (files, scratch) = (self.root.path().join("files"), self.root.path().join("scratch"));
        sandbox.shell(Room { files: &files, scratch: &scratch }, script, limit).await.unwrap()
    }

    async fn split(&self, sandbox: &Sandbox, script: Script<'_>) -> Result<Finished, WorkspaceError> {
        let (files, scratch) = (self.root.path().join("files"), self.root.path().join("scratch"));
        sandbox.split(Room { files: &files, scratch: &scratch }, script, LONG, 10_000).await
    }
}

/// A sandbox of level 3 by each means that works on this host, with a word about those that do not.
async fn isolated(options: Options) -> Vec<Sandbox> {
    let mut found = Vec::new();
    for means in [Means::Bubblewrap, Means::Unshare] {
        let candidate = Sandbox { means, level: Level::Isolated, doors_shut: true, options: options.clone() };
        match candidate.try_out().await {
            Ok(()) => found.push(candidate),
            Err(why) => println!("skipped: {means} does not work here: {why}"),
        }
    }
    found
}

fn plain(options: Options) -> Sandbox {
    let options = Options { minimum: 0, ..options };
    Sandbox { means: Means::Plain, level: Level::Clean, doors_shut: false, options }
}

#[tokio::test]
async fn a_command_works_on_its_files_and_cannot_write_elsewhere() {
    for sandbox in isolated(Options::default()).await {
        let place = Place::new();
        let output = place.shell(&sandbox, "pwd; echo x > made; cat made", LONG).await;
        assert_eq!((output.code, output.text.as_str()), (Some(0), "/workspace\nx\n"));
        assert!(place.root.path().join("files/made").exists());
        // Asked rather than tried: a test that fails must not have set the host's kernel.
        let output = place.shell(&sandbox, "[ -w /proc/sys/kernel/core_pattern ]", LONG).await;
        assert_ne!(output.code, Some(0));
        for script in ["echo x > /usr/x", "echo x > /x", "echo x > /workspace/../x", "mkdir /proc/sys/x"] {
            assert_ne!(place.shell(&sandbox, script, LONG).await.code, Some(0), "{script}");
        }
    }
}

#[tokio::test]
async fn what_belongs_to_ostler_and_the_host_is_not_there() {
    for sandbox in isolated(Options::default()).await {
        let place = Place::new();
        let secret = place.root.path().join("secret");
        std::fs::write(&secret, "canary-7f3a").unwrap();
        let script =
            format!("cat '{}' /proc/*/environ /etc/shadow; ls /root /home /run; true", secret.display());
        let output = place.shell(&sandbox, &script, LONG).await;
        assert!(!output.text.contains("canary-7f3a"), "{}", output.text);
        assert!(!output.text.contains("root:"), "{}", output.text);
        assert!(output.text.contains("No such file"), "{}", output.text);
    }
}

#[tokio::test]
async fn the_environment_holds_only_what_was_given() {
    for sandbox in isolated(Options::default()).await {
        let place = Place::new();
        let output = place.shell(&sandbox, "env | cut -d= -f1 | sort | tr '\\n' ' '", LONG).await;
        assert_eq!(output.text, "HOME LANG PATH PWD TERM ");
    }
}

#[tokio::test]
async fn only_its_own_processes_are_seen_and_its_own_powers_are_none() {
    for sandbox in isolated(Options::default()).await {
        let place = Place::new();
        let script = "ls /proc | grep -c '^[0-9]'; grep -h CapEff /proc/self/status; mount -t tmpfs x /tmp";
        let output = place.shell(&sandbox, script, LONG).await;
        let mut lines = output.text.lines();
        assert!(lines.next().unwrap().parse::<u32>().unwrap() < 8, "{}", output.text);
        assert_eq!(lines.next(), Some("CapEff:\t0000000000000000"));
        assert_ne!(output.code, Some(0));
    }
}

#[tokio::test]
async fn no_network_is_reached() {
    for sandbox in isolated(Options::default()).await {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let place = Place::new();
        // /proc/net shows the namespace's own interfaces: none but the loopback, and no route at all.
        let script = "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; tail -n +2 /proc/net/route";
        assert_eq!(place.shell(&sandbox, script, LONG).await.text, "lo\n");
        let script = format!(
            "if command -v bash >/dev/null; then bash -c ': </dev/tcp/127.0.0.1/{port}'; else false; fi"
        );
        assert_ne!(place.shell(&sandbox, &script, LONG).await.code, Some(0));
    }
}

#[tokio::test]
async fn neither_datagrams_nor_the_newer_protocol_get_out() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let port = socket.local_addr().unwrap().port();
    let send = format!("bash -c 'echo canary >/dev/udp/127.0.0.1/{port}'; true");
    let heard = || socket.recv(&mut [0; 100]).is_ok();
    Place::new().shell(&plain(Options::default()), &send, LONG).await;
    if !heard() {
        println!("skipped: there is no bash here that sends datagrams");
        return;
    }
    let newer = std::net::TcpListener::bind("[::1]:0").ok();
    for sandbox in isolated(Options::default()).await {
        let place = Place::new();
        place.shell(&sandbox, &send, LONG).await;
        assert!(!heard(), "{}", sandbox.means);
        // No address but the loopback's, and no way to any other.
        let script = "cut -c33- /proc/net/if_inet6 2>/dev/null | grep -v ' lo$'; \
                      grep -v ' lo$' /proc/net/ipv6_route 2>/dev/null; true";
        assert_eq!(place.shell(&sandbox, script, LONG).await.text, "", "{}", sandbox.means);
        if let Some(newer) = &newer {
            let port = newer.local_addr().unwrap().port();
            let script = format!("bash -c ': </dev/tcp/::1/{port}'");
            assert_ne!(place.shell(&sandbox, &script, LONG).await.code, Some(0), "{}", sandbox.means);
        }
    }
}

#[tokio::test]
async fn what_a_command_leaves_beside_its_files_the_next_does_not_find() {
    // Not below `/tmp`, of which a command has its own.
    let cache = tempfile::tempdir_in("/var/tmp").unwrap();
    std::fs::write(cache.path().join("crate"), "good\n").unwrap();
    let mut options = Options::default();
    options.readable.push(cache.path().to_owned());
    for sandbox in isolated(options).await {
        let place = Place::new();
        let poison = "echo x > $HOME/.bashrc; mkdir -p $HOME/.cache; echo x > $HOME/.cache/x; echo x > /tmp/x; \
                      echo x > /dev/shm/x; ls -A $HOME /dev/shm | grep -c x; true";
        assert_eq!(place.shell(&sandbox, poison, LONG).await.text, "2\n", "{}", sandbox.means);
        let look = "ls -A $HOME /tmp /dev/shm | grep -v :";
        assert_eq!(place.shell(&sandbox, look, LONG).await.text.trim(), "", "{}", sandbox.means);
        let crate_ = cache.path().join("crate");
        let script = format!(
            "cat {0}; echo bad > {0}; rm -f {0}; echo bad > {0}2; chmod 777 {0}; true",
            crate_.display()
        );
        let said = place.shell(&sandbox, &script, LONG).await.text;
        assert!(said.starts_with("good\n"), "{}: {said}", sandbox.means);
        assert_eq!(std::fs::read_to_string(&crate_).unwrap(), "good\n", "{}", sandbox.means);
        assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 1, "{}", sandbox.means);
    }
}

#[tokio::test]
async fn one_process_has_so_much_memory_and_no_more() {
    // Without the end of a line it is all kept.
    let hog = "head -c 200000000 /dev/zero | tail -n 1 | wc -c";
    let limits = Limits { memory_bytes: 64 << 20, ..Limits::default() };
    let bounded = Options { limits, ..Options::default() };
    let with = async |options: Options| [isolated(options.clone()).await, vec![plain(options)]].concat();
    for sandbox in with(bounded).await {
        let output = Place::new().shell(&sandbox, hog, LONG).await;
        assert!(!output.text.contains("200000000"), "{}: {}", sandbox.means, output.text);
    }
    for sandbox in with(Options::default()).await {
        let output = Place::new().shell(&sandbox, hog, LONG).await;
        assert_eq!(output.text.trim(), "200000000", "{}: the bound is what stops it", sandbox.means);
    }
}

#[tokio::test]
async fn commands_run_as_before_where_ostlers_own_memory_is_shut() {
    let before = isolated(Options::default()).await.len();
    shut_own_memory();
    let core = rustix::process::getrlimit(Resource::Core);
    assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
    assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    let after = isolated(Options::default()).await;
    assert_eq!(after.len(), before);
    for sandbox in after {
        assert_eq!(Place::new().shell(&sandbox, "echo here", LONG).await.text, "here\n");
    }
}

#[tokio::test]
async fn a_scripts_own_variables_are_set_for_it_alone() {
    let values = ["$(touch made) `touch made`; touch made", "two\nlines ' \" \\", "--help=-x", ""];
    let names = ["TITLE", "LINES_", "DASH", "EMPTY"];
    let mut variables: BTreeMap<String, String> =
        names.iter().zip(values).map(|(name, value)| ((*name).to_owned(), value.to_owned())).collect();
    // Every program that is started with it says that there is no such library.
    variables.insert("LD_PRELOAD".to_owned(), "/nowhere.so".to_owned());
    let text = "printf '%s|' \"$TITLE\" \"$LINES_\" \"$DASH\" \"$EMPTY\"; printf '%s' \"$PATH\"";
    let script = Script { text, variables: &variables, ..Script::plain("") };
    for sandbox in isolated(Options::default()).await.into_iter().chain([plain(Options::default())]) {
        let place = Place::new();
        let finished = place.split(&sandbox, script).await.unwrap();
        let expected = format!("{}|{}", values.join("|"), sandbox.options.path);
        assert_eq!((finished.code, finished.out.text()), (Some(0), expected));
        assert_eq!(finished.err.text().matches("/nowhere.so").count(), 1, "{}", finished.err.text());
        assert!(!place.root.path().join("files/made").exists());
    }
}

#[tokio::test]
async fn a_strict_script_ends_where_something_fails() {
    let sandbox = plain(Options::default());
    for text in ["false; echo on", "echo $NOBODY; echo on", "x=$(false); echo on"] {
        let script = Script { strict: true, ..Script::plain(text) };
        let finished = Place::new().split(&sandbox, script).await.unwrap();
        assert!(finished.code != Some(0) && finished.out.text().is_empty(), "{text}: {finished:?}");
        let finished = Place::new().split(&sandbox, Script::plain(text)).await.unwrap();
        assert!(finished.out.text().ends_with("on\n"), "{text}: {finished:?}");
    }
}

#[tokio::test]
async fn the_network_is_had_where_it_is_asked_for_and_allowed() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = format!("command -v bash >/dev/null || exit 7; bash -c ': </dev/tcp/127.0.0.1/{port}'");
    let script = Script { network: true, ..Script::plain(&text) };
    let place = Place::new();
    for sandbox in isolated(Options { network: true, ..Options::default() }).await {
        let finished = place.split(&sandbox, script).await.unwrap();
        if finished.code == Some(7) {
            println!("skipped: there is no bash here");
            return;
        }
        assert_eq!(finished.code, Some(0), "{}: {}", sandbox.means, finished.err.text());
        let resolver = Script { text: "cat /etc/resolv.conf", ..script };
        let known = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        assert_eq!(place.split(&sandbox, resolver).await.unwrap().out.text(), known, "{}", sandbox.means);
        let unasked = Script { network: false, ..script };
        assert_ne!(place.split(&sandbox, unasked).await.unwrap().code, Some(0), "{}", sandbox.means);
    }
    for sandbox in isolated(Options::default()).await {
        let refused = place.split(&sandbox, script).await.unwrap_err().to_string();
        assert!(refused.contains("security.sandbox.network"), "{refused}");
    }
}

#[tokio::test]
async fn a_daemon_dies_with_its_command() {
    for sandbox in isolated(Options::default()).await {
        let place = Place::new();
        let script = "setsid sh -c 'sleep 1; echo late > late; sleep 600' >/dev/null 2>&1 & echo started";
        let output = place.shell(&sandbox, script, LONG).await;
        assert_eq!(output.text, "started\n");
        // A second command waits longer than the daemon would have needed.
        place.shell(&sandbox, "sleep 2", LONG).await;
        assert!(!place.root.path().join("files/late").exists());
    }
}

#[tokio::test]
async fn time_runs_out_for_one_that_ignores_signals() {
    for sandbox in isolated(Options::default()).await {
        let place = Place::new();
        let script = "trap '' TERM INT HUP; echo begun; (trap '' TERM; sleep 600) & sleep 600";
        let output = place.shell(&sandbox, script, Duration::from_secs(2)).await;
        assert!(output.timed_out);
        assert_eq!(output.text, "begun\n");
    }
}

#[tokio::test]
async fn a_fork_bomb_and_a_large_file_meet_their_limits() {
    let limits = Limits { processes: 40, file_bytes: 100_000, ..Limits::default() };
    for sandbox in isolated(Options { limits, ..Options::default() }).await {
        let place = Place::new();
        let output = place.shell(&sandbox, "head -c 200000 /dev/zero > large", LONG).await;
        assert_ne!(output.code, Some(0));
        assert!(place.root.path().join("files/large").metadata().unwrap().len() <= 100_000);
        if !sandbox.bounds_processes() {
            println!("skipped: root's processes cannot be counted by {} on this kernel", sandbox.means);
            continue;
        }
        let bomb = "i=0; while [ $i -lt 400 ]; do sleep 30 & i=$((i+1)); done; echo all";
        let output = place.shell(&sandbox, bomb, LONG).await;
        assert!(!output.text.contains("all"), "{}", output.text);
    }
}

#[tokio::test]
async fn without_namespaces_limits_and_a_clean_environment_remain() {
    let limits = Limits { file_bytes: 1_000, ..Limits::default() };
    let sandbox = plain(Options { limits, ..Options::default() });
    let place = Place::new();
    let output = place.shell(&sandbox, "env | cut -d= -f1 | sort | tr '\\n' ' '", LONG).await;
    assert_eq!(output.text, "HOME LANG PATH PWD TERM ");
    assert_ne!(place.shell(&sandbox, "head -c 5000 /dev/zero > large", LONG).await.code, Some(0));
}

#[tokio::test]
async fn below_the_minimum_nothing_runs() {
    let mut sandbox = plain(Options::default());
    sandbox.options.minimum = 3;
    let place = Place::new();
    let (files, scratch) = (place.root.path().join("files"), place.root.path().join("scratch"));
    let refused = sandbox.shell(Room { files: &files, scratch: &scratch }, "echo x > made", LONG).await;
    assert!(matches!(refused, Err(WorkspaceError::Sandbox(_))), "{refused:?}");
    assert!(!files.join("made").exists());
}

#[tokio::test]
async fn much_output_is_cut_in_its_middle() {
    let sandbox = plain(Options::default());
    let place = Place::new();
    let script = "echo first; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo last";
    let output = place.shell(&sandbox, script, LONG).await;
    assert!(
        output.text.len() < 11_000 && output.text.starts_with("first\n") && output.text.ends_with("last\n")
    );
}

#[test]
fn bubblewrap_is_given_the_same_view() {
    let room = Room { files: Path::new("/w/files"), scratch: Path::new("/w/scratch") };
    let options = Options { readable: vec!["/usr".into()], ..Options::default() };
    let argv = Means::Bubblewrap.wrap(room, &options, false, vec!["true".into()]);
    let argv: Vec<_> = argv.iter().map(|word| word.to_str().unwrap()).collect();
    let text = argv.join(" ");
    assert!(text.contains("--unshare-all") && text.contains("--ro-bind-try /usr /usr"), "{text}");
    assert!(text.contains("--ro-bind-try /proc/sys /proc/sys"), "{text}");
    assert!(text.contains("--size 1073741824 --tmpfs /tmp"), "{text}");
    assert!(text.contains("--bind /w/files /workspace") && text.ends_with("-- true"), "{text}");
}

#[tokio::test]
async fn the_means_that_bounds_processes_goes_first() {
    let bounded = isolated(Options::default()).await.iter().any(Sandbox::bounds_processes);
    let chosen = Sandbox::probe(Options::default()).await;
    assert!(chosen.bounds_processes() || !bounded, "{}", chosen.means);
}

#[tokio::test]
async fn where_no_means_is_found_nothing_runs() {
    let sandbox = Sandbox::probe(Options { path: "/nonexistent".to_owned(), ..Options::default() }).await;
    assert!(sandbox.level() < Level::Isolated && sandbox.means == Means::Plain);
    let why = sandbox.demand().unwrap_err().to_string();
    assert!(why.contains("level 3 is demanded"), "{why}");
}

#[tokio::test]
async fn ostlers_sockets_and_other_runs_are_not_there() {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener};
    let name = format!("ostler-test-{}", std::process::id());
    let _abstract = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    for sandbox in isolated(Options::default()).await {
        let place = Place::new();
        let socket = place.root.path().join("admin.sock");
        let _admin = UnixListener::bind(&socket).unwrap();
        std::fs::create_dir(place.root.path().join("other-run")).unwrap();
        let root = place.root.path().display();
        let script =
            format!("[ -e '{root}' ] && echo seen; grep {name} /proc/net/unix; ls -A /workspace /..; true");
        let output = place.shell(&sandbox, &script, LONG).await;
        for word in ["seen", name.as_str(), "admin.sock", "other-run"] {
            assert!(!output.text.contains(word), "{word}: {}", output.text);
        }
    }
}

#[tokio::test]
async fn no_open_file_comes_along() {
    for sandbox in isolated(Options::default()).await {
        let place = Place::new();
        let output = place.shell(&sandbox, "for fd in /proc/$$/fd/*; do readlink $fd; done", LONG).await;
        assert!(!output.text.is_empty());
        for open in output.text.lines() {
            assert!(open == "/dev/null" || open.starts_with("pipe:"), "{}: {open}", sandbox.means);
        }
    }
}

#[tokio::test]
async fn devices_are_few_and_none_can_be_made() {
    for sandbox in isolated(Options::default()).await {
        let place = Place::new();
        let script = "find /dev -type b; ls -d /sys /dev/kmsg /dev/mem /dev/fuse /dev/kvm 2>/dev/null; \
                      mknod /tmp/d b 7 0 2>/dev/null && echo made; \
                      head -c 100000000 /dev/zero >/dev/shm/large 2>/dev/null && echo filled; true";
        assert_eq!(place.shell(&sandbox, script, LONG).await.text, "", "{}", sandbox.means);
    }
}

#[tokio::test]
async fn namespaces_within_win_nothing() {
    for sandbox in isolated(Options::default()).await {
        let place = Place::new();
        // Asked rather than tried, as above.
        let script = "unshare --user --map-root-user --mount --pid --fork --mount-proc \
                      sh -c '[ -w /proc/sys/kernel/core_pattern ]'";
        assert_ne!(place.shell(&sandbox, script, LONG).await.code, Some(0), "{}", sandbox.means);
        let script = "unshare --user --map-root-user --mount sh -c 'mount -o remount,bind,rw /usr && \
                      [ -w /usr ]; umount /proc/sys && [ -w /proc/sys/kernel/core_pattern ]'";
        assert_ne!(place.shell(&sandbox, script, LONG).await.code, Some(0), "{}", sandbox.means);
    }
}

#[tokio::test]
async fn a_flood_of_output_ends_with_the_time() {
    for sandbox in isolated(Options::default()).await {
        let place = Place::new();
        let output = place.shell(&sandbox, "yes", Duration::from_secs(1)).await;
        assert!(output.timed_out && output.text.len() < 11_000);
    }
}

#[test]
fn the_same_holds_for_an_ordinary_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let nobody = || {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).current_dir("/");
        command
    };
    let tests = std::env::current_exe().unwrap();
    if !nobody().args(["test", "-x"]).arg(&tests).status().is_ok_and(|status| status.success()) {
        println!("skipped: nobody may run {}", tests.display());
        return;
    }
    let mut child = nobody();
    child.arg(&tests).args(["workspace::sandbox::tests::", "--skip", "ordinary_user"]);
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
