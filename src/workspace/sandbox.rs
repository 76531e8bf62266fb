//! Where commands run that nobody here wrote: shut off as far as the host allows, and it says how far.
//!
//! The strongest means that works on this host is found by trying, once, at start: bubblewrap, else
//! `unshare(1)`, else Landlock with seccomp, else a plain child with limits. In the first two a command sees the
//! host's programs, its own files at `/workspace`, an empty `/tmp` of its own, and nothing else: no network, no other
//! process, no home, no data of Ostler's. In the third it may open the host's programs and its own files and nothing
//! else, and has no socket.

mod confinement;
mod host;
mod means;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

pub(super) use self::confinement::{Confinement, Keeper};
pub use self::host::Host;
use self::means::Means;
use super::process::{self, Finished, Launch};
use super::{Output, WorkspaceError};

/// Bytes of a command's output that its caller sees.
const OUTPUT_ROOM: usize = 10_000;

/// How far a command is shut off. The numbers leave room for levels between and above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Level {
    /// 0: a clean environment, limits, and a process group that is killed as one.
    Clean = 0,
    /// 1: besides, Ostler's own memory and environment cannot be read by its user's other processes.
    Guarded = 1,
    /// 2: besides, only its own files and the host's programs can be opened, and there is no socket.
    Confined = 2,
    /// 3: namespaces: its own root, processes and (no) network.
    Isolated = 3,
}

/// What commands run with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The level below which no command is run.
    pub minimum: u8,
    /// Where programs are looked for.
    pub path: String,
    /// What a command may read besides its own files, where it exists: the host's programs.
    pub readable: Vec<PathBuf>,
    /// Variables that a command gets besides the few that it always has: where a toolchain is.
    /// Never a secret.
    pub variables: BTreeMap<String, String>,
    /// Whether a command that asks for the network gets it.
    pub network: bool,
    /// What a command may use.
    pub limits: Limits,
}

/// What one process of a command may use, or all of them together where that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Seconds of computing.
    pub cpu_seconds: u64,
    /// Bytes of memory that it may write to.
    pub memory_bytes: u64,
    /// Processes, all together.
    pub processes: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
}

/// The means that was found, with what commands run with.
#[derive(Debug, Clone)]
pub struct Sandbox {
    means: Means,
    level: Level,
    /// Whether system calls that nothing here needs are refused as well.
    doors_shut: bool,
    options: Options,
}

/// A shell script, and what it gets besides what every command gets.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    /// What `sh` is given.
    pub text: &'a str,
    /// Whether a command that fails, or a variable that is not set, ends it.
    pub strict: bool,
    /// Variables of its own. They are set within the sandbox: nothing outside of it ever sees them.
    pub variables: &'a BTreeMap<String, String>,
    /// Whether it has the host's network.
    pub network: bool,
}

/// The directories of one command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room<'a> {
    /// What it works on.
    pub(super) files: &'a Path,
    /// An empty directory outside of `files`: where its root is built, or its home.
    pub(super) scratch: &'a Path,
}

impl Default for Options {
    fn default() -> Self {
        const READABLE: &[&str] = &[
            "/usr",
            "/bin",
            "/sbin",
            "/lib",
            "/lib32",
            "/lib64",
            "/libx32",
            "/nix/store",
            "/etc/alternatives",
            "/etc/ld.so.cache",
            "/etc/ld.so.conf",
            "/etc/ld.so.conf.d",
            "/etc/passwd",
            "/etc/group",
            "/etc/nsswitch.conf",
            "/etc/hosts",
            "/etc/localtime",
            "/etc/ssl/certs",
            "/etc/java-17-openjdk",
            "/etc/java-21-openjdk",
        ];
        Self {
            minimum: 3,
            path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
            readable: READABLE.iter().map(PathBuf::from).collect(),
            variables: BTreeMap::new(),
            network: false,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { cpu_seconds: 1_800, memory_bytes: 4 << 30, processes: 512, file_bytes: 1 << 30 }
    }
}

impl<'a> Script<'a> {
    /// A command as it stands, with nothing besides.
    pub(super) fn plain(text: &'a str) -> Self {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        Self { text, strict: false, variables: &NONE, network: false }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Clean => "clean environment and limits only",
            Self::Guarded => "clean environment and limits, Ostler's memory guarded",
            Self::Confined => {
                "its own files and the host's programs, no network; other processes can be seen"
            }
            Self::Isolated => "own root, processes and no network",
        };
        write!(f, "{} ({words})", *self as u8)
    }
}

impl Sandbox {
    /// Finds the strongest means that works here, by running something harmless in each.
    pub async fn probe(options: Options) -> Self {
        // Where a means needs powers that it gets by itself, it works with its doors open only.
        let isolated = means::candidates().map(|means| [(means, true), (means, false)]);
        let isolated = isolated.into_iter().flatten().map(|found| (found, Level::Isolated));
        for ((means, doors_shut), level) in isolated.chain([((Means::Landlock, true), Level::Confined)]) {
            let candidate = Self { means, level, doors_shut, options: options.clone() };
            match candidate.try_out().await {
                Ok(()) => return candidate,
                Err(why) => tracing::debug!(%means, doors_shut, why, "this sandbox does not work here"),
            }
        }
        Self { means: Means::Plain, level: guard_own_memory(), doors_shut: false, options }
    }

    /// How far commands are shut off.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// What does it, by name.
    #[must_use]
    pub fn means(&self) -> String {
        match self.means {
            Means::Bubblewrap | Means::Unshare if self.doors_shut => format!("{} with seccomp", self.means),
            means => means.to_string(),
        }
    }

    /// Whether all processes of a command together are bounded.
    #[must_use]
    pub fn bounds_processes(&self) -> bool {
        self.means.bounds_processes()
    }

