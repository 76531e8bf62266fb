use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;
use crate::step::JournalLost;

/// A journal in memory.
#[derive(Debug, Default)]
struct Notes(Mutex<BTreeMap<String, Value>>);

impl Journal for Notes {
    fn recall(&self, name: &str) -> Option<Value> {
        self.0.lock().unwrap().get(name).cloned()
    }

    fn remember<'a>(&'a self, name: &'a str, value: Value) -> BoxFuture<'a, Result<(), JournalLost>> {
        self.0.lock().unwrap().insert(name.to_owned(), value);
        Box::pin(async { Ok(()) })
    }
}

fn ended(answer: Option<Value>) -> Ended {
    let answer = answer.map(|answer| answer.as_object().unwrap().clone());
    let reason = if answer.is_some() { Reason::Finished } else { Reason::Stuck };
    Ended { reason, why: reason.to_string(), answer, tree: "tree".into(), cost: Money::micros(20) }
}

fn assignment() -> Assignment {
    let rate = Money::micros(1);
    Assignment {
        model: "scripted".into(),
        limits: Limits {
            steps: 1,
            cost: rate,
            tokens: 1,
            seconds: 1,
            max_output_tokens: 1,
            context: 1,
            returns: 0,
        },
        tools: Vec::new(),
        needs: Vec::new(),
        brief: Brief { role: String::new(), prompt: String::new() },
        task: String::new(),
        seed: String::new(),
        base: "base".into(),
        tree: None,
    }
}

const DIFF: &str = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1,2 @@\n-one\n+two\n+--- three\n";

#[tokio::test]
async fn attempts_do_not_see_each_other_s_turns() {
    let journal: Arc<dyn Journal> = Arc::new(Notes::default());
    let first = AttemptMemory { journal: Arc::clone(&journal), attempt: 1 };
    let second = AttemptMemory { journal: Arc::clone(&journal), attempt: 2 };
    first.remember("turn-0001/answer", json!(1)).await.unwrap();
    assert_eq!(first.recall("turn-0001/answer"), Some(json!(1)));
    assert_eq!(second.recall("turn-0001/answer"), None);
    assert_eq!(journal.recall("attempt-1/turn-0001/answer"), Some(json!(1)));
}

#[test]
fn an_answer_becomes_outputs_and_work() {
    let answer = json!({"summary": "s", "implementation": {"pr_description": "d"}, "cost_usd": "mine"});
    let outcome = outcome(ended(Some(answer)), &assignment(), DIFF).unwrap();
    assert_eq!(
        outcome.outputs,
        json!({
            "summary": "s", "implementation": {"pr_description": "d"}, "cost_usd": "mine",
            "diff_stat": {"files": 1, "added": 2, "removed": 1},
        })
    );
    assert_eq!((outcome.work.base.as_deref(), outcome.work.tree.as_deref()), (Some("base"), Some("tree")));
    assert_eq!(outcome.cost, Money::micros(20));
}

#[test]
fn an_agent_that_did_not_finish_fails_and_keeps_its_diff_and_cost() {
    let error = outcome(ended(None), &assignment(), &DIFF.repeat(1_000)).unwrap_err();
    let error = error.costing(Money::micros(20));
    assert_eq!((error.code.as_str(), error.retryable), ("agent_stuck", false));
    assert_eq!(error.cost(), Money::micros(20), "what a failed attempt has cost is part of the run's price");
    let diff = error.details["diff"].as_str().unwrap();
    assert!(diff.starts_with("diff --git") && diff.len() < KEPT_DIFF + 100);
}

#[tokio::test]
async fn below_the_demanded_sandbox_nothing_is_fetched_or_paid_for() {
    use crate::workspace::sandbox::{self, Sandbox};
    let scene = crate::step::scene::Scene::new().await;
    // Nothing that shuts off is found on this path, and the usual minimum is demanded.
    let weak = sandbox::Options { path: "/nonexistent".to_owned(), ..Default::default() };
    let root = scene.world.place.path().join("weak");
    let options = crate::workspace::Options { root: root.clone(), ..Default::default() };
    let store = Arc::new(crate::store::Memory::open().unwrap());
    let step = AgentStep {
        policy: Arc::new(Current::new(crate::step::scene::policy(&scene.world))),
        workspaces: Workspaces::new(options, Sandbox::probe(weak).await),
        ledger: Ledger::new(store, Arc::clone(&scene.context.clock)),
    };
    let refused = step.perform(&scene.context).await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.retryable), ("sandbox", false));
    assert!(refused.message.contains("level 3 is demanded"), "{}", refused.message);
    assert!(!root.exists());
}
