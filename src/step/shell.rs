//! `shell`: a script of the workflow's author runs in the sandbox, on the files that the run has come to.
//!
//! It is given a tree and gives a tree, and works in a directory that nobody else sees. So it may be done again
//! after a crash in the middle of it, as often as need be: it begins with the same files, and what an attempt
//! left that did not come to its end is no part of anything. Nothing leaves the workspace here: what it changed
//! goes through the gate of the first publishing action after it, like an agent's work.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::perform::Parts;
use super::{Context, Outcome, StepError, checkout};
use crate::run::Work;
use crate::spec::workflow::Shell;
use crate::workspace::Ran;
use crate::workspace::checks::tail;
use crate::workspace::guard::secrets;
use crate::workspace::sandbox::Script;

/// Seconds that a script may take whose step has no `timeout`.
const USUAL_SECONDS: u64 = 3_600;
/// Bytes that one variable may have: the kernel takes 128 KiB of one argument.
const VARIABLE: usize = 100_000;
/// Bytes that all variables may have.
const VARIABLES: usize = 1_000_000;
/// Lines of an output that a failure tells.
const TOLD_LINES: usize = 3;
/// Letters of them.
const TOLD_LETTERS: usize = 400;
/// Bytes of each output that a failure keeps.
const KEPT: usize = 4_000;

/// Runs the script, unless it may not be run here.
pub(super) async fn perform(parts: &Parts, context: &Context, shell: &Shell) -> Result<Outcome, StepError> {
    // Before anything is fetched.
    let sandbox = parts.workspaces.host.sandbox().await;
    sandbox.demand()?;
    if shell.network {
        sandbox.demand_network()?;
    }
    let variables = &variables(&context.job.inputs)?;
    let workspace = checkout::open(parts, context).await?;
    let before = checkout::tree(context, &workspace).await?;
    let allowed = context.job.timeout.unwrap_or(USUAL_SECONDS);
    // A moment before whoever counts for all steps stops it: what it wrote is then told.
    let limit = Duration::from_secs(allowed.saturating_sub(1).max(1));
    let script = Script { text: &shell.run, strict: true, variables, network: shell.network };
    let (ran, after) = workspace.run_on(&before, script, limit).await?;
    let outputs = ended(ran, shell, allowed)?;
    let tree = after.filter(|after| *after != before);
    let base = tree.is_some().then(|| workspace.base.clone());
    Ok(Outcome { outputs, work: Work { base, tree, ..Work::default() }, ..Outcome::default() })
}

/// What the step was given, as variables.
fn variables(inputs: &Map<String, Value>) -> Result<BTreeMap<String, String>, StepError> {
    let variables: BTreeMap<_, _> = inputs.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
    let refused = |message: String| Err(StepError::fatal("invalid_input", message));
    if let Some((name, _)) = variables.iter().find(|(_, value)| value.contains('\0')) {
        return refused(format!("`env`: `{name}` holds a null character, which no variable can"));
    }
    if let Some((name, value)) = variables.iter().find(|(_, value)| value.len() > VARIABLE) {
        return refused(format!(
            "`env`: `{name}` has {} bytes, and a variable takes at most {VARIABLE}",
            value.len()
        ));
    }
    let all: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
    if all > VARIABLES {
        return refused(format!("`env` has {all} bytes, and all variables take at most {VARIABLES}"));
    }
    Ok(variables)
}

/// A value as a script reads it: text as it is, nothing as nothing, everything else as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// What the step gives, or why it has failed.
fn ended(ran: Ran, shell: &Shell, allowed: u64) -> Result<Value, StepError> {
    // What a repository or command shows is journalled and told: no secret is.
    let ran = Ran { stdout: secrets::redacted(&ran.stdout), stderr: secrets::redacted(&ran.stderr), ..ran };
    let failed = match ran.code {
        Some(0) => None,
        Some(_) if shell.allow_failure => None,
        Some(code) => {
            Some(StepError::fatal("command_failed", told(format!("it ended with exit code {code}"), &ran)))
        }
        None => {
            let late = told(format!("it took longer than {allowed} s"), &ran);
            Some(StepError::passing(StepError::TIMEOUT, late))
        }
    };
    match failed {
        Some(error) => Err(error.with(given(&ran, |text| tail(text, KEPT)))),
        None => Ok(given(&ran, str::to_owned)),
    }
}

fn given(ran: &Ran, kept: impl Fn(&str) -> String) -> Value {
    let (stdout, stderr) = (kept(&ran.stdout), kept(&ran.stderr));
    let is_whole = ran.whole && stdout.len() == ran.stdout.len() && stderr.len() == ran.stderr.len();
    json!({ "exit_code": ran.code, "stdout": stdout, "stderr": stderr, "truncated": !is_whole })
}

/// How it ended, with the last of what it said about that.
fn told(how: String, ran: &Ran) -> String {
    let said = if ran.stderr.trim().is_empty() { &ran.stdout } else { &ran.stderr };
    let lines = said.lines().map(|line| line.chars().filter(|letter| !letter.is_control()).collect());
    let lines: Vec<String> = lines.filter(|line: &String| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(TOLD_LINES)..].join(" / ");
    match last.chars().count() {
        0 => how,
        letters if letters > TOLD_LETTERS => {
            let end: String = last.chars().skip(letters - TOLD_LETTERS).collect();
            format!("{how}: …{end}")
        }
        _ => format!("{how}: {last}"),
    }
}

#[cfg(test)]
mod tests;
