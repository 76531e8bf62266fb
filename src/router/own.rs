//! What Ostler itself tells of: its clock, and runs that are asked for by the workflow's name.

use serde_json::{Map, Value};

use super::{Guard, ORDER, Routing, Rules, Standing, Start, Target};
use crate::event::{Event, RepositoryMention, RepositoryName, Subject, TaskMention, TaskRef};
use crate::spec::workflow::Input;
use crate::spec::{Kind, Workflow, near};

/// A run that somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The workflow.
    pub workflow: String,
    /// Its inputs; text stands for what it says where the input is no text.
    pub inputs: Map<String, Value>,
    /// The repository, where the task does not say it.
    pub repository: Option<RepositoryName>,
    /// The task: `SHOP-7`, `acme/shop#12`, or qualified by its tracker.
    pub task: Option<String>,
}

/// The subject of a trigger's own times.
#[must_use]
pub fn schedule_of(trigger: &str) -> Subject {
    Subject::new(Event::OWN, &format!("schedule/{trigger}"))
}

/// Puts a repository of the configured forge into an event.
pub fn place(event: &mut Event, repository: Option<RepositoryName>, standing: &Standing) {
    let mention = |(forge, name)| RepositoryMention { forge, name, default_branch: None, private: None };
    event.repository = standing.forge.clone().zip(repository).map(mention);
}

/// Starts the workflow that is asked for.
///
/// # Errors
/// What is wrong with the order, for people.
pub fn order(mut event: Event, order: &Order, rules: &Rules, standing: &Standing) -> Result<Routing, String> {
    let workflow = find(&order.workflow, rules)?;
    let inputs = inputs(workflow, &order.inputs)?;
    if let Some(task) = &order.task {
        let reference = reference(task, standing).ok_or_else(|| format!("`{task}` names no task"))?;
        event.subject = reference.subject();
        event.task = Some(TaskMention::to(reference));
    }
    let beside = event.task.as_ref().and_then(|task| task.reference.key.split_once('#')?.0.parse().ok());
    place(&mut event, order.repository.clone().or(beside), standing);
    let target = Target::of(&event, standing);
    target.complete(&mut event, standing);
    if event.repository.is_none() && !workflow.costs_nothing() {
        return Err(nowhere());
    }
    // Whoever runs Ostler knows how often.
    let guard = Guard::bare(ORDER, &event);
    let start = Start { trigger: ORDER.to_owned(), workflow: workflow.id.clone(), inputs, who: None, guard };
    Ok(Routing {
        event,
        starts: vec![start],
        reasons: Vec::new(),
        refusal: None,
        project: target.project,
        channel: target.channel,
        answer: None,
        question: None,
    })
}

/// Why work is not begun that has no place.
pub(super) fn nowhere() -> String {
    "it is not known which repository this is about; name one with `--repo owner/name`".to_owned()
}

pub(super) fn find<'a>(name: &str, rules: &'a Rules) -> Result<&'a Workflow, String> {
    let workflows = &rules.catalog.workflows;
    workflows.get(name).ok_or_else(|| {
        let meant = near::nearest(name, workflows.keys().map(String::as_str));
        let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        format!("there is no workflow `{name}`{meant}")
    })
}

/// The inputs that a workflow takes, each of its kind.
fn inputs(workflow: &Workflow, given: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let id = &workflow.id;
    if let Some(unknown) = given.keys().find(|name| workflow.inputs.iter().all(|input| input.name != **name))
    {
        return Err(format!("the workflow `{id}` takes no input `{unknown}`"));
    }
    let mut inputs = Map::new();
    for input in &workflow.inputs {
        match given.get(&input.name) {
            Some(value) => drop(inputs.insert(input.name.clone(), read(input, value)?)),
            None if input.required => {
                return Err(format!("the workflow `{id}` needs the input `{}`", input.name));
            }
            None => {}
        }
    }
    Ok(inputs)
}

/// The inputs of a run that was, some of them changed: as the workflow takes them today. What a trigger gave besides is
/// still given.
pub(super) fn changed(
    workflow: &Workflow,
    before: &Map<String, Value>,
    given: &Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let declared = |name: &str| workflow.inputs.iter().any(|input| input.name == name);
    let mut wanted = before.clone();
    wanted.retain(|name, _| declared(name));
    wanted.extend(given.clone());
    let mut all = before.clone();
    all.extend(inputs(workflow, &wanted)?);
    Ok(all)
}

fn read(input: &Input, value: &Value) -> Result<Value, String> {
    let said = value.as_str().filter(|_| !matches!(input.kind, Kind::String | Kind::Any));
    let value = said.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| value.clone());
    let fits = match input.kind {
        Kind::String => value.is_string(),
        Kind::Number => value.is_number(),
        Kind::Boolean => value.is_boolean(),
        Kind::List => value.is_array(),
        Kind::Object => value.is_object(),
        Kind::Any => true,
    };
    let wrong = || format!("the input `{}` is to be a {:?}", input.name, input.kind).to_lowercase();
    if fits { Ok(value) } else { Err(wrong()) }
}

/// The task of a name: qualified, an issue beside the code, or one of the configured tracker.
fn reference(name: &str, standing: &Standing) -> Option<TaskRef> {
    if let Ok(qualified) = name.parse() {
        return Some(qualified);
    }
    let home = if name.contains('#') { &standing.forge } else { &standing.tracker };
    home.as_ref().filter(|_| !name.is_empty()).map(|home| TaskRef::new(home.as_str(), name))
}
