//! Whoever waits in whichever lane comes to its turn, and nobody beyond a cap.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::order::Turn;
use super::*;

fn at(second: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second.cast_signed())
}

fn run(number: u64) -> RunId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    RunId::from_bytes(bytes)
}

fn lane(repository: &str, user: &str) -> Lane {
    let repository = Some(repository.parse().unwrap());
    Lane { repository, user: Some(Account::new("github", user)), brief: false }
}

fn spot(repository: &str, priority: Priority, second: u64) -> Spot {
    Spot { stand: Stand { priority, at: at(second) }, lane: lane(repository, "ada") }
}

fn caps(all: usize, per_repository: usize, per_user: usize) -> Caps {
    Caps { all, per_repository, per_user, brief: 1 }
}

/// The repositories in the order in which so many runs are given out, each ended before the next.
fn order(lanes: &mut Lanes, now: u64, count: usize) -> String {
    let mut order = String::new();
    for _ in 0..count {
        let Some((run, spot)) = lanes.take(at(now)) else { break };
        order.push_str(spot.lane.repository.unwrap().name());
        lanes.remove(run, spot.stand);
        lanes.give_back(run);
    }
    order
}

/// The runs that are given out until there are no more.
fn all(lanes: &mut Lanes, now: u64) -> Vec<RunId> {
    std::iter::from_fn(|| lanes.take(at(now))).map(|(run, _)| run).collect()
}

/// Lanes with so many runs of each repository, those that are named first being the older ones.
fn filled(caps: Caps, filling: &[(&str, Priority, u64)]) -> Lanes {
    let mut lanes = Lanes::new(caps);
    let mut number = 0;
    for (repository, priority, count) in filling {
        for _ in 0..*count {
            number += 1;
            lanes.put(run(number), spot(&format!("o/{repository}"), *priority, number));
        }
    }
    lanes
}

#[test]
fn who_comes_anew_goes_before_all_that_wait_in_another_repository() {
    let mut lanes = filled(caps(2, 2, 9), &[("a", Priority::Normal, 1000)]);
    let now = 90_000;
    let first = lanes.take(at(now)).unwrap();
    let _second = lanes.take(at(now)).unwrap();
    lanes.put(run(5000), spot("o/b", Priority::Normal, now));
    assert_eq!(lanes.take(at(now)), None, "both slots are taken");
    lanes.give_back(first.0);
    assert_eq!(lanes.take(at(now)).unwrap().0, run(5000));
}

#[test]
fn repositories_take_turns_and_within_one_the_oldest_goes_first() {
    let normal = Priority::Normal;
    let mut lanes = filled(Caps::NONE, &[("a", normal, 5), ("b", normal, 2), ("c", normal, 3)]);
    assert_eq!(order(&mut lanes, 900, 10), "abcabcacaa");
    let mut lanes = filled(Caps::NONE, &[("a", normal, 3)]);
    assert_eq!(all(&mut lanes, 900), [1, 2, 3].map(run));
}

#[test]
fn who_comes_again_and_again_does_not_go_before_those_who_wait() {
    let mut lanes = filled(Caps::NONE, &[("a", Priority::Normal, 6)]);
    let mut told = String::new();
    for number in 100..106 {
        lanes.put(run(number), spot("o/b", Priority::Normal, 900));
        told += &order(&mut lanes, 900, 2);
    }
    assert_eq!(told, "ab".repeat(6), "never twice in a row");
}

#[test]
fn a_higher_priority_goes_first_in_all_lanes_and_starves_none() {
    let filling = [("a", Priority::Normal, 4), ("b", Priority::High, 20), ("c", Priority::Low, 3)];
    let mut lanes = filled(Caps::NONE, &filling);
    let told = order(&mut lanes, 900, 27);
    assert!(told.starts_with("bbbb"), "{told}");
    let overtaken = |name| told.find(name).unwrap();
    assert!(overtaken('a') <= 5 && overtaken('c') <= 14, "{told}");
    assert_eq!(told.len(), 27);
}

#[test]
fn within_a_lane_a_low_priority_is_not_overtaken_for_ever() {
    let mut lanes = Lanes::new(Caps::NONE);
    lanes.put(run(1), spot("o/a", Priority::Low, 0));
    lanes.put(run(2), spot("o/a", Priority::High, 3599));
    lanes.put(run(3), spot("o/a", Priority::High, 3601));
    assert_eq!(all(&mut lanes, 9000), [2, 1, 3].map(run));
}

