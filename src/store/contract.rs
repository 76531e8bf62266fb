//! The promises of a store, as tests that every store passes, and the tests of what only one of them does.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::shelf::{Batch, Look, Pair, Shelf, Span};
use super::*;
use crate::event::{EventKind, PayloadRef, SourceName, Stamp, Subject};
use crate::id::Digest;
use crate::money::{Limits, Money, Prices};
use crate::router::{Reason, Verdict};
use crate::run::{Ending, Record, Started, Work};
use crate::spec::Workflow;
use crate::store::{codec, keys};

mod admission;
mod damage;
mod full;
mod golden;
mod guards;
mod signals;
mod queues;
mod waiting;
mod promises;
mod replay;
mod sweeping;
mod turns;
mod writing;

/// A place whose store can be closed and opened again.
trait Home {
    type Shelf: Shelf;
    fn with(&self, options: &Options) -> Shelved<Self::Shelf>;
    fn capped(&self, caps: Caps) -> Shelved<Self::Shelf> {
        self.with(&Options { caps, ..Options::default() })
    }
    fn open(&self) -> Shelved<Self::Shelf> {
        self.with(&Options::default())
    }
}

#[derive(Default)]
struct InMemory(Arc<MemoryShelf>);

impl Home for InMemory {
    type Shelf = MemoryShelf;
    fn with(&self, options: &Options) -> Shelved<MemoryShelf> {
        Shelved::on(Arc::clone(&self.0), options).unwrap()
    }
}

struct OnDisk(tempfile::TempDir);

impl Default for OnDisk {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Home for OnDisk {
    type Shelf = SledShelf;
    fn with(&self, options: &Options) -> Shelved<SledShelf> {
        Sled::open(self.0.path(), options).unwrap()
    }
}

/// Runs every promise on every home.
macro_rules! promises {
    ($($name:ident)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::promises::$name(&super::InMemory::default()).await; })*
        }
        mod sled {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::promises::$name(&super::OnDisk::default()).await; })*
        }
    };
}

promises! {
    a_delivery_is_found_whole
    a_known_identity_starts_nothing
    of_a_hundred_at_once_one_is_fresh
    a_delivery_is_all_or_nothing
    due_runs_are_given_out_oldest_first_and_once
    a_lease_that_nobody_received_is_given_back
    a_journal_reads_back_in_order
    a_commit_must_continue_the_journal
    only_the_newest_lease_may_write
    a_lease_from_before_an_opening_is_void
    values_are_written_if_others_are_as_expected
    large_values_read_back
    the_tail_has_no_gaps
    lists_come_newest_first_in_pages
    summaries_follow_the_records
    pruning_forgets_what_is_old_and_finished
    more_than_a_page_is_no_hindrance
    everything_is_there_after_reopening
    of_fifty_of_one_group_at_once_one_is_due
    a_queue_drains_in_order_also_over_an_opening
    a_parked_run_gives_its_slot_up
    who_is_taken_up_again_waits_for_its_turn_in_its_group
    a_signal_is_kept_until_it_is_heard_and_makes_its_run_due
    what_is_said_to_a_run_in_hand_keeps_it_from_being_laid_down
    what_is_finished_can_be_opened_again_by_a_signal_and_by_nothing_else
    nothing_is_said_to_a_run_that_is_not_there
    a_run_that_waits_for_its_turn_is_made_due_only_to_be_cancelled
    an_event_wakes_who_waits_for_it_in_the_batch_that_takes_it_in
    who_has_what_it_waited_for_is_woken_no_more
    a_decision_finds_the_run_that_asked_and_no_other
    what_is_said_finds_the_agent_at_work_and_nobody_else
    who_wants_to_stop_finds_what_is_not_over_where_they_are_and_nothing_else
    who_listens_hears_that_something_else_is_to_stop
    whoever_may_not_replaces_nobody_and_whoever_may_does
    whoever_may_not_has_no_part_in_a_flurry
    whoever_may_not_uses_nothing_up_but_what_is_theirs
    who_is_held_once_admitted_ends_and_is_told_why
    who_skips_names_whom_it_found
    who_replaces_ends_what_waits_and_stops_what_is_under_way
    a_flurry_is_one_run_once_it_is_quiet
    a_trigger_cools_down
    a_rate_is_exact_at_once_and_over_an_opening
    a_loop_is_told_of_once_and_then_met_with_silence
    what_came_out_of_too_many_runs_is_refused
    a_higher_priority_goes_first_and_a_lower_one_not_never
    what_guards_know_is_forgotten_when_it_is_old
    caps_hold_and_free_their_slots_over_an_opening
    one_repository_does_not_wait_for_another_also_over_an_opening
    an_answer_takes_no_slot
    each_run_says_what_it_waits_for
    who_asks_while_all_slots_are_taken_is_told_which_place_it_has
    a_full_house_begins_nothing_and_counts_right_over_an_opening
    who_waits_for_a_moment_or_for_somebody_does_not_count
    of_fifty_at_once_no_more_begin_than_there_is_room_for
    what_runs_wait_for_is_taken_in_a_full_house
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn definition() -> Definition {
    let workflow = Workflow {
        id: "standard-development".to_owned(),
        name: "Standard development".to_owned(),
        description: String::new(),
        version: "1".to_owned(),
        variables: serde_json::Map::new(),
        inputs: Vec::new(),
        prerequisites: Vec::new(),
        steps: Vec::new(),
        success_criteria: Vec::new(),
        post_execution: crate::spec::workflow::PostExecution::default(),
        timeout: None,
        results: Default::default(),
    };
    Definition {
        workflows: Default::default(),
        workflow,
        prompts: std::collections::BTreeMap::new(),
        roles: std::collections::BTreeMap::new(),
        actions: Vec::new(),
        bindings: std::collections::BTreeMap::new(),
        limits: Limits::default(),
        prices: Prices::default(),
        model: "a-model".to_owned(),
        access: crate::event::Access::default(),
        catalog: Digest::of(b"catalog"),
    }
}

/// The event of a second; always the same one.
fn event_id(second: i64) -> EventId {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&u64::try_from(second * 1000).unwrap().to_be_bytes()[2..]);
    EventId::from_bytes(bytes)
}

