//! `agent` and `ai_action`: a role works in the run's checkout and answers.
//!
//! What it gives is the answer and a git tree. Nothing leaves the workspace here: commit and push belong to
//! the first publishing action after it, behind the gate.

mod visitors;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use self::visitors::Visitors;
use super::perform::Parts;
use super::{Context, Journal, Outcome, Step, checkout};
use crate::agent::budget::RunPurse;
use crate::agent::context::{self, Brief};
use crate::agent::memory::{self, Start};
use crate::agent::trajectory::{self, Whose};
use crate::agent::{
    Agent, AgentError, Assignment, Candidate, Ended, Forgotten, Limits, Memory, Reason, Transcript, tool,
};
use crate::ingress::{Current, Policy};
use crate::ledger::{Ledger, Purpose};
use crate::money::{Money, Prices};
use crate::plugin::registry::Answering;
use crate::run::decide::JobKind;
use crate::run::{StepError, Work};
use crate::spec::workflow::AnswerField;
use crate::spec::{Role, prompt};
use crate::workspace::{Workspace, Workspaces};

/// Performs [`JobKind::Agent`].
#[derive(Debug, Clone)]
pub struct AgentStep {
    /// What is in force: an agent works from its beginning to its end with what stood then.
    pub policy: Arc<Current<Policy>>,
    /// Where checkouts are.
    pub workspaces: Workspaces,
    /// The book that model calls are paid from.
    pub ledger: Ledger,
}

/// The prompt of a step that names none and has no file of its own name.
const GENERIC_PROMPT: &str = "prompts/generic.txt";
/// Under what is booked what belongs to nobody.
const NOBODY: &str = "none";
/// Bytes of a task's words.
const TASK_BYTES: usize = 20_000;
/// Bytes of a diff that a failure keeps.
const KEPT_DIFF: usize = 20_000;

impl Step for AgentStep {
    fn perform<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Result<Outcome, StepError>> {
        Box::pin(async move {
            let attempt = AttemptMemory::of(context, context.job.attempt);
            let done = self.work(context, &attempt).await;
            let cost = Transcript::recall(&attempt).map_or(Money::ZERO, |transcript| transcript.cost());
            done.map_err(|error| error.costing(cost))
        })
    }
}

impl AgentStep {
    async fn work(&self, context: &Context, memory: &AttemptMemory) -> Result<Outcome, StepError> {
        // Before anything is fetched or paid for.
        self.workspaces.host.sandbox().await.demand()?;
        let parts = Parts { policy: self.policy.get(), workspaces: self.workspaces.clone() };
        let models = &parts.policy.registry.models;
        if models.is_empty() {
            return Err(StepError::fatal("not_offered", "no model is configured for agents"));
        }
        let turn = self.workspaces.turn(context.run).await;
        // Whoever had the files may have given them up because Ostler is about to stop.
        if context.rest.is_cancelled() {
            return Err(AgentError::Interrupted.into());
        }
        let workspace = checkout::open(&parts, context).await?;
        let given = checkout::tree(context, &workspace).await?;
        let began = turn.newest(&given);
        let tree = if began == given { context.work.tree.clone() } else { Some(began.clone()) };
        let assignment = assignment(context, &workspace, tree)?;
        let candidates = candidates(models, &assignment.model, &context.definition.prices)?;
        let purse = RunPurse {
            ledger: self.ledger.clone(),
            purpose: purpose(context, &assignment.model)?,
            limits: context.definition.limits.clone(),
        };
        let visitors = Visitors { parts: &parts, context };
        let agent = Agent {
            assignment: &assignment,
            candidates: &candidates,
            bench: &workspace,
            memory,
            purse: &purse,
            ears: &visitors,
            clock: context.clock.as_ref(),
            cancel: &context.cancel,
            rest: &context.rest,
        };
        let ended = agent.work().await;
        self.export(context, &assignment);
        let ended = ended?;
        let diff = workspace.diff(&ended.tree).await?;
        let outcome = outcome(ended, &assignment, &diff)?;
        turn.leave(&began, outcome.work.tree.as_deref().unwrap_or(&began));
        Ok(outcome)
    }

    /// Writes all attempts' turns beside the run's checkout. The journal is the truth, so a failure here is
    /// told and forgotten.
    fn export(&self, context: &Context, assignment: &Assignment) {
        let attempts =
            (1..=context.job.attempt).filter_map(|attempt| trajectory_of(context, assignment, attempt));
        let lines: String = attempts.collect();
        let directory = self.workspaces.root.join(context.run.to_string()).join("trajectory");
        let file = format!("{}.jsonl", context.job.step.as_str().replace('/', "."));
        let written =
            std::fs::create_dir_all(&directory).and_then(|()| std::fs::write(directory.join(file), lines));
        if let Err(error) = written {
            tracing::warn!(run = %context.run, step = %context.job.step, %error, "no trajectory was written");
        }
    }
}