#[test]
fn what_waits_behind_an_older_one_of_a_low_priority_lends_it_its_own() {
    let mut lanes = filled(Caps::NONE, &[("b", Priority::Normal, 9)]);
    lanes.put(run(100), spot("o/a", Priority::Low, 0));
    lanes.put(run(101), spot("o/a", Priority::High, 3700));
    assert_eq!(order(&mut lanes, 9000, 3), "aab");
}

#[test]
fn a_repository_at_its_cap_is_passed_over_and_has_saved_nothing_up_by_it() {
    let normal = Priority::Normal;
    let mut lanes = filled(caps(9, 1, 9), &[("a", normal, 50), ("b", normal, 50)]);
    let (held, _) = lanes.take(at(900)).unwrap();
    assert_eq!(order(&mut lanes, 900, 20), "b".repeat(20));
    lanes.give_back(held);
    assert_eq!(order(&mut lanes, 900, 6), "aababa");
}

#[test]
fn a_user_at_the_cap_is_passed_over_in_every_repository() {
    let mut lanes = filled(caps(9, 9, 2), &[("a", Priority::Normal, 1000), ("b", Priority::Normal, 10)]);
    assert_eq!(all(&mut lanes, 2000), [1, 1001].map(run));
    let other = Spot { lane: lane("o/a", "bob"), ..spot("o/a", Priority::Normal, 1900) };
    lanes.put(run(5000), other);
    assert_eq!(all(&mut lanes, 2000), [run(5000)]);
}

#[test]
fn what_only_answers_waits_for_no_slot() {
    let mut lanes = filled(caps(1, 1, 1), &[("a", Priority::Normal, 2)]);
    lanes.take(at(900)).unwrap();
    for number in [500, 501] {
        let lane = Lane { brief: true, ..lane("o/a", "ada") };
        lanes.put(run(number), Spot { lane, ..spot("o/a", Priority::Normal, number) });
    }
    assert!(lanes.may_have_one(at(900)));
    assert_eq!(all(&mut lanes, 900), [run(500)], "there is a cap of their own");
    assert!(!lanes.may_have_one(at(900)));
    lanes.give_back(run(500));
    assert_eq!(all(&mut lanes, 900), [run(500)], "it was given back and not put elsewhere");
}

#[test]
fn a_clock_that_goes_back_gives_nothing_out_early() {
    let mut lanes = filled(Caps::NONE, &[("a", Priority::Normal, 3)]);
    assert_eq!(lanes.next_due(), Some(at(1)));
    assert_eq!(lanes.take(at(3)).unwrap().0, run(1));
    assert_eq!(lanes.next_due(), None, "all have come to be due");
    assert_eq!(lanes.take(at(1)), None);
    assert_eq!(lanes.take(at(2)).unwrap().0, run(2));
}

#[test]
fn who_is_counted_before_its_moment_comes_no_sooner_and_hides_nobody() {
    let mut lanes = filled(caps(9, 9, 9), &[]);
    lanes.put(run(1), spot("o/a", Priority::Normal, 10));
    assert_eq!((lanes.backlog(at(9)), lanes.backlog(at(10))), (0, 1));
    lanes.put(run(2), spot("o/a", Priority::Normal, 9));
    assert_eq!(lanes.next_due(), Some(at(9)), "it comes before the one that was counted");
    assert_eq!(all(&mut lanes, 9), [run(2)]);
    lanes.put(run(3), spot("o/a", Priority::Normal, 9));
    let turns = lanes.clone().turns(&[run(1), run(3)], at(9));
    assert_eq!(turns[&run(1)], Turn::Until(at(10)));
    assert_eq!(turns[&run(3)], Turn::Due { since: at(9), position: 1, of: 1, full: None });
    assert_eq!(all(&mut lanes, 10), [run(3), run(1)]);
}

#[test]
fn lanes_that_nobody_waits_in_are_forgotten() {
    let mut lanes = Lanes::new(Caps::NONE);
    for number in 0..500 {
        lanes.put(run(number), spot(&format!("o/r{number}"), Priority::Normal, number));
        assert_eq!(order(&mut lanes, 900, 1), format!("r{number}"));
    }
    assert!(lanes.queues.len() < 3 && lanes.busy.users.is_empty(), "{:?}", lanes.queues.len());
    assert!(lanes.spots.is_empty() && lanes.in_hand.is_empty());
}

