//! Deaths of the process while an agent works: the same files come out as without, and no answer that was recorded is
//! bought again.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use crate::harness::{Random, State, Tale, World, alone, git, variable};
use crate::kills::end_well;

/// How often the bot is killed while an agent works unless `OSTLER_KILLS` says otherwise.
const KILLS: usize = 6;

/// The longest that it lives after its agent has asked its model: some turns.
const LIFE_MILLIS: u64 = 400;

/// How long each record takes to get to the disk: time to die between a model's answer and its record.
const SLOW_DISK: (&str, &str) = ("OSTLER_FAILPOINTS", "before_commit=sleep:30");

/// By repository, the files that the branches of tales hold, as a git tree.
type Trees = BTreeMap<&'static str, String>;

#[tokio::test]
async fn killed_amid_agents_the_same_files_come_out_and_no_recorded_answer_is_paid_for_again() {
    let _alone = alone().await;
    let mut random = Random::new();
    let expected = trees_without_kills().await;
    let kills = variable("OSTLER_KILLS").unwrap_or(KILLS);
    let mut world = World::without_bot(&[SLOW_DISK]);
    let (mut told, mut killed, mut lives) = (Vec::new(), 0, 0);
    while killed < kills {
        let tale = match Tale::FOUR.get(told.len()) {
            Some(tale) => *tale,
            None => Tale::another(&world.twins, told.len()).await,
        };
        tale.tell(&world.twins).await;
        told.push(tale);
        // A death counts when the agent asks on in the next life: then it was at work.
        let mut was_killed = false;
        while asks(&mut world, told.len()).await {
            killed += usize::from(was_killed);
            sleep(random.pause(LIFE_MILLIS)).await;
            world.kill();
            (was_killed, lives) = (true, lives + 1);
        }
    }
    let again = end_well(&mut world, &told).await;
    println!(
        "{killed} deaths amid agents, {lives} in all, {} runs; {again} calls were under way and made again",
        told.len()
    );
    // What is under way when the process dies may have been answered and is asked again; there is one run at a time.
    assert!(again <= lives, "{again} calls were made again after {lives} deaths");
    let state = world.state().await;
    for tale in told {
        assert_eq!(tree(&state, tale), expected[tale.repository()], "{tale:?}");
    }
}

/// Brings the bot to life and waits until an agent has asked its model in this life. False if all runs are over without
/// that; then the bot is gone.
async fn asks(world: &mut World, runs: usize) -> bool {
    let before = world.state().await.model_calls();
    world.spawn();
    assert!(world.ready().await, "{}", world.log());
    world.redeliver().await;
    loop {
        if world.state().await.model_calls() > before {
            return true;
        }
        let there = world.try_runs().await.unwrap_or_default();
        if there.len() == runs && there.iter().all(|run| run["status"] != "open") {
            world.terminate();
            return false;
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// What the four ways in come to when nothing happens to the bot.
async fn trees_without_kills() -> Trees {
    let world = World::start().await;
    for tale in Tale::FOUR {
        tale.tell(&world.twins).await;
    }
    world.settle(Tale::FOUR.len()).await;
    let state = world.state().await;
    Tale::FOUR.map(|tale| (tale.repository(), tree(&state, tale))).into()
}

/// The files of a tale's branch, as the forge has them.
fn tree(state: &State, tale: Tale) -> String {
    let clone = state.clone_of(tale.repository());
    git(clone.path(), &["rev-parse", &format!("origin/{}^{{tree}}", tale.branch())])
}
