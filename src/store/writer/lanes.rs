//! Which run is next: those that are due stand in lanes, one for each repository, and the lanes take turns.
//!
//! It is nothing but a view of the due keys, in memory: made from them at the opening, and it follows every batch. So
//! it cannot say anything else than they do, and giving a run out costs a look at each lane's front, however many
//! stand behind it.
//!
//! **Turns.** A lane that begins to wait starts at the present turn, and each run that it is given puts it one turn
//! back. The lane that stands at the earliest turn is next; a higher priority counts for some turns, so it goes
//! first, and yet nobody waits for ever behind what keeps coming. Within a lane goes first who counts as due longest.
//!
//! **Caps.** A run over one of them is passed over together with all that it would be passed over for: the lane of a
//! repository that has as many in hand as it may, and within each lane what a user asked for who has.
//!
//! **Brief** runs only say something to who asked, or find out whether somebody may: they take no slot, so that nobody
//! waits for an answer because there is much to do.

mod backlog;
pub(in crate::store) mod order;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::backlog::Queued;
use crate::event::{Account, RepositoryName};
use crate::id::RunId;
use crate::run::Started;
use crate::spec::Priority;
use crate::store::Caps;
use crate::store::keys::Stand;

/// Where a run stands, and whose caps it counts under. Kept with its due key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::store) struct Lane {
    /// The repository that it works on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryName>,
    /// Whoever caused its event; nobody for what Ostler tells of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Account>,
    /// Whether it takes no slot.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub brief: bool,
}

impl Lane {
    /// The lane of a run that starts so.
    pub(in crate::store) fn of(started: &Started, brief: bool) -> Self {
        let event = &started.event;
        let actor = event.actor.as_ref().filter(|_| !event.is_own());
        Self { repository: started.repository.clone(), user: actor.map(|actor| actor.account.clone()), brief }
    }
}

/// A run's place in the order of due times, with its lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Spot {
    pub stand: Stand,
    pub lane: Lane,
}

/// All lanes.
#[derive(Debug, Clone)]
pub(in crate::store) struct Lanes {
    caps: Caps,
    /// Every run that has a due key.
    spots: HashMap<RunId, Spot>,
    /// The runs that are out, with the spot that they were taken from.
    in_hand: HashMap<RunId, Spot>,
    /// Those that were not due when anybody last looked.
    asleep: BTreeSet<Place>,
    /// Those that have come to be due since a run was last taken out.
    risen: BTreeSet<Place>,
    brief: BTreeSet<Place>,
    queues: BTreeMap<Option<RepositoryName>, Queue>,
    /// The earliest turn at which a lane stands that may be given a run.
    turn: u64,
    busy: Busy,
    queued: Queued,
}

/// A moment, and the run that is due then.
type Place = (Timestamp, RunId);

/// How many runs are in hand.
#[derive(Debug, Clone, Default)]
struct Busy {
    all: usize,
    brief: usize,
    users: HashMap<Account, usize>,
}

/// The runs of one repository that wait.
#[derive(Debug, Clone, Default)]
struct Queue {
    /// The turn at which it stands.
    turn: u64,
    /// How many of its runs are in hand.
    busy: usize,
    flows: BTreeMap<Option<Account>, Flow>,
}

/// What one user asked for in one repository, by priority.
#[derive(Debug, Clone, Default)]
struct Flow(BTreeMap<Priority, BTreeSet<Place>>);

/// The run that a lane would be given, with what decides whether it is.
#[derive(Debug, Clone)]
struct Front {
    run: RunId,
    since: Timestamp,
    /// The highest priority of those in the lane: what goes before it in its lane must not keep it back.
    priority: Priority,
}

impl Lanes {
    /// No lanes.
    pub(in crate::store) fn new(caps: Caps) -> Self {
        Self {
            caps,
            spots: HashMap::new(),
            in_hand: HashMap::new(),
            asleep: BTreeSet::new(),
            risen: BTreeSet::new(),
            brief: BTreeSet::new(),
            queues: BTreeMap::new(),
            turn: 0,
            busy: Busy::default(),
            queued: Queued::default(),
        }
    }

