//! Effects on the world: marked with their key, and looked for before they are made.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;

use super::{PluginError, Problem};
use crate::clock::Clock;
use crate::id::EffectKey;

/// The right to make one effect, with what makes it recognisable.
///
/// The caller has journalled the intent before it calls a method with this in hand.
#[derive(Debug, Clone)]
pub struct Effect {
    /// Goes into what is made.
    pub key: EffectKey,
    /// Whether the intent was journalled just now: then nothing can be there yet, and the first
    /// look is spared.
    pub fresh: bool,
}

/// What an effect gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made<T> {
    /// What there is now.
    pub value: T,
    /// Whether it was there already.
    pub found: bool,
}

impl<T> Made<T> {
    /// The same with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Made<U> {
        Made { value: change(self.value), found: self.found }
    }
}

impl Effect {
    /// The earliest moment at which the effect can have been made: its run is named by the time of the event
    /// that started it, less what clocks may differ.
    #[must_use]
    pub fn earliest(&self) -> Timestamp {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&self.key.run.as_bytes()[..6]);
        let started =
            Timestamp::from_millisecond(i64::from_be_bytes(millis)).unwrap_or(Timestamp::UNIX_EPOCH);
        started.checked_sub(CLOCK_SKEW).unwrap_or(Timestamp::UNIX_EPOCH).max(Timestamp::UNIX_EPOCH)
    }

    /// The text with the effect's hidden marker at its end.
    #[must_use]
    pub fn mark(&self, text: &str) -> String {
        format!("{}\n\n{}", text.trim_end(), self.key.marker()).trim_start().to_owned()
    }
}

/// How often an effect is tried before its failure is handed on.
const ROUNDS: u32 = 4;

/// What clocks of vendors may differ from ours.
const CLOCK_SKEW: Duration = Duration::from_secs(600);

/// Makes an effect unless it is there: `look` finds what our own account made under the effect's key, `make`
/// makes it. After an outcome that is not known, or where somebody was first, it looks again before it makes
/// anything a second time.
///
/// # Errors
/// What `look` or `make` fail with, once trying again does not help.
pub async fn ensure<T, L, M, LF, MF>(
    effect: &Effect,
    clock: &dyn Clock,
    look: L,
    make: M,
) -> Result<Made<T>, PluginError>
where
    L: Fn() -> LF,
    LF: Future<Output = Result<Option<T>, PluginError>>,
    M: Fn() -> MF,
    MF: Future<Output = Result<T, PluginError>>,
{
    let mut absent = effect.fresh;
    let mut round = 0;
    loop {
        if !absent && let Some(value) = look().await? {
            return Ok(Made { value, found: true });
        }
        let error = match make().await {
            Ok(value) => return Ok(Made { value, found: false }),
            Err(error) if !worth_looking(error.problem) => return Err(error),
            Err(error) => error,
        };
        absent = false;
        round += 1;
        clock.sleep(pause(round)).await;
        if round == ROUNDS {
            return look().await?.map_or(Err(error), |value| Ok(Made { value, found: true }));
        }
    }
}

fn worth_looking(problem: Problem) -> bool {
    matches!(problem, Problem::Unknown | Problem::Conflict | Problem::Unavailable)
}

/// Long enough that what was made a moment ago can be found.
fn pause(round: u32) -> Duration {
    Duration::from_secs(1 << (round - 1))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::plugin::client::testing::{JumpClock, effect};

    /// A world in which one thing can be made; each entry says how one attempt at making it ends.
    struct World {
        there: Mutex<u32>,
        script: Mutex<Vec<(bool, Option<Problem>)>>,
        looks: Mutex<u32>,
    }

    async fn run(fresh: bool, script: &[(bool, Option<Problem>)]) -> (Result<Made<u32>, Problem>, u32, u32) {
        let script = Mutex::new(script.iter().rev().copied().collect());
        let world = World { there: Mutex::new(0), script, looks: Mutex::new(0) };
        let look = || async {
            *world.looks.lock().unwrap() += 1;
            let there = *world.there.lock().unwrap();
            Ok((there > 0).then_some(there))
        };
        let make = || async {
            let (done, problem) = world.script.lock().unwrap().pop().unwrap_or((true, None));
            let mut there = world.there.lock().unwrap();
            *there += u32::from(done);
            problem.map_or(Ok(*there), |problem| Err(PluginError::new("world", problem, "no")))
        };
        let clock = JumpClock::default();
        let made = ensure(&effect("note", fresh), &clock, look, make).await;
        (made.map_err(|error| error.problem), *world.there.lock().unwrap(), *world.looks.lock().unwrap())
    }

    #[tokio::test]
    async fn a_fresh_effect_is_made_without_looking() {
        let made = run(true, &[]).await;
        assert_eq!(made, (Ok(Made { value: 1, found: false }), 1, 0));
    }

    #[tokio::test]
    async fn a_lost_answer_is_looked_for_and_not_made_again() {
        let made = run(true, &[(true, Some(Problem::Unknown))]).await;
        assert_eq!(made, (Ok(Made { value: 1, found: true }), 1, 1));
    }

    #[tokio::test]
    async fn what_was_not_done_is_made_after_a_look() {
        let made = run(true, &[(false, Some(Problem::Unknown)), (false, Some(Problem::Unavailable))]).await;
        assert_eq!(made, (Ok(Made { value: 1, found: false }), 1, 2));
    }

    #[tokio::test]
    async fn a_lost_answer_of_the_last_round_is_looked_for_too() {
        let lost = (false, Some(Problem::Unknown));
        let made = run(false, &[lost, lost, lost, (true, Some(Problem::Unknown))]).await;
        assert_eq!(made, (Ok(Made { value: 1, found: true }), 1, 5));
    }

    #[tokio::test]
    async fn what_will_never_be_done_is_not_tried_again() {
        let made = run(true, &[(false, Some(Problem::Denied))]).await;
        assert_eq!(made, (Err(Problem::Denied), 0, 0));
    }

    #[test]
    fn no_effect_is_older_than_the_event_of_its_run() {
        let earliest = effect("note", true).earliest();
        assert_eq!(earliest, crate::plugin::client::testing::START.checked_sub(CLOCK_SKEW).unwrap());
    }
}
