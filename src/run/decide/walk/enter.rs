//! Entering a step: its condition, its inputs, and the first thing to do for it.

use serde_json::{Map, Value, json};

use super::{Verdict, Walk, record};
use crate::id::StepPath;
use crate::run::error::StepError;
use crate::run::record::Record;
use crate::run::retry;
use crate::spec::expr::ExprError;
use crate::spec::workflow::Loop;
use crate::spec::{Step, StepKind, Workflow};

/// How many items a loop takes: each of them is kept with the run.
const ITEMS: usize = 10_000;

/// Why a step cannot begin.
enum Hindrance {
    Expression(ExprError),
    Input(StepError),
}

impl From<ExprError> for Hindrance {
    fn from(error: ExprError) -> Self {
        Self::Expression(error)
    }
}

impl<'a> Walk<'a> {
    pub(super) fn enter(&mut self, path: &StepPath, step: &'a Step) -> Verdict {
        let entered = self.try_enter(path, step);
        entered.unwrap_or_else(|hindrance| {
            let message = match hindrance {
                Hindrance::Expression(error) => error.to_string(),
                Hindrance::Input(error) => error.message,
            };
            record(Record::StepFailed {
                step: path.clone(),
                attempt: 1,
                error: StepError::fatal(StepError::EXPRESSION, message),
                next: retry::given_up(step.on_error),
                cost: Default::default(),
            })
        })
    }

    fn try_enter(&mut self, path: &StepPath, step: &'a Step) -> Result<Verdict, Hindrance> {
        if let Some(condition) = &step.condition
            && !self.scope().test(condition)?
        {
            let reason = format!("its condition does not hold: {condition}");
            let variables = self.take_fresh();
            return Ok(record(Record::StepSkipped { step: path.clone(), reason, variables }));
        }
        let inputs = match &step.kind {
            StepKind::Condition { test, .. } => {
                let taken = self.scope().test(test)?;
                let variables = self.take_fresh();
                return Ok(record(Record::BranchChosen { step: path.clone(), taken, variables }));
            }
            StepKind::Parallel { .. } => Value::Object(Map::new()),
            StepKind::Loop(each) => self.collection(each)?,
            StepKind::Workflow { workflow } => self.given_to(workflow, step)?,
            StepKind::Wait(_) => self.scope().render(&Value::Object(step.inputs.clone()))?,
            _ => {
                let inputs = self.scope().render(&Value::Object(step.inputs.clone()))?;
                return Ok(self.perform(path, 1, inputs));
            }
        };
        Ok(record(self.started(path, step.kind.name(), 1, inputs)))
    }

    /// The items of a loop, as they are for all of it.
    fn collection(&mut self, each: &Loop) -> Result<Value, Hindrance> {
        let over = self.scope().render(&each.over)?;
        match over.as_array().map(Vec::len) {
            Some(0..=ITEMS) => Ok(json!({ "over": over, "as": each.item })),
            Some(count) => {
                Err(wrong(format!("a loop goes over at most {ITEMS} items, and these are {count}")))
            }
            None => Err(wrong(format!("a loop goes over a list, and `over` is {}", shown(&over)))),
        }
    }

    /// The inputs of a called workflow, with their defaults where the step gives none.
    fn given_to(&mut self, id: &str, step: &Step) -> Result<Value, Hindrance> {
        let called = self.run.definition().workflows.get(id);
        let called = called.ok_or_else(|| wrong(format!("the run froze no workflow `{id}`")))?;
        let given = self.scope().render(&Value::Object(step.inputs.clone()))?;
        Ok(Value::Object(with_defaults(called, given.as_object().cloned().unwrap_or_default())))
    }
}

fn with_defaults(workflow: &Workflow, given: Map<String, Value>) -> Map<String, Value> {
    let default = |input: &crate::spec::workflow::Input| Some((input.name.clone(), input.default.clone()?));
    let mut inputs: Map<String, Value> = workflow.inputs.iter().filter_map(default).collect();
    inputs.extend(given);
    inputs
}

fn wrong(message: String) -> Hindrance {
    Hindrance::Input(StepError::fatal(StepError::EXPRESSION, message))
}

/// A value as far as it helps to see what it is.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 {
        text
    } else {
        format!("{}…", text.chars().take(60).collect::<String>())
    }
}
