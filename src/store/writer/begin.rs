//! Beginning the runs of a delivery: those that their guards let through, and the answer where they do not.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::desk::Desk;
use super::guard::{self, Taken};
use super::judge::{PreparedRun, append};
use super::lanes::Spot;
use super::lanes::order::Turn;
use super::waits::follow;
use crate::id::RunId;
use crate::router::guard::told::{self, Told};
use crate::router::guard::{Admitted, Guard, Held, Voice};
use crate::router::{ANSWER, ANSWERING};
use crate::run::{Entry, Frozen, Record, Started};
use crate::spec::Priority;
use crate::store::kept::Grouped;
use crate::store::keys::{self, Stand};
use crate::store::shelf::{Look as _, Shelf};
use crate::store::{NewRun, StoreError, waits};

/// What became of the runs of a delivery.
#[derive(Debug, Default)]
pub(super) struct Begun {
    /// Those that there are now.
    pub runs: Vec<RunId>,
    /// What is to be told of those that do not simply start.
    pub told: Vec<Told>,
    /// The runs that something was said to.
    pub signalled: Vec<RunId>,
    /// Whether one of them simply starts.
    pub starts: bool,
    /// What is to be written where the event came from: notices, and answers to who asked.
    notices: Vec<String>,
    answers: Vec<String>,
}

/// Begins the runs that their guards let through. `woken` are those that the delivery says something to, and `decided`
/// says that it was a person's word that a run hears.
///
/// # Errors
/// [`StoreError::Full`] where it begins one, says nothing to any, and there is too much to do.
pub(super) fn all<S: Shelf>(
    desk: &mut Desk<S>,
    runs: Vec<PreparedRun>,
    answering: Option<Frozen>,
    (woken, decided): (&[RunId], bool),
) -> Result<Begun, StoreError> {
    // What is under way must hear of what it waits for: that is how there comes to be less to do.
    let latest = runs.iter().map(|run| run.first.at).max().filter(|_| woken.is_empty());
    let is_full = latest.is_some_and(|now| desk.is_full(now));
    let mut begun = Begun::default();
    let mut example = None;
    // Whoever decided something is answered by the run that asked.
    let is_wanted = |run: &PreparedRun| !decided || run.head.summary.trigger != ANSWER;
    for mut run in runs.into_iter().filter(is_wanted) {
        let Some(guard) = run.guard.take() else {
            begun.runs.push(run.id);
            begun.starts = true;
            let stand = Stand { priority: Priority::Normal, at: run.first.at };
            begin(desk, run, Some(stand))?;
            continue;
        };
        let now = run.first.at;
        example.get_or_insert_with(|| run.first.clone());
        match guard::take_on(desk, run.id, &guard, now)? {
            Ok(taken) => begun.admit(desk, run, (&guard, answering.as_ref()), taken)?,
            Err(held) => begun.hold(&guard, &held),
        }
    }
    if is_full && !begun.runs.is_empty() {
        return Err(StoreError::Full);
    }
    if let Some((example, answering)) = example.zip(answering) {
        begun.answer(desk, &example, answering)?;
    }
    Ok(begun)
}

impl Begun {
    fn admit<S: Shelf>(
        &mut self,
        desk: &mut Desk<S>,
        mut run: PreparedRun,
        (guard, answering): (&Guard, Option<&Frozen>),
        taken: Taken,
    ) -> Result<(), StoreError> {
        let Taken { admitted, hops, stopped } = taken;
        self.runs.push(run.id);
        self.signalled.extend(stopped);
        if let Record::Started(started) = &mut run.first.record {
            started.hops = hops;
        }
        run.head.hops = hops;
        if guard.asks {
            return self.ask(desk, run, (guard, answering), &admitted);
        }
        run.head.group = grouped(guard);
        if let Some(told) = kept_back(desk, &run, guard, &admitted) {
            self.tell(told, guard);
        } else if let Some(told) = Told::admitted(&guard.trigger, &admitted, run.first.at) {
            let told = Told { run: Some(run.id), ..told };
            run.head.summary.reason = Some(told.sentence().to_owned());
            self.tell(told, guard);
        } else {
            self.starts = true;
        }
        let due = admitted.queued.is_none().then_some(Stand { priority: guard.priority, at: admitted.at });
        run.head.stand = due.map(|stand| (stand.priority, stand.at));
        begin(desk, run, due)
    }

    /// Begins a run whose person the forge is asked about before it takes a place among others. What is told of that
    /// now is an outlook, which is no answer to whoever may not even know.
    fn ask<S: Shelf>(
        &mut self,
        desk: &mut Desk<S>,
        mut run: PreparedRun,
        (guard, answering): (&Guard, Option<&Frozen>),
        admitted: &Admitted,
    ) -> Result<(), StoreError> {
        run.head.put_off = Some(Box::new(guard.once_admitted()));
        if let Some(answering) = answering.filter(|_| guard.voice == Voice::Answer) {
            run.head.answering = Some(answering.digest());
            keep(desk, answering, run.id)?;
        }
        let now = run.first.at;
        match Told::admitted(&guard.trigger, admitted, now) {
            Some(told) => self.told.push(Told { run: Some(run.id), ..told }),
            None => self.starts = true,
        }
        begin(desk, run, Some(Stand { priority: guard.priority, at: now }))
    }