fn trajectory_of(context: &Context, assignment: &Assignment, attempt: u32) -> Option<String> {
    let memory = AttemptMemory::of(context, attempt);
    let start = Start::recall(&memory).ok()??;
    let transcript = Transcript::recall(&memory).ok()?;
    let whose = Whose {
        run: context.run,
        step: context.job.step.clone(),
        attempt,
        model: assignment.model.clone(),
        base: assignment.base.clone(),
    };
    Some(trajectory::render(&whose, &start, &transcript))
}

/// What an agent is to do, from what the run froze and what the step was given.
fn assignment(
    context: &Context,
    workspace: &Workspace,
    tree: Option<String>,
) -> Result<Assignment, StepError> {
    let definition = &context.definition;
    let (role, prompt, needs) = asked(context)?;
    let model = role.model.clone().unwrap_or_else(|| definition.model.clone());
    Ok(Assignment {
        limits: Limits {
            steps: role.limits.steps,
            cost: role.limits.cost,
            tokens: definition.limits.max_tokens_per_task,
            seconds: role.limits.seconds,
            max_output_tokens: role.limits.max_output_tokens,
            context: role.limits.context_tokens,
            returns: if changes_files(role) { role.limits.returns } else { 0 },
        },
        tools: role.tools.clone(),
        needs: needs.to_vec(),
        brief: brief(context, role, prompt)?,
        task: task(context),
        seed: format!("{}/{}/{}", context.run, context.job.step, context.job.attempt),
        base: workspace.base.clone(),
        tree,
        model,
    })
}

/// Whether what a role leaves in the files is its work; the files of the others are thrown away.
fn changes_files(role: &Role) -> bool {
    role.tools.iter().any(|tool| ["edit", "apply_patch"].contains(&tool.as_str()))
}

/// Who is asked: the first provider for the model that is wanted, the others for the one that each is configured with.
fn candidates<'a>(
    models: &'a [Answering],
    wanted: &'a str,
    prices: &Prices,
) -> Result<Vec<Candidate<'a>>, StepError> {
    let names =
        std::iter::once(wanted).chain(models.iter().skip(1).map(|answering| answering.model.as_str()));
    let candidate = |(answering, name): (&'a Answering, &'a str)| {
        let price = prices.of(name).ok_or_else(|| {
            StepError::fatal("no_price", format!("no price is known for the model `{name}` or any other"))
        })?;
        Ok(Candidate { name, price, provider: &*answering.provider })
    };
    models.iter().zip(names).map(candidate).collect()
}

/// What the agent's calls are booked under.
fn purpose(context: &Context, model: &str) -> Result<Purpose, StepError> {
    let started = &context.started;
    let account = started.event.actor.as_ref().map(|actor| &actor.account);
    let people = &context.definition.access.people;
    let user = account
        .map(|account| people.name_of(account).map_or_else(|| account.to_string(), str::to_owned))
        .unwrap_or_else(|| NOBODY.to_owned());
    Ok(Purpose {
        run: context.run,
        user,
        role: asked(context)?.0.name.clone(),
        repository: started.repository.as_ref().map_or_else(|| NOBODY.to_owned(), ToString::to_string),
        workflow: started.workflow.clone(),
        model: model.to_owned(),
    })
}

fn asked(context: &Context) -> Result<(&Role, Option<&str>, &[AnswerField]), StepError> {
    let JobKind::Agent { role, prompt, needs } = &context.job.kind else {
        return Err(StepError::fatal("wrong_job", "only `agent` and `ai_action` steps have an agent"));
    };
    let frozen = context.definition.roles.get(role);
    let frozen =
        frozen.ok_or_else(|| StepError::fatal("no_role", format!("the run froze no role `{role}`")))?;
    Ok((frozen, prompt.as_deref(), needs))
}

/// What the step is about, in the words of those who ask.
fn task(context: &Context) -> String {
    let given = Value::Object(context.job.inputs.clone()).to_string();
    tool::clip(&format!("{} {given}", context.title()), TASK_BYTES)
}

