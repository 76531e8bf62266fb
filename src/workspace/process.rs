//! Child processes that cannot outlive us, fill our memory, or be waited for without end.

use std::collections::VecDeque;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::FutureExt as _;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::sandbox::{Confinement, Keeper};

/// How long what is left in a pipe is read for, once the process is gone.
const DRAIN: Duration = Duration::from_secs(2);

/// What became of a process.
#[derive(Debug)]
pub(super) struct Finished {
    /// Its exit code; none when a signal or the time limit ended it.
    pub(super) code: Option<i32>,
    /// Whether the time limit ended it.
    pub(super) timed_out: bool,
    /// What it wrote to its output.
    pub(super) out: Excerpt,
    /// What it wrote to its error output, where that was kept apart.
    pub(super) err: Excerpt,
}

/// The beginning and the end of a stream, in bounded room.
#[derive(Debug)]
pub(super) struct Excerpt {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    room: (usize, usize),
    dropped: u64,
}

/// A command, and what it is not to have.
#[derive(Debug)]
pub(super) struct Launch {
    /// The command.
    pub(super) command: Command,
    /// What is given up before it begins.
    pub(super) confinement: Confinement,
}

/// A child with all that it starts, killed when this is dropped before its end.
struct Group {
    child: Child,
    leader: Option<Pid>,
    _keeper: Option<Keeper>,
}

impl Excerpt {
    /// Room for so many bytes of the beginning and of the end.
    pub(super) fn new(head: usize, tail: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), room: (head, tail), dropped: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(self.room.0 - self.head.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(self.room.1);
        self.tail.drain(..surplus);
        self.dropped += surplus as u64;
    }

    /// Whether everything that was written is here.
    pub(super) fn is_whole(&self) -> bool {
        self.dropped == 0
    }

    /// Everything that was written, unless it was more than there was room for.
    pub(super) fn whole(self) -> Option<Vec<u8>> {
        self.is_whole().then(|| self.head.into_iter().chain(self.tail).collect())
    }

    /// It as text, with a line in the middle that says what is missing.
    pub(super) fn text(&self) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        let (head, tail) = (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&tail));
        match self.dropped {
            0 => format!("{head}{tail}"),
            dropped => format!("{head}\n… {dropped} bytes left out …\n{tail}"),
        }
    }
}

impl From<Command> for Launch {
    fn from(command: Command) -> Self {
        Self { command, confinement: Confinement::default() }
    }
}

impl Group {
    fn spawn(launch: Launch) -> io::Result<Self> {
        let Launch { mut command, confinement } = launch;
        command.process_group(0).kill_on_drop(true);
        let (child, keeper) = confinement.begin(command)?;
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, leader, _keeper: keeper })
    }

    fn kill(&mut self) {
        if let Some(leader) = self.leader.take()
            && let Err(error) = kill_process_group(leader, Signal::KILL)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(%error, "a process group could not be killed");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a process with this input, its two outputs kept apart and `room` bytes of each.
pub(super) async fn apart(
    mut command: Command,
    input: &[u8],
    limit: Duration,
    room: usize,
) -> io::Result<Finished> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut group = Group::spawn(command.into())?;
    let (mut out, mut err) = (Excerpt::new(room, 0), Excerpt::new(4_000, 4_000));
    let (stdin, stdout, stderr) =
        (group.child.stdin.take(), group.child.stdout.take(), group.child.stderr.take());
    let work = async {
        let feed = async {
            if let Some(mut stdin) = stdin
                && let Err(error) = stdin.write_all(input).await
            {
                // A process need not read all that it is given; its exit code tells whether that was well.
                tracing::debug!(%error, "a process did not read its input");
            }
        };
        tokio::join!(feed, drain(stdout, &mut out), drain(stderr, &mut err));
        group.child.wait().await
    };
    let ended = timeout(limit, work).await;
    finish(group, ended.ok().transpose()?, out, err)
}

/// Runs a process without input, both outputs in one pipe in the order written, beginning and end kept.
pub(super) async fn merged(launch: impl Into<Launch>, limit: Duration, room: usize) -> io::Result<Finished> {
    let mut launch = launch.into();
    let (reader, writer) = io::pipe()?;
    launch.command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let reader = pipe::Receiver::from_owned_fd(reader.into())?;
    let mut group = Group::spawn(launch)?;
    let mut out = Excerpt::new(room / 2, room - room / 2);
    let status = watch(&mut group, drain(Some(reader), &mut out), limit).await?;
    finish(group, status, out, Excerpt::new(0, 0))
}