    /// Notes what is told of a run, and that whoever asked for it reads it.
    pub(super) fn tell(&mut self, told: Told, guard: &Guard) {
        if guard.voice == Voice::Answer {
            self.answers.push(told.sentence().to_owned());
        }
        self.told.push(told);
    }

    pub(super) fn hold(&mut self, guard: &Guard, held: &Held) {
        let told = Told::held(&guard.trigger, held);
        if let Some(notice) = told::notice(&guard.trigger, held).filter(|_| guard.voice != Voice::Silent) {
            self.notices.push(notice);
        } else if guard.voice == Voice::Answer && guard.trigger != ANSWER && told.is_worth_an_answer() {
            self.answers.push(told.sentence().to_owned());
        }
        self.told.push(told);
    }

    /// Begins the run that writes what is to be said; answers are not given for ever.
    pub(super) fn answer<S: Shelf>(
        &mut self,
        desk: &mut Desk<S>,
        example: &Entry,
        definition: Frozen,
    ) -> Result<(), StoreError> {
        let Record::Started(started) = &example.record else { return Ok(()) };
        let mut texts = std::mem::take(&mut self.notices);
        let id = RunId::of(started.event.id, ANSWER);
        if desk.get(&keys::run(id))?.is_some() {
            // It is answered already.
            return Ok(());
        }
        if texts.is_empty() && !self.answers.is_empty() {
            match guard::take_on(desk, id, &Guard::of_answer(&started.event), example.at)? {
                Ok(_) => texts.append(&mut self.answers),
                Err(held) => texts.extend(told::notice(ANSWER, &held)),
            }
        }
        if texts.is_empty() {
            return Ok(());
        }
        let run = answering(id, started, example.at, definition, &texts.join("\n\n"))?;
        self.runs.push(id);
        begin(desk, run, Some(Stand { priority: Priority::Normal, at: example.at }))
    }
}

/// The group of a run, as it is remembered.
pub(super) fn grouped(guard: &Guard) -> Option<Grouped> {
    let group = guard.group.as_ref()?;
    Some(Grouped { name: group.name.clone(), limit: group.limit, priority: guard.priority })
}

/// What is told of a run that a person asked for and that would begin now, were there a slot for it.
fn kept_back<S: Shelf>(
    desk: &Desk<S>,
    run: &PreparedRun,
    guard: &Guard,
    admitted: &Admitted,
) -> Option<Told> {
    let Record::Started(started) = &run.first.record else { return None };
    let now = run.first.at;
    let begins = admitted.queued.is_none() && admitted.instead_of.is_empty() && admitted.at <= now;
    if !begins || started.event.command.is_none() {
        return None;
    }
    let stand = Stand { priority: guard.priority, at: now };
    match desk.leases.kept_back(run.id, Spot { stand, lane: run.lane.clone() })? {
        Turn::Due { position, of, full: Some(full), .. } => {
            let told = Told::waiting(&guard.trigger, waits::in_turn(position, of, &full), position, of);
            Some(Told { run: Some(run.id), ..told })
        }
        _ => None,
    }
}

fn answering(
    id: RunId,
    like: &Started,
    at: Timestamp,
    definition: Frozen,
    text: &str,
) -> Result<PreparedRun, StoreError> {
    let (workflow, input) = ANSWERING;
    let started = Started {
        trigger: ANSWER.to_owned(),
        definition: definition.digest(),
        workflow: workflow.to_owned(),
        inputs: Map::from_iter([(input.to_owned(), Value::from(text))]),
        who: None,
        rerun_of: None,
        ..like.clone()
    };
    let first = Entry { seq: 0, at, record: Record::Started(Box::new(started)) };
    PreparedRun::new(NewRun { id, first, definition, guard: None })
}

/// Begins a run, due where it stands; one without a stand waits until somebody makes it due.
fn begin<S: Shelf>(desk: &mut Desk<S>, run: PreparedRun, stand: Option<Stand>) -> Result<(), StoreError> {
    let key = keys::run(run.id);
    if desk.get(&key)?.is_some() {
        return Err(StoreError::Conflict);
    }
    keep(desk, &run.definition, run.id)?;
    append(desk, run.id, std::slice::from_ref(&run.first))?;
    desk.put_json(key, &run.head)?;
    if let Some(stand) = stand {
        desk.put_json(keys::due(stand, run.id), &run.lane)?;
    }
    if !run.lane.brief {
        follow(desk, &run.head)?;
    }
    desk.tally.census.runs += 1;
    desk.tally.census.open_runs += 1;
    Ok(())
}

/// Keeps a definition for as long as a run is kept.
fn keep<S: Shelf>(desk: &mut Desk<S>, definition: &Frozen, run: RunId) -> Result<(), StoreError> {
    let digest = definition.digest();
    let key = keys::definition(digest);
    if desk.get(&key)?.is_none() {
        desk.put(key, definition.text());
    }
    desk.put(keys::definition_use(digest, run), &[]);
    Ok(())
}
