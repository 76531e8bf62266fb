//! Whatever comes in whatever order, no more is under way than a guard allows.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::event::{Event, EventKind, PayloadRef, SourceName, Stamp, Subject};
use crate::id::EventId;
use crate::router::guard::{Per, Window};
use crate::spec::Priority;

fn bare() -> Guard {
    let stamp = Stamp {
        id: EventId::at(Timestamp::UNIX_EPOCH),
        source: SourceName::new("x"),
        received_at: Timestamp::UNIX_EPOCH,
        payload: PayloadRef::to(b""),
    };
    Guard::bare("t", &Event::new(&stamp, EventKind::new("x.x"), Subject::new("x", "x")))
}

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
}

fn run(number: usize) -> RunId {
    RunId::of(EventId::at(Timestamp::UNIX_EPOCH), &number.to_string())
}

/// What happens to a group: something comes, the first that may begin does, or one of those under way ends.
#[derive(Debug, Clone, Copy)]
enum Happens {
    Comes(WhenBusy),
    Begins,
    Ends(usize),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => prop::sample::select(vec![WhenBusy::Queue, WhenBusy::Replace, WhenBusy::Skip]).prop_map(Happens::Comes),
        2 => Just(Happens::Begins),
        3 => (0..5_usize).prop_map(Happens::Ends),
    ]
}

/// The group's runs as the store would keep them.
fn comes(known: &mut Known, number: usize, group: Group) {
    let guard = Guard { group: Some(group), ..bare() };
    let Ok(admitted) = judge(&guard, known, at(0)) else { return };
    let leaves = |member: &Member| admitted.instead_of.contains(&member.run) && !member.begun;
    known.holding.retain(|member| !leaves(member));
    known.waiting.retain(|member| !leaves(member));
    let place = if admitted.queued.is_some() { &mut known.waiting } else { &mut known.holding };
    place.push(Member { run: run(number), begun: false, priority: Priority::Normal });
}

proptest! {
    #[test]
    fn a_group_never_has_more_under_way_than_its_limit(
        limit in 1..4_usize,
        course in prop::collection::vec(happens(), 1..60),
    ) {
        let mut known = Known::default();
        for (number, happens) in course.into_iter().enumerate() {
            match happens {
                Happens::Comes(when_busy) => comes(&mut known, number, Group { name: "g".to_owned(), when_busy, limit }),
                Happens::Begins => known.holding.iter_mut().find(|one| !one.begun).into_iter().for_each(|one| one.begun = true),
                Happens::Ends(which) if which < known.holding.len() => {
                    known.holding.remove(which);
                    if !known.waiting.is_empty() {
                        known.holding.push(known.waiting.remove(0));
                    }
                }
                Happens::Ends(_) => {}
            }
            prop_assert!(known.holding.len() <= limit, "{known:?}");
            prop_assert!(known.waiting.is_empty() || known.holding.len() == limit, "it waits for nothing: {known:?}");
        }
    }

    #[test]
    fn a_rate_is_never_exceeded_in_any_window(
        steps in prop::collection::vec(0..40_i64, 1..60),
        count in 1..5_u32,
    ) {
        let rate = Rate::parse(&format!("{count}/1m")).unwrap();
        let limit = Limit { per: Per::Actor, whose: "x".to_owned(), rate };
        let guard = Guard { limits: vec![limit], ..bare() };
        let (mut now, mut started, mut window) = (0, Vec::new(), Window::default());
        for step in steps {
            now += step;
            let known = Known { windows: vec![window.clone()], ..Known::default() };
            if judge(&guard, &known, at(now)).is_ok() {
                window.add(rate, at(now));
                started.push(now);
            }
            let recent = started.iter().filter(|start| now - **start < 60).count();
            prop_assert!(recent <= count as usize, "{started:?} at {now}");
        }
    }
}
