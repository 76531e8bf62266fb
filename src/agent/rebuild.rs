//! Rebuilding what agents made from their trajectories, without a model: every call that was run is run again, with
//! the same tools, on the files that the turn before it left, and each turn's tree is compared with the recorded one.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use super::bench::Bench;
use super::tool::{self, Room};
use super::trajectory::Attempt;
use super::turn::{ToolCall, ToolResult, Turn};
use crate::id::StepPath;
use crate::workspace::WorkspaceError;

/// How long one call may take, where it says nothing else itself.
const LONGEST: Duration = Duration::from_secs(3_600);

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// The step.
    pub step: StepPath,
    /// The attempt.
    pub attempt: u32,
    /// How many turns were done again.
    pub turns: usize,
    /// The files as they are now.
    pub tree: String,
    /// The files as they were then.
    pub recorded: String,
    /// The first turn after which they were others, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differs_from_turn: Option<usize>,
}

/// Does all attempts again, in order.
///
/// # Errors
/// When the workspace fails, or an attempt begins with files that none before it has left.
pub async fn rebuild(attempts: &[Attempt], bench: &dyn Bench) -> Result<Vec<Rebuilt>, WorkspaceError> {
    let mut trees = Trees::default();
    let mut rebuilt = Vec::new();
    for attempt in attempts {
        rebuilt.push(again(attempt, bench, &mut trees).await?);
    }
    Ok(rebuilt)
}

/// What was made again, by what was recorded.
#[derive(Debug, Default)]
struct Trees(HashMap<String, String>);

impl Trees {
    fn of(&self, recorded: &str) -> String {
        self.0.get(recorded).map_or(recorded, String::as_str).to_owned()
    }
}

async fn again(attempt: &Attempt, bench: &dyn Bench, trees: &mut Trees) -> Result<Rebuilt, WorkspaceError> {
    let mut tree = trees.of(&attempt.tree);
    bench.restore(&tree).await?;
    let mut rebuilt = Rebuilt {
        step: attempt.whose.step.clone(),
        attempt: attempt.whose.attempt,
        turns: 0,
        tree: String::new(),
        recorded: attempt.tree.clone(),
        differs_from_turn: None,
    };
    for (number, turn) in (1..).zip(&attempt.turns) {
        let Some(ran) = &turn.ran else { continue };
        tree = run(turn, bench, tree).await?;
        trees.0.insert(ran.tree.clone(), tree.clone());
        if tree != ran.tree && rebuilt.differs_from_turn.is_none() {
            rebuilt.differs_from_turn = Some(number);
        }
        rebuilt.turns += 1;
        rebuilt.recorded.clone_from(&ran.tree);
    }
    Ok(Rebuilt { tree, ..rebuilt })
}

/// Runs a turn's calls again; gives the tree that they leave.
async fn run(turn: &Turn, bench: &dyn Bench, before: String) -> Result<String, WorkspaceError> {
    let calls = calls(turn);
    let offered: Vec<String> = calls.iter().map(|call| call.name.clone()).collect();
    let room = Room { bench, needs: &[], offered: &offered, left: LONGEST };
    for call in calls {
        tool::run(&room, call, false).await?;
    }
    match bench.snapshot().await {
        Ok(tree) => Ok(tree),
        // It was undone then as well.
        Err(WorkspaceError::Nested(_)) => bench.restore(&before).await.map(|()| before),
        Err(error) => Err(error),
    }
}

/// The calls of a turn that were run: not those that were none, and not the agent's last word, which changes no file.
fn calls(turn: &Turn) -> Vec<ToolCall> {
    let results = turn.ran.iter().flat_map(|ran| &ran.results);
    let was_run =
        |(call, result): &(ToolCall, &ToolResult)| !result.malformed && call.name != tool::finish::NAME;
    turn.calls().into_iter().zip(results).filter(was_run).map(|(call, _)| call).collect()
}