fn brief(context: &Context, role: &Role, prompt: Option<&str>) -> Result<Brief, StepError> {
    let prompts = &context.definition.prompts;
    let values = values(context);
    let own = format!("prompts/{}.txt", context.job.step.name());
    let path = prompt.map_or_else(
        || if prompts.contains_key(&own) { own.as_str() } else { GENERIC_PROMPT },
        |path| path.trim_start_matches("./"),
    );
    // A role's prompt is a template like the others and may include them.
    let role_path = format!("prompts/agents/{}.md", role.name);
    let mut with_role = prompts.clone();
    with_role.insert(role_path.clone(), role.prompt.clone());
    let render = |path: &str| {
        prompt::render(path, &with_role, &values)
            .map_err(|error| StepError::fatal("prompt", format!("the prompt `{path}`: {error}")))
    };
    Ok(Brief { role: render(&role_path)?, prompt: render(path)? })
}

/// What prompts may name: the ambient names, over them the step's inputs, and the step itself. All of it
/// is marked as data, whoever wrote it.
fn values(context: &Context) -> Value {
    let mut values: Map<String, Value> = context.ambient.as_ref().clone();
    if let Some(repository) = &context.started.repository {
        values.insert("repository".to_owned(), json!(repository));
    }
    values.extend(context.job.inputs.clone());
    values.insert("inputs".to_owned(), Value::Object(context.job.inputs.clone()));
    let mut values = context::as_data(&Value::Object(values));
    // The step is described by the workflow's author, who may give orders.
    values["step"] = json!({ "name": context.job.step.name(), "description": context.job.description });
    values
}

fn outcome(ended: Ended, assignment: &Assignment, diff: &str) -> Result<Outcome, StepError> {
    let stat = diff_stat(diff);
    let Some(mut outputs) = ended.answer else {
        let details = json!({ "diff": tool::clip(diff, KEPT_DIFF), "diff_stat": stat, "tree": ended.tree });
        return Err(failed(ended.reason, &ended.why).with(details));
    };
    // A field of the answer's own goes before Ostler's.
    for (name, value) in [("cost_usd", json!(ended.cost)), ("diff_stat", stat)] {
        outputs.entry(name).or_insert(value);
    }
    let work = Work { base: Some(assignment.base.clone()), tree: Some(ended.tree), ..Work::default() };
    Ok(Outcome { outputs: Value::Object(outputs), work, cost: ended.cost, waits: None })
}

fn failed(reason: Reason, why: &str) -> StepError {
    StepError::fatal(reason.code(), why)
}

/// How large a unified diff is.
fn diff_stat(diff: &str) -> Value {
    let (mut files, mut added, mut removed) = (0_u64, 0_u64, 0_u64);
    let mut in_hunk = false;
    for line in diff.lines() {
        if line.starts_with("diff --git ") {
            files += 1;
            in_hunk = false;
        } else if line.starts_with("@@ ") {
            in_hunk = true;
        } else if in_hunk && line.starts_with('+') {
            added += 1;
        } else if in_hunk && line.starts_with('-') {
            removed += 1;
        }
    }
    json!({ "files": files, "added": added, "removed": removed })
}

/// One attempt's part of the step's journal: another attempt starts afresh, a crash within one does not.
#[derive(Debug)]
struct AttemptMemory {
    journal: Arc<dyn Journal>,
    attempt: u32,
}

impl AttemptMemory {
    fn of(context: &Context, attempt: u32) -> Self {
        Self { journal: Arc::clone(&context.journal), attempt }
    }

    fn full(&self, name: &str) -> String {
        memory::name_in_step(self.attempt, name)
    }
}

impl Memory for AttemptMemory {
    fn recall(&self, name: &str) -> Option<Value> {
        self.journal.recall(&self.full(name))
    }

    fn remember<'a>(&'a self, name: &'a str, value: Value) -> BoxFuture<'a, Result<(), Forgotten>> {
        Box::pin(async move {
            let kept = self.journal.remember(&self.full(name), value).await;
            kept.map_err(|lost| Forgotten::Lost(lost.to_string()))
        })
    }
}

impl From<AgentError> for StepError {
    fn from(error: AgentError) -> Self {
        match error {
            AgentError::Ears(error) => error,
            AgentError::Model(error) => error.into(),
            AgentError::Workspace(error) => error.into(),
            AgentError::Ledger(error) => Self::passing("store", error.to_string()),
            AgentError::Memory(Forgotten::Lost(message)) => Self::passing("journal_lost", message),
            AgentError::Memory(error @ Forgotten::Unreadable { .. }) => {
                Self::fatal("journal_unreadable", error.to_string())
            }
            AgentError::Interrupted => Self::passing("interrupted", error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
