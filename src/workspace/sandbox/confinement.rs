//! What is given up for good before a command begins, by the thread that begins it: no process of the command gets it
//! back.
//!
//! Landlock says which files may be reached, seccomp which system calls are answered. Both bind a thread and what it
//! begins, so that Ostler's other threads keep what they need.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, Scope, path_beneath_rules,
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;

/// What a command and all that it starts cannot do any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::workspace) struct Confinement {
    /// Whether the kernel's rarer doors are shut: what no build and no test needs, and attacks on kernels begin with.
    pub(super) doors: bool,
    /// The files that it is confined to, where namespaces do not do that.
    pub(super) reach: Option<Reach>,
}

/// What a command may reach where it has the host's own root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reach {
    /// What it may read and run.
    pub(super) read: Vec<PathBuf>,
    /// What it may do everything with.
    pub(super) write: Vec<PathBuf>,
    /// Whether it has the network.
    pub(super) network: bool,
}

/// A thread that is there as long as this is: some commands ask to die with whoever began them.
#[derive(Debug)]
pub(in crate::workspace) struct Keeper(
    #[expect(dead_code, reason = "it is dropped, which is all")] mpsc::Sender<()>,
);

/// The version of Landlock that is demanded whole: files and their devices, TCP, abstract sockets, signals.
const LANDLOCK: ABI = ABI::V6;

/// System calls that a container has no use for.
const DOORS: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_open_by_handle_at,
    libc::SYS_perf_event_open,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_userfaultfd,
];

/// What is shut besides where there are no namespaces: other processes, and what would make a root of one's own.
const NEIGHBOURS: &[libc::c_long] = &[
    libc::SYS_chroot,
    libc::SYS_mount,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_setns,
    libc::SYS_umount2,
    libc::SYS_unshare,
];

impl Confinement {
    /// Begins a command on a thread that has given all this up.
    pub(in crate::workspace) fn begin(self, mut command: Command) -> io::Result<(Child, Option<Keeper>)> {
        if self == Self::default() {
            return Ok((command.spawn()?, None));
        }
        let runtime = Handle::current();
        let (begun, child) = mpsc::channel();
        let (keeper, until) = mpsc::channel::<()>();
        let begin = move || {
            let _inside = runtime.enter();
            let made = self.give_up().and_then(|()| command.spawn());
            // The command holds copies of the child's pipes, which would not end while it is there.
            drop(command);
            if begun.send(made).is_ok() {
                _ = until.recv();
            }
        };
        std::thread::Builder::new().name("confined".to_owned()).spawn(begin)?;
        let child = child.recv().map_err(io::Error::other)??;
        Ok((child, Some(Keeper(keeper))))
    }

    /// Gives it all up, for this thread and whatever it begins.
    fn give_up(&self) -> io::Result<()> {
        if let Some(reach) = &self.reach {
            reach.enforce().map_err(io::Error::other)?;
        }
        match self.filter().map_err(io::Error::other)? {
            Some(program) => seccompiler::apply_filter(&program).map_err(io::Error::other),
            None => Ok(()),
        }
    }

    fn filter(&self) -> Result<Option<BpfProgram>, seccompiler::BackendError> {
        let mut shut: Vec<libc::c_long> = Vec::new();
        shut.extend(self.doors.then_some(DOORS).into_iter().flatten());
        if let Some(reach) = &self.reach {
            shut.extend(NEIGHBOURS);
            // Landlock knows TCP alone: names are looked up by UDP, and sockets of the host have paths.
            shut.extend((!reach.network).then_some(libc::SYS_socket));
        }
        if shut.is_empty() {
            return Ok(None);
        }
        let rules: BTreeMap<i64, _> = shut.into_iter().map(|call| (call, Vec::new())).collect();
        let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        let filter =
            SeccompFilter::new(rules, SeccompAction::Allow, refused, std::env::consts::ARCH.try_into()?)?;
        filter.try_into().map(Some)
    }
}

impl Reach {
    /// Confines this thread to these files. A kernel that cannot do all of it is an error, never a weaker box.
    fn enforce(&self) -> Result<(), RulesetError> {
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(LANDLOCK))?;
        if !self.network {
            rules = rules.handle_access(AccessNet::from_all(LANDLOCK))?;
        }
        let made = rules.scope(Scope::from_all(LANDLOCK))?.create()?;
        let made = made.add_rules(path_beneath_rules(&self.read, AccessFs::from_read(LANDLOCK)))?;
        let made = made.add_rules(path_beneath_rules(&self.write, AccessFs::from_all(LANDLOCK)))?;
        made.restrict_self().map(drop)
    }
}
