//! A cassette's file: JSON lines, one for each request with what came of it.
//!
//! The first line says which shape the others have. A request that goes on from an earlier one names it and holds only
//! what was said since, so that a conversation is read from top to bottom, once. A line counts when its end is there:
//! one that a crash has torn is taken for not written.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::canonical;
use crate::id::Digest;
use crate::plugin::Problem;
use crate::plugin::model::{Answer, Message, Request, Tool};

/// The shape of the lines.
pub const SCHEMA: u32 = 1;

/// Digits of a digest by which lines name each other.
const NAME_DIGITS: usize = 16;

/// A file that is no cassette.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct Unreadable {
    line: usize,
    message: String,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// The model answered.
    Answer(Answer),
    /// It did not.
    Error {
        /// What went wrong.
        problem: Problem,
        /// The same for people.
        message: String,
    },
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    cassette: u32,
}

/// Any other line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The line's name.
    id: String,
    /// The line whose request this one goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// What is asked besides messages, where it does not go on from another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<Asked>,
    /// The messages, or those since the other line's.
    messages: Vec<Message>,
    reply: Reply,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    model: String,
    max_tokens: u32,
    system: String,
    tools: Vec<Tool>,
}

#[derive(Debug)]
struct Entry {
    id: String,
    /// Its place in the file, from 1.
    line: usize,
    request: Request,
    reply: Reply,
}

/// Everything that a cassette holds, and how far it was played.
#[derive(Debug, Default)]
pub(super) struct Tape {
    entries: Vec<Entry>,
    /// Which entries hold the same request, in order, and how often it was asked for.
    same: HashMap<Digest, (Vec<usize>, usize)>,
    /// Whether the file is known to end with a whole line.
    is_whole: bool,
}

impl Tape {
    /// Reads a cassette; one of no bytes is an empty one.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let whole = &bytes[..end_of_last_line(bytes)];
        if whole.len() < bytes.len() {
            tracing::warn!("the cassette's last line was torn by a crash, and does not count");
        }
        let mut tape = Self::default();
        let mut lines = (1..).zip(whole.split(|byte| *byte == b'\n')).filter(|(_, line)| !line.is_empty());
        if let Some((line, head)) = lines.next() {
            check_head(head).map_err(|message| Unreadable { line, message })?;
        }
        for (line, text) in lines {
            let read = serde_json::from_slice(text).map_err(|error| error.to_string());
            let read = read.and_then(|read: Line| tape.whole_request(&read).map(|request| (read, request)));
            let (read, request) = read.map_err(|message| Unreadable { line, message })?;
            tape.add(Entry { id: read.id, line, request, reply: read.reply });
        }
        Ok(tape)
    }

    /// How many requests it holds.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Every request, with its line.
    pub(super) fn requests(&self) -> impl Iterator<Item = (usize, &Request)> {
        self.entries.iter().map(|entry| (entry.line, &entry.request))
    }

    /// What came of a request: the first time, the second time, and so on as it was recorded; after the last time as
    /// the last time, for whoever was interrupted asks once more.
    pub(super) fn play(&mut self, asked: &Request) -> Option<Reply> {
        let (places, played) = self.same.get_mut(&digest(asked))?;
        let place = places[(*played).min(places.len() - 1)];
        *played += 1;
        Some(self.entries[place].reply.clone())
    }

    /// Adds a request with what came of it, in the file first.
    pub(super) fn append(&mut self, path: &Path, request: Request, reply: Reply) -> std::io::Result<()> {
        let mut file = open(path)?;
        if !self.is_whole {
            mend(&mut file)?;
            self.is_whole = true;
        }
        let id = digest(&request).to_string()[..NAME_DIGITS].to_owned();
        let line = self.line(id.clone(), &request, reply.clone());
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        // After a failure nobody knows what of it is there.
        let written = file.write_all(&text).and_then(|()| file.sync_data());
        self.is_whole = written.is_ok();
        written?;
        let line = self.entries.last().map_or(1, |last| last.line) + 1;
        self.add(Entry { id, line, request, reply });
        Ok(())
    }

    fn add(&mut self, entry: Entry) {
        let (places, _) = self.same.entry(digest(&entry.request)).or_default();
        places.push(self.entries.len());
        self.entries.push(entry);
    }

    fn line(&self, id: String, request: &Request, reply: Reply) -> Line {
        let goes_on = |earlier: &&Entry| is_begun_by(request, &earlier.request);
        let before =
            self.entries.iter().rev().filter(goes_on).max_by_key(|entry| entry.request.messages.len());
        let asked = before.is_none().then(|| Asked {
            model: request.model.clone(),
            max_tokens: request.max_tokens,
            system: request.system.clone(),
            tools: request.tools.clone(),
        });
        let known = before.map_or(0, |before| before.request.messages.len());
        let messages = request.messages[known..].to_vec();
        Line { id, after: before.map(|before| before.id.clone()), asked, messages, reply }
    }

    /// The request of a line, with what it goes on from.
    fn whole_request(&self, line: &Line) -> Result<Request, String> {
        let mut request = match (&line.after, &line.asked) {
            (Some(after), None) => {
                let before = self.entries.iter().rev().find(|entry| entry.id == *after);
                before
                    .ok_or_else(|| format!("it goes on from `{after}`, which is not before it"))?
                    .request
                    .clone()
            }
            (None, Some(asked)) => Request {
                model: asked.model.clone(),
                max_tokens: asked.max_tokens,
                system: asked.system.clone(),
                tools: asked.tools.clone(),
                messages: Vec::new(),
            },
            _ => return Err("it has either `after` or `asked`".to_owned()),
        };
        request.messages.extend(line.messages.iter().cloned());
        Ok(canonical::request(&request))
    }
}

fn check_head(head: &[u8]) -> Result<(), String> {
    match serde_json::from_slice::<Head>(head) {
        Ok(Head { cassette: SCHEMA }) => Ok(()),
        Ok(Head { cassette }) => Err(format!("a cassette of the shape {cassette}; known is {SCHEMA}")),
        Err(error) => Err(format!("not the first line of a cassette: {error}")),
    }
}

fn digest(request: &Request) -> Digest {
    // A request is plain data, which is always JSON.
    Digest::of(&serde_json::to_vec(request).unwrap_or_default())
}

/// Whether one request is another one and more.
fn is_begun_by(request: &Request, earlier: &Request) -> bool {
    request.messages.len() > earlier.messages.len()
        && request.messages.starts_with(&earlier.messages)
        && (&request.model, &request.system, &request.tools, request.max_tokens)
            == (&earlier.model, &earlier.system, &earlier.tools, earlier.max_tokens)
}

fn end_of_last_line(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

/// Takes off a line without an end, and gives a new file its first line.
fn mend(file: &mut File) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    let end = end_of_last_line(&bytes);
    file.set_len(end as u64)?;
    if end == 0 {
        writeln!(file, "{}", json!(Head { cassette: SCHEMA }))?;
    }
    Ok(())
}
