//! Cassettes: what models were asked and what they answered, kept in a file that people can read, and played again.
//!
//! A cassette stands before every provider. Whoever asks does not know of it: an answer that was played differs only
//! in that nothing is paid for it. Requests are compared in their [`canonical`] form, without what differs from one
//! run to the next and means nothing.

pub mod canonical;
mod miss;
mod tape;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::Deserialize;

use self::tape::{Reply, Tape};
pub use self::tape::{SCHEMA, Unreadable};
use crate::plugin::model::{Answer, Request};
use crate::plugin::registry::Answering;
use crate::plugin::{Call, Model, PluginError, Problem};

/// Whether models are asked, or a cassette answers for them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// What is done with the cassette.
    pub mode: Mode,
    /// The file that it is.
    pub path: Option<PathBuf>,
}

/// What is done with a cassette.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing: every request goes to its provider.
    #[default]
    Live,
    /// Every request goes to its provider, and is added with its answer.
    Record,
    /// Every request is answered from it, and none goes to a provider; one that is not in it is an error.
    Replay,
    /// A request that is in it is answered from it; any other goes to its provider, and is added with its answer.
    Cache,
}

/// Why a cassette cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CassetteError {
    /// No file is named.
    #[error("`cassette.mode` needs a `cassette.path`")]
    NoPath,
    /// The file cannot be read.
    #[error("the cassette {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file is no cassette.
    #[error("the cassette {}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Where and why not.
        why: Unreadable,
    },
}

/// A cassette in its player.
#[derive(Debug)]
pub struct Cassette {
    mode: Mode,
    path: PathBuf,
    tape: Mutex<Tape>,
}

impl Cassette {
    /// The cassette that is configured, if one is.
    ///
    /// # Errors
    /// When its file cannot be read, is no cassette, or is to be played and not there.
    pub fn open(options: &Options) -> Result<Option<Arc<Self>>, CassetteError> {
        if options.mode == Mode::Live {
            return Ok(None);
        }
        let path = options.path.clone().ok_or(CassetteError::NoPath)?;
        let text = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && options.mode != Mode::Replay => {
                Vec::new()
            }
            Err(error) => return Err(CassetteError::Io { path, error }),
        };
        let tape = Tape::read(&text).map_err(|why| CassetteError::Unreadable { path: path.clone(), why })?;
        Ok(Some(Arc::new(Self { mode: options.mode, path, tape: Mutex::new(tape) })))
    }

    /// These providers behind the cassette; while it is played there are none, and it answers for all that are named.
    #[must_use]
    pub fn before(self: &Arc<Self>, providers: Vec<Answering>, named: Vec<String>) -> Vec<Answering> {
        let player = |provider| Arc::new(Player { cassette: Arc::clone(self), provider }) as Arc<dyn Model>;
        if self.mode == Mode::Replay {
            let named = named.into_iter();
            return named.map(|model| Answering { model, provider: player(None) }).collect();
        }
        let behind = |Answering { model, provider }| Answering { model, provider: player(Some(provider)) };
        providers.into_iter().map(behind).collect()
    }

    /// What whoever starts Ostler should know of it.
    #[must_use]
    pub fn remark(&self) -> String {
        let held = self.tape().len();
        let done = match self.mode {
            Mode::Replay => "answers, and no model is asked",
            Mode::Cache => "answers what is in it, and takes in what is not",
            Mode::Record | Mode::Live => "takes in what models are asked and answer",
        };
        format!("the cassette {} ({held} requests) {done}", self.path.display())
    }

    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the cassette says to a request, in its canonical form.
    fn play(&self, asked: &Request) -> Option<Result<Answer, PluginError>> {
        let reply = self.tape().play(asked)?;
        match reply {
            Reply::Answer(answer) => Some(Ok(Answer { replayed: true, ..answer })),
            // What may have been billed when it was recorded is not now.
            Reply::Error { problem, message } => Some(Err(error(not_billed(problem), message))),
        }
    }

    /// Why there is nothing to be played for a request.
    fn missed(&self, asked: &Request) -> PluginError {
        let tape = self.tape();
        let message =
            format!("{} holds no such request; {}", self.path.display(), miss::nearest(&tape, asked));
        error(Problem::NotRecorded, message)
    }

    /// Adds a request, in its canonical form, with what came of it. It is on the disk when this resolves, so that
    /// no journal holds an answer that its cassette does not.
    async fn take_in(self: &Arc<Self>, asked: Request, given: &Result<Answer, PluginError>) {
        let reply = match given {
            Ok(answer) => Reply::Answer(canonical::answer(answer)),
            Err(error) => Reply::Error { problem: error.problem, message: canonical::text(&error.message) },
        };
        let own = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || own.tape().append(&own.path, asked, reply)).await;
        if let Err(error) = written.map_err(std::io::Error::other).flatten() {
            // The answer is paid for: it is used, and the cassette has a gap that a replay will name.
            tracing::error!(cassette = %self.path.display(), %error, "an answer was not recorded");
        }
    }
}

fn error(problem: Problem, message: String) -> PluginError {
    PluginError::new("cassette", problem, message)
}

/// The same problem where nothing can have been billed.
fn not_billed(problem: Problem) -> Problem {
    match problem {
        Problem::Unknown => Problem::Unavailable,
        Problem::BadAnswer => Problem::Invalid,
        other => other,
    }
}

/// A cassette in the place of a provider, with the provider where there is one.
#[derive(Debug)]
struct Player {
    cassette: Arc<Cassette>,
    provider: Option<Arc<dyn Model>>,
}

impl Model for Player {
    fn answer<'a>(&'a self, request: &'a Request) -> Call<'a, Answer> {
        Box::pin(async move {
            let asked = canonical::request(request);
            let Some(provider) = &self.provider else {
                return self.cassette.play(&asked).unwrap_or_else(|| Err(self.cassette.missed(&asked)));
            };
            let is_cache = self.cassette.mode == Mode::Cache;
            if let Some(played) = self.cassette.play(&asked).filter(|_| is_cache) {
                return played;
            }
            let given = provider.answer(request).await;
            // A failure is part of what happened, and nothing to be handed out for ever.
            if given.is_ok() || !is_cache {
                self.cassette.take_in(asked, &given).await;
            }
            given
        })
    }
}

#[cfg(test)]
mod tests;