    /// Whether it is as strong as demanded.
    ///
    /// # Errors
    /// When it is not; no command is then run.
    pub fn demand(&self) -> Result<(), WorkspaceError> {
        let (level, minimum) = (self.level, self.options.minimum);
        if (level as u8) < minimum {
            return Err(WorkspaceError::Sandbox(format!(
                "this host offers level {level}, and level {minimum} is demanded"
            )));
        }
        Ok(())
    }

    /// Whether a script may have the network.
    ///
    /// # Errors
    /// When the configuration does not allow it.
    pub fn demand_network(&self) -> Result<(), WorkspaceError> {
        let refused = "the network is asked for, and `security.sandbox.network` does not allow it";
        if self.options.network { Ok(()) } else { Err(WorkspaceError::Sandbox(refused.to_owned())) }
    }

    /// Where the files are, as a command sees them.
    pub(super) fn shown<'a>(&self, files: &'a Path) -> &'a Path {
        if self.level == Level::Isolated { Path::new(super::VIRTUAL_ROOT) } else { files }
    }

    /// Runs a shell command in a room.
    pub(super) async fn shell(
        &self,
        room: Room<'_>,
        command: &str,
        limit: Duration,
    ) -> Result<Output, WorkspaceError> {
        self.demand()?;
        let Finished { code, timed_out, out, .. } = self.run(room, command, limit, OUTPUT_ROOM).await?;
        Ok(Output { code, timed_out, text: out.text() })
    }

    /// Runs a shell command in a room; gives all that it wrote as well, unless that is more than
    /// `most` bytes.
    pub(super) async fn shell_whole(
        &self,
        room: Room<'_>,
        command: &str,
        limit: Duration,
        most: usize,
    ) -> Result<(Output, Option<Vec<u8>>), WorkspaceError> {
        self.demand()?;
        let Finished { code, timed_out, out, .. } = self.run(room, command, limit, most).await?;
        Ok((Output { code, timed_out, text: out.text() }, out.whole()))
    }

    /// Runs a script in a room, its outputs kept apart, and of each so many bytes.
    pub(super) async fn split(
        &self,
        room: Room<'_>,
        script: Script<'_>,
        limit: Duration,
        most: usize,
    ) -> Result<Finished, WorkspaceError> {
        self.demand()?;
        if script.network {
            self.demand_network()?;
        }
        let finished = process::split(self.launch(room, script, limit), limit, most).await;
        finished.map_err(|error| self.unusable(&error))
    }

    async fn run(
        &self,
        room: Room<'_>,
        command: &str,
        limit: Duration,
        most: usize,
    ) -> Result<Finished, WorkspaceError> {
        let launch = self.launch(room, Script::plain(command), limit);
        process::merged(launch, limit, most).await.map_err(|error| self.unusable(&error))
    }

    fn launch(&self, room: Room<'_>, script: Script<'_>, limit: Duration) -> Launch {
        let inner = means::limited(&self.options.limits, self.means, script, limit);
        let argv = self.means.wrap(room, &self.options, script.network, inner);
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).env_clear().current_dir(room.files);
        command.envs(&self.options.variables);
        let home = if self.level == Level::Isolated { Path::new("/tmp") } else { room.scratch };
        command.env("PATH", &self.options.path).env("HOME", home);
        command.envs([("LANG", "C.UTF-8"), ("TERM", "dumb")]);
        if self.level == Level::Confined {
            command.env("TMPDIR", home);
        }
        let confinement = self.means.confinement(room, &self.options, (self.doors_shut, script.network));
        Launch { command, confinement }
    }

    fn unusable(&self, error: &std::io::Error) -> WorkspaceError {
        WorkspaceError::Sandbox(format!("{}: {error}", self.means))
    }

    async fn try_out(&self) -> Result<(), String> {
        let place = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (files, scratch) = (place.path().join("files"), place.path().join("scratch"));
        for directory in [&files, &scratch] {
            std::fs::create_dir(directory).map_err(|error| error.to_string())?;
        }
        let room = Room { files: &files, scratch: &scratch };
        // It must work on its own files, not see what really is beside them, and not be able to set the
        // host's kernel (asked, not tried). Landlock hides no names, it opens nothing.
        let script = if self.level == Level::Isolated {
            "echo here > seen; ! [ -e ../scratch ] && ! [ -w /proc/sys/kernel/core_pattern ]"
        } else {
            "echo here > seen; ! ls .. && ! head -c 1 /proc/sys/kernel/core_pattern"
        };
        let finished =
            self.run(room, script, Duration::from_secs(20), OUTPUT_ROOM).await.map_err(|e| e.to_string())?;
        let seen = files.join("seen").exists();
        match finished.code {
            Some(0) if seen => Ok(()),
            code => Err(format!("exit code {code:?}: {}", finished.out.text())),
        }
    }
}

/// Lets nothing that is in Ostler's memory come to a disk or to its user's other processes: no core dump is written,
/// whatever the host would do with one. Processes that are started have their own memory, and are not concerned.
pub fn shut_own_memory() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps could not be switched off");
    }
    shut_to_others();
}

/// Shuts Ostler's own memory to its user's other processes. For root there is no such thing as
/// another's memory.
fn guard_own_memory() -> Level {
    let root = rustix::process::geteuid().is_root();
    if shut_to_others() && !root { Level::Guarded } else { Level::Clean }
}

/// Whether processes of the same user cannot read Ostler's memory from now on.
fn shut_to_others() -> bool {
    let shut = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Err(error) = &shut {
        tracing::warn!(%error, "Ostler's own memory could not be guarded");
    }
    shut.is_ok()
}

#[cfg(test)]
mod tests;
