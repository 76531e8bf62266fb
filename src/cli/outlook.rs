//! What would be done, as people read it.

use serde_json::Value;

use super::exit::Exit;
use super::screen::{BAD, BOLD, DIM, NOTED, Screen};
use crate::ingress::Outlook;
use crate::run::Plan;
use crate::run::plan::{Does, Planned};
use crate::spec::{Repeat, Undo};

/// Tells it.
pub(super) fn tell(outlook: &Outlook, json: bool, screen: &Screen) -> anyhow::Result<Exit> {
    if json || !screen.is_terminal() {
        screen.line(serde_json::to_string_pretty(&outlook.told())?);
    } else {
        lines(outlook).iter().for_each(|line| screen.line(line));
        screen.note("nothing was performed, read or stored; no agent was asked");
    }
    Ok(Exit::Done)
}

fn lines(outlook: &Outlook) -> Vec<String> {
    let mut told = vec![outlook.sentence.clone()];
    outlook.plans.iter().for_each(|plan| one(&mut told, plan));
    told
}

fn one(told: &mut Vec<String>, plan: &Plan) {
    told.push(format!("{BOLD}{}{BOLD:#} {DIM}{}{DIM:#}", plan.workflow, plan.trigger));
    plan.steps.iter().for_each(|planned| step(told, planned));
    if plan.truncated {
        told.push("  … and more steps than are shown".to_owned());
    }
    told.extend(plan.assumed.iter().map(|check| format!("  {NOTED}assumed{NOTED:#} {check}")));
    if let Some(reason) = &plan.reason {
        told.push(format!("  {BAD}ends{BAD:#} {reason}"));
    }
    values(told, "  gives ", &Value::Object(plan.results.clone()));
}

fn step(told: &mut Vec<String>, planned: &Planned) {
    let depth = "  ".repeat(1 + planned.step.as_str().matches('/').count());
    told.push(format!("{depth}{BOLD}{}{BOLD:#} {}", planned.step.name(), does(&planned.does)));
    if !planned.undone_by.is_empty() {
        told.push(format!("{depth}  undone by its own steps: {}", planned.undone_by.join(", ")));
    }
    if let Some(open) = &planned.open {
        told.push(format!("{depth}  {NOTED}open{NOTED:#} {open}"));
    }
    values(told, &format!("{depth}  "), &planned.inputs);
}

fn values(told: &mut Vec<String>, before: &str, values: &Value) {
    for (name, value) in values.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let value = value.replace('\n', &format!("\n{before}  "));
        told.push(format!("{before}{DIM}{name}{DIM:#} {value}"));
    }
}

fn does(does: &Does) -> String {
    let by = |provider: &Option<crate::event::SourceName>| {
        provider.as_ref().map(|provider| format!(" by {provider}")).unwrap_or_default()
    };
    match does {
        Does::Begin => "asks whether this person may, and reads what it is about".to_owned(),
        Does::Read { action, provider } => format!("reads {action}{}", by(provider)),
        Does::Act { action, provider, effect, undo, publishes } => {
            let pushes = if *publishes { "; pushes what agents left" } else { "" };
            format!("does {action}{}: {}; {}{pushes}", by(provider), repeated(*effect), undone(undo))
        }
        Does::Say { action } => format!("says something ({action})"),
        Does::Agent { role, prompt } => {
            let prompt = prompt.as_ref().map(|prompt| format!(" with {prompt}")).unwrap_or_default();
            format!("has the agent {role} work{prompt}")
        }
        Does::Ask { who } => format!("asks a person: {who}"),
        Does::Run { script, network } => {
            let first = script.trim().lines().next().unwrap_or_default();
            let more = if script.trim().lines().count() > 1 { " …" } else { "" };
            let network = if *network { ", with the network" } else { "" };
            format!("runs a script{network}: {first}{more}")
        }
        Does::Within { action } => format!("{action}, which reaches nobody"),
        Does::Wait => "waits".to_owned(),
        Does::Choose { test, taken: Some(taken) } => format!("{test}: {taken}"),
        Does::Choose { test, taken: None } => format!("{NOTED}{test}: open{NOTED:#}"),
        Does::Together => "at once".to_owned(),
        Does::Each => "for each item".to_owned(),
        Does::Call { workflow } => format!("calls {workflow}"),
        Does::Skip { reason } => format!("{DIM}is passed over: {reason}{DIM:#}"),
        Does::Fail { reason } => format!("{BAD}cannot begin: {reason}{BAD:#}"),
    }
}

fn repeated(effect: Repeat) -> &'static str {
    match effect {
        Repeat::Read => "it only reads",
        Repeat::Idempotent => "twice is as good as once",
        Repeat::Keyed => "the service knows it again by a key",
        Repeat::Findable => "it is looked for before it is made",
        Repeat::Unrepeatable => "it stops and asks if the outcome is unknown",
    }
}

fn undone(undo: &Undo) -> String {
    match undo {
        Undo::Nothing => "nothing is to be undone".to_owned(),
        Undo::Action(action) => format!("undone by {action}"),
        Undo::Restore => "undone by setting what was there before".to_owned(),
        Undo::Impossible => "it cannot be undone".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plan_is_told_step_by_step() {
        let outlook: Outlook = serde_json::from_value(json!({
            "sentence": "It starts ship.",
            "plans": [{
                "workflow": "ship", "trigger": "@run", "inputs": {}, "ending": "succeeded",
                "steps": [
                    {"step": "@start", "does": "begin"},
                    {"step": "open", "does": "act", "action": "version_control.create_pull_request",
                        "provider": "github", "effect": "findable", "undo": {"action": "close_pull_request"},
                        "publishes": true, "inputs": {"title": "Totals"}},
                    {"step": "ask", "does": "choose", "test": "pr.draft", "taken": null},
                    {"step": "ask/tell", "does": "say", "action": "reply", "inputs": {"text": "<from step open>"},
                        "open": "only if pr.draft holds, which depends on <from step open>"},
                ],
                "assumed": ["pr.merged, which depends on <from step open>"],
                "results": {"url": "<from step open>"},
            }],
        }))
        .unwrap();
        let told = lines(&outlook).join("\n");
        insta::assert_snapshot!(anstream::adapter::strip_str(&told).to_string(), @r"
        It starts ship.
        ship @run
          @start asks whether this person may, and reads what it is about
          open does version_control.create_pull_request by github: it is looked for before it is made; undone by close_pull_request; pushes what agents left
            title Totals
          ask pr.draft: open
            tell says something (reply)
              open only if pr.draft holds, which depends on <from step open>
              text <from step open>
          assumed pr.merged, which depends on <from step open>
          gives url <from step open>
        ");
    }
}