fn run_id(second: i64) -> RunId {
    RunId::of(event_id(second), "label")
}

fn event(second: i64, payload: &[u8]) -> Event {
    let stamp = Stamp {
        id: event_id(second),
        source: SourceName::new("github"),
        received_at: at(second),
        payload: PayloadRef::to(payload),
    };
    Event::new(&stamp, EventKind::new("github.issue.labeled"), Subject::new("github", "acme/shop#12"))
}

/// A delivery of a second, which starts one run.
fn delivery(second: i64) -> Intake {
    let payload = format!(r#"{{"action":"labeled","second":{second}}}"#).into_bytes();
    let event = event(second, &payload);
    let definition = Arc::new(definition());
    let started = Started {
        trigger: "label".to_owned(),
        definition: definition.digest(),
        workflow: definition.workflow.id.clone(),
        inputs: serde_json::Map::new(),
        event: event.clone(),
        who: None,
        task: None,
        repository: None,
        project: None,
        channel: None,
        hops: 0,
        rerun_of: None,
    };
    let first = Entry { seq: 0, at: at(second), record: Record::Started(Box::new(started)) };
    Intake {
        identities: vec![format!("github/{second}")],
        event,
        payload: payload.into(),
        reasons: judged(),
        runs: vec![NewRun { id: run_id(second), first, definition: Frozen::from(&*definition), guard: None }],
        answering: None,
        values: Values::default(),
    }
}

/// What was said of each delivery.
fn judged() -> Reasons {
    let reason = Reason {
        trigger: "label".to_owned(),
        verdict: Verdict::Matched,
        condition: None,
        expected: Value::Null,
        actual: Value::Null,
    };
    Reasons { sentence: "It starts it.".to_owned(), triggers: vec![reason], ..Reasons::default() }
}

fn fact(seq: u64, value: Value) -> Entry {
    let step = crate::id::StepPath::root("work");
    Entry { seq, at: at(1_000_000), record: Record::Fact { step, name: "turn/1".to_owned(), value } }
}

fn entry(seq: u64, record: Record) -> Entry {
    Entry { seq, at: at(2_000_000), record }
}

fn finish(seq: u64, second: i64) -> Vec<Entry> {
    let concluded = Record::Concluded {
        ending: Ending::Succeeded,
        reason: Some("done".to_owned()),
        results: Default::default(),
        rollback: false,
    };
    [concluded, Record::Ended]
        .into_iter()
        .zip(seq..)
        .map(|(record, seq)| Entry { seq, at: at(second), record })
        .collect()
}

/// Text that no compression makes small.
fn noise(bytes: usize) -> String {
    (0..bytes.div_ceil(64) as u64).map(|n| Digest::of(&n.to_be_bytes()).to_string()).collect()
}

async fn accepted(store: &impl Store, second: i64) {
    let answer = store.accept(delivery(second)).await.unwrap();
    assert!(matches!(answer, Accepted::Fresh { .. }), "{answer:?}");
}

async fn leased(store: &impl Store, now: i64) -> Lease {
    store.lease(at(now)).await.unwrap().expect("a run is due")
}

async fn write(store: &impl Store, lease: &Lease, entries: Vec<Entry>, due: Due) -> Result<(), StoreError> {
    let (lease, entries) = (lease.clone(), entries.into());
    store.commit(Commit::Run { lease, entries, due, heard: Vec::new() }).await
}

async fn put(store: &impl Store, name: &str, value: Option<&[u8]>) {
    let put = vec![(name.to_owned(), value.map(<[u8]>::to_vec))];
    store.commit(Commit::Values { expect: Vec::new(), put }).await.unwrap();
}

async fn value(store: &impl Store, name: &str) -> Option<Vec<u8>> {
    match store.query(Query::Value(name.to_owned())).await.unwrap() {
        Found::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}

async fn census(store: &impl Store) -> Census {
    match store.query(Query::Census).await.unwrap() {
        Found::Census(census) => census,
        other => panic!("{other:?}"),
    }
}

async fn summary(store: &impl Store, run: RunId) -> RunSummary {
    match store.query(Query::Run(run)).await.unwrap() {
        Found::Run(summary) => *summary,
        other => panic!("{other:?}"),
    }
}
