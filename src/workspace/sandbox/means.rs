//! The command lines of each means. Nothing here is interpolated into a script: all data are arguments.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::confinement::{Confinement, Reach};
use super::{Limits, Options, Room, Script};

/// How a command is shut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// `bwrap`.
    Bubblewrap,
    /// `unshare(1)` and a script that builds the root.
    Unshare,
    /// Landlock and seccomp, where there can be no namespaces.
    Landlock,
    /// Nothing but limits.
    Plain,
}

const ENTER: &str = include_str!("enter.sh");

/// Becomes a command without the files that whoever started us left open; these are as many as a shell can
/// close.
const CLOSED: &str = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; exec \"$@\"";

/// The devices that programs expect.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// The least that the kernel takes for the highest process id.
const LEAST_PID_MAX: u64 = 301;

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bubblewrap => "bubblewrap",
            Self::Unshare => "unshare",
            Self::Landlock => "Landlock and seccomp",
            Self::Plain => "plain child",
        })
    }
}

/// The means that shut off wholly, the better first.
pub(super) fn candidates() -> [Means; 2] {
    // Root's processes are bounded by their namespace's highest id only, and bubblewrap cannot set that.
    if !Means::Bubblewrap.bounds_processes() && Means::Unshare.bounds_processes() {
        [Means::Unshare, Means::Bubblewrap]
    } else {
        [Means::Bubblewrap, Means::Unshare]
    }
}

impl Means {
    /// Whether the processes of a command are bounded together. `RLIMIT_NPROC` does not bind root.
    pub(super) fn bounds_processes(self) -> bool {
        let root = rustix::process::geteuid().is_root();
        !root || (self == Self::Unshare && pid_limit(1) > 0)
    }

    /// What is given up before a command begins. Its files are shown to it where no root of its own hides the others.
    pub(super) fn confinement(
        self,
        room: Room<'_>,
        options: &Options,
        (doors, network): (bool, bool),
    ) -> Confinement {
        let reach = || Reach {
            read: readable(options, network),
            write: [room.files, room.scratch]
                .into_iter()
                .chain(DEVICES.iter().map(Path::new))
                .map(Path::to_owned)
                .collect(),
            network,
        };
        match self {
            Self::Bubblewrap | Self::Unshare => Confinement { doors, reach: None },
            Self::Landlock => Confinement { doors: true, reach: Some(reach()) },
            Self::Plain => Confinement::default(),
        }
    }

    /// The whole command line that runs `inner` by this means.
    pub(super) fn wrap(
        self,
        room: Room<'_>,
        options: &Options,
        network: bool,
        inner: Vec<OsString>,
    ) -> Vec<OsString> {
        let mut argv = match self {
            Self::Bubblewrap => bubblewrap(room, options, network),
            Self::Unshare => unshare(room, options, network),
            Self::Landlock | Self::Plain => Vec::new(),
        };
        argv.extend(inner);
        argv
    }
}

/// A script under limits and, behind its caller's, a time limit that outlives us.
pub(super) fn limited(limits: &Limits, means: Means, script: Script<'_>, limit: Duration) -> Vec<OsString> {
    let mut argv = Vec::new();
    if means == Means::Unshare {
        // Root of the namespace built the root; the command keeps none of its powers.
        let drop = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"];
        argv.extend(words(&["setpriv"]).chain(words(&drop)));
    }
    // Writable memory rather than address space: runtimes reserve far more of that than they use.
    argv.extend(words(&["prlimit", "--core=0", "--nofile=4096"]));
    argv.push(format!("--cpu={}", limits.cpu_seconds).into());
    argv.push(format!("--data={}", limits.memory_bytes).into());
    argv.push(format!("--fsize={}", limits.file_bytes).into());
    argv.push(format!("--nproc={}", limits.processes).into());
    argv.extend(words(&["timeout", "-s", "KILL"]));
    argv.push((limit.as_secs() + 5).to_string().into());
    if !script.variables.is_empty() {
        // Here, within everything: one like `LD_PRELOAD` would mean something to the programs before it.
        argv.push("env".into());
        argv.extend(script.variables.iter().map(|(name, value)| format!("{name}={value}").into()));
    }
    argv.extend(words(&["sh", if script.strict { "-euc" } else { "-c" }, script.text]));
    argv
}

/// What a command may read: with the network, also how names are looked up there.
fn readable(options: &Options, network: bool) -> Vec<PathBuf> {
    let resolver = PathBuf::from("/etc/resolv.conf");
    // Often a link out of `/etc`, whose target has to be there as well.
    let more =
        if network { resolver.canonicalize().into_iter().chain([resolver]).collect() } else { Vec::new() };
    let mut places = options.readable.clone();
    for place in more {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

fn unshare(room: Room<'_>, options: &Options, network: bool) -> Vec<OsString> {
    let mut argv: Vec<OsString> =
        words(&["unshare", "--user", "--map-root-user", "--mount", "--pid"]).collect();
    argv.extend((!network).then(|| "--net".into()));
    argv.extend(words(&[
        "--ipc",
        "--uts",
        "--cgroup",
        "--fork",
        "--kill-child=KILL",
        "--",
        "sh",
        "-c",
        ENTER,
        "ostler-sandbox",
    ]));
    argv.extend([room.scratch.into(), room.files.into()]);
    argv.push(pid_limit(options.limits.processes).to_string().into());
    argv.extend(readable(options, network).into_iter().map(OsString::from));
    argv.push("--".into());
    argv
}

/// The highest process id of the namespace, which bounds root too, whom `RLIMIT_NPROC` does not; 0 for none.
fn pid_limit(processes: u64) -> u64 {
    // Before Linux 6.14 this is one value for the whole host, and not ours to set.
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut parts = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version >= (6, 14) { processes.max(LEAST_PID_MAX) } else { 0 }
}

fn bubblewrap(room: Room<'_>, options: &Options, network: bool) -> Vec<OsString> {
    let mut argv: Vec<OsString> = words(&["sh", "-c", CLOSED, "ostler-sandbox"]).collect();
    argv.extend(words(&[
        "bwrap",
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
    ]));
    argv.extend(network.then(|| "--share-net".into()));
    for place in readable(options, network) {
        match std::fs::read_link(&place) {
            Ok(target) => argv.extend(["--symlink".into(), target.into(), place.into()]),
            Err(_) => argv.extend(["--ro-bind-try".into(), place.clone().into(), place.into()]),
        }
    }
    argv.extend(words(&["--proc", "/proc"]));
    // Measured with 0.8: started by root, it leaves the host's own settings open to be written.
    for part in ["/proc/sys", "/proc/sysrq-trigger", "/proc/bus", "/proc/fs", "/proc/irq"] {
        argv.extend(words(&["--ro-bind-try", part, part]));
    }
    argv.extend(words(&["--dev", "/dev"]));
    // Memory behind a file system is nobody's `RLIMIT_DATA`: it has bounds of its own.
    argv.extend(words(&["--size", "67108864", "--tmpfs", "/dev/shm"]));
    argv.extend(words(&["--size", "1073741824", "--tmpfs", "/tmp", "--bind"]));
    argv.extend([room.files.into(), super::super::VIRTUAL_ROOT.into()]);
    argv.extend(words(&["--chdir", super::super::VIRTUAL_ROOT, "--remount-ro", "/", "--"]));
    argv
}

fn words<'a>(words: &'a [&str]) -> impl Iterator<Item = OsString> + use<'a> {
    words.iter().map(OsString::from)
}
