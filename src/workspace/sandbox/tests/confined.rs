//! What Landlock and seccomp keep from a command: alone, at level 2, and the doors that are shut at level 3 too.

use super::*;

/// The sandbox of level 2, where this host has one.
async fn confined() -> Option<Sandbox> {
    let options = Options { minimum: 2, ..Options::default() };
    let sandbox = Sandbox { means: Means::Landlock, level: Level::Confined, doors_shut: true, options };
    match sandbox.try_out().await {
        Ok(()) => Some(sandbox),
        Err(why) => {
            println!("skipped: Landlock does not work here: {why}");
            None
        }
    }
}

#[tokio::test]
async fn confined_it_works_on_its_files_and_reaches_no_other() {
    let Some(sandbox) = confined().await else { return };
    let place = Place::new();
    let secret = place.root.path().join("secret");
    std::fs::write(&secret, "canary-7f3a").unwrap();
    let work = "echo x > made; mkdir d; mv made d/made; cat d/made; mktemp >/dev/null && echo temporary; \
                git init -q . && git status --short";
    let output = place.shell(&sandbox, work, LONG).await;
    assert_eq!((output.code, output.text.as_str()), (Some(0), "x\ntemporary\n?? d/\n"));
    for script in [
        format!("cat '{}'", secret.display()),
        format!("echo y > '{}'", secret.display()),
        format!("mv '{}' here", secret.display()),
        format!("ln '{}' here && cat here", secret.display()),
        "cat /etc/shadow".to_owned(),
        "ls /root".to_owned(),
        "cat /proc/$PPID/environ".to_owned(),
        "echo x > /tmp/x".to_owned(),
        "echo x > /dev/shm/x".to_owned(),
    ] {
        let output = place.shell(&sandbox, &script, LONG).await;
        assert_ne!(output.code, Some(0), "{script}: {}", output.text);
        assert!(!output.text.contains("canary-7f3a"), "{}", output.text);
    }
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "canary-7f3a");
}

#[tokio::test]
async fn confined_there_is_no_socket_and_no_other_process() {
    let Some(sandbox) = confined().await else { return };
    let place = Place::new();
    let neighbour = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let mut neighbour = scopeguard(neighbour);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for script in [
        format!("kill -TERM {}", neighbour.0.id()),
        format!("bash -c ': </dev/tcp/127.0.0.1/{port}'"),
        format!("bash -c 'echo x >/dev/udp/127.0.0.1/{port}'"),
        "unshare --user true".to_owned(),
        "perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) or exit 3'".to_owned(),
    ] {
        let output = place.shell(&sandbox, &script, LONG).await;
        assert_ne!(output.code, Some(0), "{script}: {}", output.text);
    }
    assert!(neighbour.0.try_wait().unwrap().is_none(), "nobody else was killed");
}

/// A process that does not outlive its test.
struct Guarded(std::process::Child);

fn scopeguard(child: std::process::Child) -> Guarded {
    Guarded(child)
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Asks for system calls by their numbers and prints what came of each: 1 is `EPERM`.
const DOORS: &str = r#"perl -e '
    for my $call (@ARGV) { $! = 0; my $got = syscall($call + 0, 0, 0, 0, 0, 0); print $got < 0 ? $!+0 : "open", " " }
' "#;

#[tokio::test]
async fn doors_that_nothing_needs_are_shut_at_every_level_that_shuts_off() {
    let mut sandboxes = isolated(Options::default()).await;
    sandboxes.extend(confined().await);
    // In the order of their names: bpf, io_uring_setup, keyctl, perf_event_open, userfaultfd.
    let calls = [
        libc::SYS_bpf,
        libc::SYS_io_uring_setup,
        libc::SYS_keyctl,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
    ];
    let numbers: Vec<String> = calls.iter().map(ToString::to_string).collect();
    for sandbox in sandboxes {
        let output = Place::new().shell(&sandbox, &format!("{DOORS}{}", numbers.join(" ")), LONG).await;
        assert_eq!(output.text.trim(), "1 1 1 1 1", "{}", sandbox.means());
    }
}

#[tokio::test]
async fn a_confined_command_is_killed_with_all_that_it_began() {
    let Some(sandbox) = confined().await else { return };
    let place = Place::new();
    let output = place.shell(&sandbox, "sleep 600 & sleep 600", Duration::from_millis(300)).await;
    assert!(output.timed_out);
}
