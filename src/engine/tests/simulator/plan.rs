//! Random workflows whose end is known before they are run: each step adds a number to a counter of the world,
//! and what all of them come to is summed up while the workflow is made.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::dice::Dice;
use crate::run::Ending;
use crate::run::fixture::{act, all, each, either, pause};

const COUNTERS: u64 = 3;
/// What counts the questions that people are asked; nothing takes one back.
pub(super) const ASKED: &str = "asked";
/// The workflow that others call: it adds what it is given, and gives the double of it.
const CALLED: &str = "adds";

/// A workflow, and what it must come to.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) workflow: Value,
    pub(super) called: Vec<Value>,
    pub(super) sums: BTreeMap<String, i64>,
    /// What it may come to at the most where it is stopped on the way.
    pub(super) most: BTreeMap<String, i64>,
    pub(super) ending: Ending,
}

/// How often a step is done, and what the items around it come to.
#[derive(Debug, Clone, Copy)]
struct Times {
    count: i64,
    /// The sum of the innermost items, over all times; nothing outside of loops.
    items: Option<i64>,
}

struct Maker {
    dice: Dice,
    sums: BTreeMap<String, i64>,
    steps: u64,
}

impl Plan {
    pub(super) fn of(dice: Dice) -> Self {
        let mut maker = Maker { dice, sums: BTreeMap::new(), steps: 0 };
        let once = Times { count: 1, items: None };
        let count = 1 + maker.dice.below(5);
        let mut steps: Vec<Value> = (0..count).map(|_| maker.step(2, once)).collect();
        let (mut ending, mut taken_back) = (Ending::Succeeded, BTreeMap::new());
        if maker.dice.percent(20) {
            // It fails here, and nothing behind it is done.
            let name = maker.name();
            let rollback = maker.dice.percent(50);
            let on_error = if rollback { "rollback" } else { "fail" };
            steps.push(act(&name, json!({ "inputs": { "deny": true }, "on_error": on_error })));
            let never = Times { count: 0, items: None };
            steps.push(maker.step(1, never));
            ending = Ending::Failed;
            if rollback {
                // Nothing is left but the questions.
                taken_back = maker.sums.clone();
                taken_back.remove(ASKED);
            }
        }
        let always = maker.add(once);
        let called = json!({
            "id": CALLED,
            "inputs": [{ "name": "by", "kind": "number", "required": true }],
            "variables": { "amount": "${inputs.by}" },
            "steps": [act("add", json!({ "inputs": { "counter": "c0", "by": "${amount}" } }))],
            "results": { "twice": "${amount * 2}" },
        });
        let workflow = json!({ "steps": steps, "post_execution": { "always": [always] } });
        let mut sums = maker.sums.clone();
        for (counter, sum) in taken_back {
            *sums.entry(counter).or_default() -= sum;
        }
        Self { workflow, called: vec![called], sums, most: maker.sums, ending }
    }
}

impl Maker {
    fn name(&mut self) -> String {
        self.steps += 1;
        format!("s{}", self.steps)
    }

    fn note(&mut self, counter: &str, amount: i64) {
        *self.sums.entry(counter.to_owned()).or_default() += amount;
    }

    /// A number to add: as it is, or the item at hand; and what that comes to.
    fn amount(&mut self, times: Times) -> (Value, i64) {
        match times.items.filter(|_| self.dice.percent(50)) {
            Some(items) => (json!("${item}"), items),
            None => {
                let by = i64::try_from(self.dice.below(9)).unwrap_or(0) + 1;
                (json!(by), by * times.count)
            }
        }
    }

    fn add(&mut self, times: Times) -> Value {
        let (by, sum) = self.amount(times);
        let counter = format!("c{}", self.dice.below(COUNTERS));
        self.note(&counter, sum);
        let name = self.name();
        act(&name, json!({ "inputs": { "counter": counter, "by": by } }))
    }

    fn steps(&mut self, depth: u32, times: Times) -> Vec<Value> {
        let count = 1 + self.dice.below(3);
        (0..count).map(|_| self.step(depth, times)).collect()
    }

    fn step(&mut self, depth: u32, times: Times) -> Value {
        let kinds = if depth == 0 { 6 } else { 10 };
        match self.dice.below(kinds) {
            0..=2 => self.add(times),
            3 => self.passed_over(),
            4 => self.wait(),
            5 => self.gate(times),
            6 => {
                let (name, steps) = (self.name(), self.steps(depth - 1, times));
                all(&name, steps, json!({}))
            }
            7 => self.branch(depth, times),
            8 => self.repeated(depth, times),
            _ => self.call(times),
        }
    }

    /// A step that adds nothing: it is skipped, or it is denied and the run goes on.
    fn passed_over(&mut self) -> Value {
        let name = self.name();
        if self.dice.percent(50) {
            return act(
                &name,
                json!({ "condition": "${inputs.no}", "inputs": { "counter": "c0", "by": 100 } }),
            );
        }
        act(&name, json!({ "on_error": "continue", "inputs": { "deny": true } }))
    }

    fn wait(&mut self) -> Value {
        let seconds = self.dice.below(5000);
        pause(&self.name(), json!({ "for": seconds }))
    }

    fn gate(&mut self, times: Times) -> Value {
        self.note(ASKED, times.count);
        json!({ "name": self.name(), "kind": { "approval": {} }, "inputs": { "message": "?" } })
    }

    fn branch(&mut self, depth: u32, times: Times) -> Value {
        let never = Times { count: 0, items: times.items.map(|_| 0) };
        let (name, taken) = (self.name(), self.dice.percent(50));
        let then = self.steps(depth - 1, if taken { times } else { never });
        let otherwise = self.steps(depth - 1, if taken { never } else { times });
        either(&name, if taken { "${inputs.yes}" } else { "${inputs.no}" }, then, otherwise)
    }

    fn repeated(&mut self, depth: u32, times: Times) -> Value {
        let count = self.dice.below(4);
        let items: Vec<i64> = (0..count).map(|_| i64::try_from(self.dice.below(7)).unwrap_or(0)).collect();
        let inside = Times {
            count: times.count * i64::try_from(items.len()).unwrap_or(0),
            items: Some(items.iter().sum::<i64>() * times.count),
        };
        let (name, steps) = (self.name(), self.steps(depth - 1, inside));
        let concurrency = 1 + self.dice.below(3);
        each(&name, json!(items), steps, json!({ "concurrency": concurrency }))
    }

    /// Another workflow adds a number, and a step behind it what that one gives.
    fn call(&mut self, times: Times) -> Value {
        let (by, sum) = self.amount(times);
        self.note("c0", sum);
        self.note("c1", 2 * sum);
        let (name, path) = (self.name(), self.name());
        let call = json!({ "name": "call", "kind": { "workflow": { "workflow": CALLED } }, "inputs": { "by": by },
            "outputs": [["twice", path]] });
        let add = act("twice", json!({ "inputs": { "counter": "c1", "by": format!("${{{path}}}") } }));
        either(&name, "${inputs.yes}", vec![call, add], vec![])
    }
}