#[derive(Debug, Clone)]
enum Happens {
    Comes { repository: u8, user: u8, priority: Priority, at: u64 },
    Moves { which: usize, at: u64 },
    IsTaken,
    Ends { which: usize },
    IsGivenBack { which: usize },
}

fn happens() -> impl Strategy<Value = Happens> {
    let priority = prop::sample::select(vec![Priority::High, Priority::Normal, Priority::Low]);
    prop_oneof![
        4 => (0..4_u8, 0..3_u8, priority, 0..50_u64)
            .prop_map(|(repository, user, priority, at)| Happens::Comes { repository, user, priority, at }),
        1 => (0..1000_usize, 0..50_u64).prop_map(|(which, at)| Happens::Moves { which, at }),
        5 => Just(Happens::IsTaken),
        3 => (0..1000_usize).prop_map(|which| Happens::Ends { which }),
        1 => (0..1000_usize).prop_map(|which| Happens::IsGivenBack { which }),
    ]
}

fn sorted<'a>(runs: impl Iterator<Item = &'a RunId>) -> Vec<RunId> {
    runs.copied().collect::<BTreeSet<_>>().into_iter().collect()
}

/// Whether a run is due and under every cap.
fn may(lanes: &Lanes, run: RunId, now: Timestamp) -> bool {
    let spot = lanes.spot(run).unwrap();
    let out = || lanes.in_hand.values().map(|spot| &spot.lane);
    spot.stand.at <= now
        && out().count() < lanes.caps.all
        && out().filter(|lane| lane.repository == spot.lane.repository).count() < lanes.caps.per_repository
        && out().filter(|lane| lane.user == spot.lane.user).count() < lanes.caps.per_user
}

fn moved(lanes: &mut Lanes, run: RunId, to: Timestamp) {
    let before = lanes.spot(run).unwrap().clone();
    let stand = Stand { at: to, ..before.stand };
    lanes.put(run, Spot { stand, ..before.clone() });
    if stand != before.stand {
        // The key that it had goes in the same batch, before or after.
        lanes.remove(run, before.stand);
    }
}

proptest! {
    #[test]
    fn exactly_what_may_be_in_hand_is_given_out(course in prop::collection::vec(happens(), 1..120)) {
        let (mut lanes, mut number, now) = (Lanes::new(caps(5, 2, 3)), 0, at(30));
        for happens in course {
            let waiting = sorted(lanes.spots.keys().filter(|run| !lanes.in_hand.contains_key(run)));
            let out = sorted(lanes.in_hand.keys());
            match happens {
                Happens::Comes { repository, user, priority, at } => {
                    number += 1;
                    let lane = lane(&format!("o/r{repository}"), &format!("u{user}"));
                    lanes.put(run(number), Spot { lane, ..spot("o/a", priority, at) });
                }
                Happens::Moves { which, at } if !waiting.is_empty() => {
                    moved(&mut lanes, waiting[which % waiting.len()], self::at(at));
                }
                Happens::Ends { which } if !out.is_empty() => {
                    let run = out[which % out.len()];
                    let stand = lanes.taken(run).unwrap().stand;
                    lanes.give_back(run);
                    lanes.remove(run, stand);
                }
                Happens::IsGivenBack { which } if !out.is_empty() => lanes.give_back(out[which % out.len()]),
                Happens::IsTaken => {
                    let could: Vec<_> = waiting.into_iter().filter(|run| may(&lanes, *run, now)).collect();
                    let taken = lanes.take(now).map(|(run, _)| run);
                    prop_assert_eq!(taken.is_some(), !could.is_empty(), "{:?} of {:?}", taken, could);
                    prop_assert!(taken.is_none_or(|taken| could.contains(&taken)));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_new_lane_is_served_within_two_rounds_however_much_waits_in_the_others(
        others in prop::collection::vec(1..40_u64, 1..6),
        taken in 0..30_usize,
    ) {
        let names = ["a", "b", "c", "d", "e"];
        let filling: Vec<_> =
            names.iter().zip(&others).map(|(name, count)| (*name, Priority::Normal, *count)).collect();
        let mut lanes = filled(Caps::NONE, &filling);
        order(&mut lanes, 90_000, taken);
        lanes.put(run(9999), spot("o/z", Priority::Normal, 90_000));
        let told = order(&mut lanes, 90_000, 300);
        prop_assert!(told.find('z').unwrap() < 2 * others.len(), "{}", told);
    }
}