    /// A run stands here from now on, wherever it stood before.
    pub(in crate::store) fn put(&mut self, run: RunId, spot: Spot) {
        if let Some(before) = self.spots.remove(&run) {
            self.take_out(run, &before);
        }
        if !self.in_hand.contains_key(&run) {
            self.asleep.insert((spot.stand.at, run));
        }
        self.spots.insert(run, spot);
        self.note_called(run);
    }

    /// A run does not stand here any more.
    pub(in crate::store) fn remove(&mut self, run: RunId, stand: Stand) {
        if self.spots.get(&run).is_some_and(|spot| spot.stand == stand)
            && let Some(spot) = self.spots.remove(&run)
        {
            self.take_out(run, &spot);
            self.note_called(run);
        }
    }

    /// Takes out the run that is next at a moment, if there is one that may be in hand.
    pub(in crate::store) fn take(&mut self, now: Timestamp) -> Option<(RunId, Spot)> {
        self.wake(now);
        let run = self.next_brief(now).or_else(|| self.next_turn(now))?;
        let spot = self.spots.get(&run)?.clone();
        self.take_out(run, &spot);
        self.count(&spot.lane, |count| *count += 1);
        self.in_hand.insert(run, spot.clone());
        self.forget_idle();
        Some((run, spot))
    }

    /// Whether there may be one to take out; if not, there is none.
    pub(in crate::store) fn may_have_one(&self, now: Timestamp) -> bool {
        let awakes = self.next_due().is_some_and(|next| next <= now);
        let is_brief = self.busy.brief < self.caps.brief && (awakes || !self.brief.is_empty());
        is_brief
            || self.busy.all < self.caps.all
                && (awakes || self.queues.values().any(|queue| !queue.is_empty()))
    }

    /// A run that was taken out is not in hand any more.
    pub(in crate::store) fn give_back(&mut self, run: RunId) {
        let Some(taken) = self.in_hand.remove(&run) else { return };
        self.count(&taken.lane, |count| *count = count.saturating_sub(1));
        self.busy.users.retain(|_, count| *count > 0);
        if let Some(spot) = self.spots.get(&run) {
            self.asleep.insert((spot.stand.at, run));
        }
    }

    /// Where a run stands that has a due key, in hand or not.
    pub(in crate::store) fn spot(&self, run: RunId) -> Option<&Spot> {
        self.spots.get(&run)
    }

    /// Where a run was taken from that is out.
    pub(in crate::store) fn taken(&self, run: RunId) -> Option<&Spot> {
        self.in_hand.get(&run)
    }

    /// The earliest moment at which a run comes to be due.
    pub(in crate::store) fn next_due(&self) -> Option<Timestamp> {
        [&self.risen, &self.asleep].into_iter().filter_map(BTreeSet::first).min().map(|(at, _)| *at)
    }

    /// Has those queue up that have come to be due.
    fn wake(&mut self, now: Timestamp) {
        self.rise(now);
        while let Some(place) = self.risen.first().copied().filter(|(at, _)| *at <= now) {
            self.risen.remove(&place);
            let Some(spot) = self.spots.get(&place.1) else { continue };
            if spot.lane.brief {
                self.brief.insert(place);
                continue;
            }
            let queue = self.queues.entry(spot.lane.repository.clone()).or_default();
            if queue.is_empty() {
                queue.turn = queue.turn.max(self.turn);
            }
            let flow = queue.flows.entry(spot.lane.user.clone()).or_default();
            flow.0.entry(spot.stand.priority).or_default().insert(place);
        }
    }

    /// Takes a run out of wherever it stands.
    fn take_out(&mut self, run: RunId, spot: &Spot) {
        let place = (spot.stand.at, run);
        if self.asleep.remove(&place) || self.risen.remove(&place) || self.brief.remove(&place) {
            return;
        }
        let Some(queue) = self.queues.get_mut(&spot.lane.repository) else { return };
        let Some(flow) = queue.flows.get_mut(&spot.lane.user) else { return };
        flow.remove(spot.stand.priority, &place);
        if flow.0.is_empty() {
            queue.flows.remove(&spot.lane.user);
        }
    }

