//! `ostler logs`: what happened in a run, and what happens until its end. A running server streams it through its admin
//! socket; where none runs, what is kept is read from the store, and `--follow` waits for one to come.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::{Client, Response};
use serde_json::Value;

use super::exit::Exit;
use super::place::{Declined, Kept, Place, address};
use super::screen::{BOLD, DIM, Screen};
use crate::app;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Environment;
use crate::http::live;
use crate::id::RunId;
use crate::run::Telling;
use crate::run::telling::What;
use crate::store::Store;

/// How long it is waited before a server that is gone is looked for again.
const PAUSE: Duration = Duration::from_millis(500);

/// What `ostler logs` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The run.
    run: RunId,
    /// Go on until the run is over, also over restarts of the server.
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    place: Place,
    /// Print JSON, a line for each thing that happened.
    #[arg(long)]
    json: bool,
}

/// Shows it.
pub(super) async fn run(
    arguments: Arguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let mut reader = Reader {
        run: arguments.run,
        after: 0,
        over: false,
        plain: arguments.json || !screen.is_terminal(),
        screen: *screen,
    };
    reader.read_what_is_there(&arguments.place, environment).await?;
    if arguments.follow && !reader.over {
        let socket = app::admin_socket(&arguments.place.data(environment)?);
        reader.follow(&socket).await?;
    }
    Ok(Exit::Done)
}

/// Whoever reads, with the place that was reached.
struct Reader {
    run: RunId,
    after: u64,
    /// Whether the last thing that happened was the run's end.
    over: bool,
    plain: bool,
    screen: Screen,
}

impl Reader {
    /// Page after page, whoever has them.
    async fn read_what_is_there(&mut self, place: &Place, environment: &Environment) -> anyhow::Result<()> {
        loop {
            let path = format!("runs/{}/logs?after={}", self.run, self.after);
            match place.ask(&path, environment).await? {
                Kept::Told(page) if self.read_page(&page)? => {}
                Kept::Told(_) => return Ok(()),
                Kept::Here(store) => return self.read_store(store).await,
            }
        }
    }

    async fn read_store(&mut self, store: Arc<dyn Store>) -> anyhow::Result<()> {
        loop {
            let page = live::logs(Arc::clone(&store), self.run, self.after).await?;
            if !self.read_page(&page.context("there is no such run")?)? {
                return Ok(());
            }
        }
    }

    /// Tells what is on a page; whether there was anything.
    fn read_page(&mut self, page: &Value) -> anyhow::Result<bool> {
        let told: Vec<Telling> = serde_json::from_value(page["log"].clone())?;
        told.iter().for_each(|telling| self.tell(telling));
        Ok(!told.is_empty())
    }

    /// What a server streams, from one server to the next, until the run is over.
    async fn follow(&mut self, socket: &Path) -> anyhow::Result<()> {
        let mut is_told = false;
        while !self.over {
            match self.connect(socket).await? {
                Some(answer) => {
                    is_told = false;
                    self.listen(answer).await?;
                }
                // The store is not opened for this: a server that is about to start could not then.
                None if !is_told => {
                    self.screen.note("no server runs here: what happens is told when one does");
                    is_told = true;
                }
                None => {}
            }
            if !self.over {
                SystemClock.sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    async fn connect(&self, socket: &Path) -> anyhow::Result<Option<Response>> {
        if !socket.exists() {
            return Ok(None);
        }
        let client = Client::builder().unix_socket(socket).build()?;
        let request = client.get(address(&format!("runs/{}/stream", self.run)));
        let answer = match request.header("last-event-id", self.after).send().await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(%error, "no server answers");
                return Ok(None);
            }
        };
        if answer.status().is_success() {
            return Ok(Some(answer));
        }
        Err(Declined::of(&answer.json().await?).into())
    }

    /// Reads a stream until it breaks off or ends.
    async fn listen(&mut self, mut answer: Response) -> anyhow::Result<()> {
        let mut unread = Vec::new();
        // A stream that breaks off is asked for again.
        while let Ok(Some(chunk)) = answer.chunk().await {
            unread.extend_from_slice(&chunk);
            while let Some(end) = unread.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = unread.drain(..end + 2).collect();
                self.take(&String::from_utf8(event)?)?;
            }
        }
        Ok(())
    }

    /// Takes in one event of a stream; a comment is none.
    fn take(&mut self, event: &str) -> anyhow::Result<()> {
        let data: Vec<&str> = event.lines().filter_map(|line| line.strip_prefix("data:")).collect();
        if !data.is_empty() {
            self.tell(&serde_json::from_str(&data.join("\n"))?);
        }
        Ok(())
    }

    fn tell(&mut self, telling: &Telling) {
        self.after = self.after.max(telling.seq);
        self.over = telling.what == What::RunEnded;
        if self.plain {
            let line: Value = serde_json::to_value(telling).unwrap_or_default();
            self.screen.line(line);
        } else {
            self.screen.line(line(telling));
        }
    }
}

fn line(telling: &Telling) -> String {
    let at = telling.at.map(|at| at.strftime("%H:%M:%S").to_string()).unwrap_or_default();
    let percent = telling.progress.map(|stand| format!("{:>3}%", stand.percent)).unwrap_or_default();
    let (step, said) = telling.what.said();
    let step = step.map(|step| format!(" {step}")).unwrap_or_default();
    let line = format!("{DIM}{at} {percent}{DIM:#} {:<14}{BOLD}{step}{BOLD:#} {said}", telling.name());
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_says_when_how_far_what_and_where() {
        let telling: Telling = serde_json::from_value(json!({
            "seq": 9, "at": "2026-11-21T08:00:00Z", "run": "run_0199aaaabbbb7ccc8dddeeeeffff0000",
            "type": "step.failed", "step": "open", "attempt": 1, "message": "down (unavailable)", "cost": 0.0,
            "progress": {"percent": 33, "cost": 0.0},
        }))
        .unwrap();
        let told = anstream::adapter::strip_str(&line(&telling)).to_string();
        assert_eq!(told, "08:00:00  33% step.failed    open down (unavailable)");
    }
}