/// Runs a process without input, its two outputs kept apart, beginning and end of each kept. One that a
/// signal ended has the exit code that a shell would give it.
pub(super) async fn split(launch: impl Into<Launch>, limit: Duration, room: usize) -> io::Result<Finished> {
    let mut launch = launch.into();
    launch.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut group = Group::spawn(launch)?;
    let excerpt = || Excerpt::new(room / 2, room - room / 2);
    let (mut out, mut err) = (excerpt(), excerpt());
    let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
    let reading = async {
        tokio::join!(drain(stdout, &mut out), drain(stderr, &mut err));
    };
    let status = watch(&mut group, reading, limit).await?;
    let signal = status.and_then(|status| status.signal());
    let finished = finish(group, status, out, err)?;
    Ok(Finished { code: finished.code.or(signal.map(|signal| 128 + signal)), ..finished })
}

/// Waits for a process while its output is read, and kills whatever it leaves behind; no status where its
/// time was up.
async fn watch(
    group: &mut Group,
    reading: impl Future<Output = ()>,
    limit: Duration,
) -> io::Result<Option<ExitStatus>> {
    let reading = reading.fuse();
    futures_util::pin_mut!(reading);
    let ended = timeout(limit, async {
        tokio::select! {
            status = group.child.wait() => status,
            () = &mut reading => group.child.wait().await,
        }
    })
    .await;
    // Whoever else holds the pipe is killed with the group, or is not waited for.
    group.kill();
    let left = async {
        if !futures_util::future::FusedFuture::is_terminated(&reading) {
            reading.await;
        }
    };
    if timeout(DRAIN, left).await.is_err() {
        tracing::debug!("a process left its output open behind it");
    }
    if ended.is_err() && timeout(DRAIN, group.child.wait()).await.is_err() {
        tracing::warn!("a process that was killed is not gone yet");
    }
    ended.ok().transpose()
}

fn finish(mut group: Group, status: Option<ExitStatus>, out: Excerpt, err: Excerpt) -> io::Result<Finished> {
    group.kill();
    Ok(Finished { code: status.and_then(|status| status.code()), timed_out: status.is_none(), out, err })
}

async fn drain(from: Option<impl AsyncRead + Unpin>, into: &mut Excerpt) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; 16_384];
    // A pipe that breaks has ended as well.
    while let Ok(count) = from.read(&mut buffer).await {
        if count == 0 {
            return;
        }
        into.push(&buffer[..count]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn an_excerpt_keeps_both_ends_and_counts_the_rest() {
        let mut excerpt = Excerpt::new(3, 2);
        excerpt.push(b"ab");
        excerpt.push(b"cdefg");
        assert_eq!(excerpt.text(), "abc\n… 2 bytes left out …\nfg");
        assert_eq!(excerpt.whole(), None);
    }

    #[tokio::test]
    async fn both_outputs_come_in_the_order_written() {
        let finished = merged(sh("echo a; echo b >&2; echo c; exit 3"), Duration::from_secs(20), 100).await;
        let finished = finished.unwrap();
        assert_eq!((finished.code, finished.out.text()), (Some(3), "a\nb\nc\n".to_owned()));
    }

    #[tokio::test]
    async fn outputs_that_are_kept_apart_are_both_bounded_and_nobody_left_behind_is_waited_for() {
        let script = "seq 1000; seq 2000 3000 >&2; sleep 600 & exit 3";
        let finished = split(sh(script), Duration::from_secs(60), 20).await.unwrap();
        assert_eq!((finished.code, finished.timed_out), (Some(3), false));
        assert!(finished.out.text().starts_with("1\n2\n") && finished.out.text().ends_with("999\n1000\n"));
        assert!(finished.err.text().starts_with("2000\n2001\n\n… "), "{}", finished.err.text());
        assert!(finished.err.text().ends_with("2999\n3000\n"), "{}", finished.err.text());
    }

    #[tokio::test]
    async fn a_signal_is_an_exit_code_as_a_shell_counts() {
        let finished = split(sh("kill -KILL $$"), Duration::from_secs(60), 20).await.unwrap();
        assert_eq!((finished.code, finished.timed_out), (Some(137), false));
    }

    #[tokio::test]
    async fn the_time_limit_ends_a_process_with_its_children() {
        let finished = merged(sh("sleep 600 & sleep 600"), Duration::from_millis(200), 100).await.unwrap();
        assert!(finished.timed_out);
        assert_eq!(finished.code, None);
    }

    #[tokio::test]
    async fn a_child_left_behind_is_not_waited_for() {
        let finished = merged(sh("sleep 600 & echo done"), Duration::from_secs(60), 100).await.unwrap();
        assert_eq!((finished.timed_out, finished.out.text()), (false, "done\n".to_owned()));
    }

    #[tokio::test]
    async fn input_is_fed_and_too_much_output_is_not_whole() {
        let finished = apart(sh("cat"), b"hello", Duration::from_secs(20), 5).await.unwrap();
        assert_eq!(finished.out.whole(), Some(b"hello".to_vec()));
        let finished = apart(sh("cat"), b"hello", Duration::from_secs(20), 4).await.unwrap();
        assert_eq!(finished.out.whole(), None);
    }
}