    fn next_brief(&self, now: Timestamp) -> Option<RunId> {
        let is_free = self.busy.brief < self.caps.brief;
        let (_, run) = self.brief.first().filter(|(at, _)| is_free && *at <= now)?;
        Some(*run)
    }

    /// The run whose lane has its turn, which counts as taken.
    fn next_turn(&mut self, now: Timestamp) -> Option<RunId> {
        if self.busy.all >= self.caps.all {
            return None;
        }
        let standing = |queue: &Queue| queue.turn.max(self.turn);
        let ready: Vec<_> =
            self.fronts(now).map(|(name, queue, front)| (name, standing(queue), front)).collect();
        let turn = ready.iter().map(|(_, turn, _)| *turn).min()?;
        let rank = |(_, turn, front): &&(&Option<RepositoryName>, u64, Front)| {
            (*turn + front.priority.turns_behind(), front.since, front.run)
        };
        let (name, stood, front) = ready.iter().min_by_key(rank)?;
        let (name, stood, run) = ((*name).clone(), *stood, front.run);
        self.turn = turn;
        if let Some(queue) = self.queues.get_mut(&name) {
            queue.turn = stood + 1;
        }
        Some(run)
    }

    /// The lanes that may be given a run, with which it would be.
    fn fronts(&self, now: Timestamp) -> impl Iterator<Item = (&Option<RepositoryName>, &Queue, Front)> {
        let queues = self.queues.iter().filter(|(name, queue)| self.has_room_in(name.as_ref(), queue));
        queues.filter_map(move |(name, queue)| Some((name, queue, self.front(queue, now)?)))
    }

    fn front(&self, queue: &Queue, now: Timestamp) -> Option<Front> {
        let flows = queue.flows.iter().filter(|(user, _)| self.has_room_for(user.as_ref()));
        flows.filter_map(|(_, flow)| flow.front(now)).reduce(Front::and)
    }

    fn has_room_in(&self, name: Option<&RepositoryName>, queue: &Queue) -> bool {
        name.is_none() || queue.busy < self.caps.per_repository
    }

    fn has_room_for(&self, user: Option<&Account>) -> bool {
        user.and_then(|user| self.busy.users.get(user)).is_none_or(|busy| *busy < self.caps.per_user)
    }

    /// Forgets lanes that nobody waits in. One that is ahead of its turn is remembered while others wait: it would be
    /// at the front again each time that it comes anew.
    fn forget_idle(&mut self) {
        let waited_for = self.queues.values().any(|queue| !queue.is_empty());
        let turn = self.turn;
        let wanted = |queue: &Queue| !queue.is_empty() || queue.busy > 0 || waited_for && queue.turn > turn;
        self.queues.retain(|_, queue| wanted(queue));
    }

    fn count(&mut self, lane: &Lane, change: impl Fn(&mut usize)) {
        if lane.brief {
            return change(&mut self.busy.brief);
        }
        change(&mut self.busy.all);
        change(&mut self.queues.entry(lane.repository.clone()).or_default().busy);
        if let Some(user) = &lane.user {
            change(self.busy.users.entry(user.clone()).or_default());
        }
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }
}

impl Flow {
    /// The first of those that are due.
    fn front(&self, now: Timestamp) -> Option<Front> {
        let firsts = self.0.iter().filter_map(|(priority, places)| Some((*priority, *places.first()?)));
        let due = firsts.filter(|(_, (at, _))| *at <= now);
        due.map(|(priority, (at, run))| Front { run, since: priority.due_since(at), priority })
            .reduce(Front::and)
    }

    fn remove(&mut self, priority: Priority, place: &Place) {
        if let Some(places) = self.0.get_mut(&priority) {
            places.remove(place);
            if places.is_empty() {
                self.0.remove(&priority);
            }
        }
    }
}

impl Front {
    /// The front of two together.
    fn and(self, other: Self) -> Self {
        let priority = self.priority.max(other.priority);
        let first = if (self.since, self.run) <= (other.since, other.run) { self } else { other };
        Self { priority, ..first }
    }
}

#[cfg(test)]
mod tests;
