//! Reads a handler file: one trigger, or several under `triggers`.

pub(super) mod guards;
pub(super) mod who;

use std::collections::BTreeMap;

use globset::Glob;
use serde_json::Map;

use super::{Filter, Schedule, Trigger, event_names, keys, schedule};
use crate::event::{KindPattern, RepositoryName};
use crate::spec::diagnostic::Source;
use crate::spec::scope::Scope;
use crate::spec::yaml::{self, Entry, Fields, Node, Tree};
use crate::spec::{Field, Vocabulary, Workflow};

/// The word for going by the clock under `on`, and the kind of event that it stands for.
pub(in crate::spec) const SCHEDULE: (&str, &str) = ("schedule", "ostler.schedule");

/// The workflows that a trigger may start; those that could not be read are known only by name.
pub(in crate::spec) type Workflows = BTreeMap<String, Option<Workflow>>;

/// Reads the triggers of a file. Whoever calls looks at the source's faults.
pub(in crate::spec) fn read(
    source: &mut Source,
    stem: &str,
    (workflows, words): (&Workflows, &Vocabulary),
) -> Vec<Trigger> {
    let Some(node) = yaml::parse(source) else { return Vec::new() };
    let mut scope = Scope::default();
    scope.define(&["event"], event_names());
    let mut reading = Reading { source, stem, workflows, words, scope };
    let Tree::Map(entries) = &node.value else {
        return reading.trigger(&node, false).into_iter().collect();
    };
    if !entries.iter().any(|entry| entry.key == "triggers") {
        return reading.trigger(&node, false).into_iter().collect();
    }
    reading.triggers(&node)
}

struct Reading<'a> {
    source: &'a mut Source,
    stem: &'a str,
    workflows: &'a Workflows,
    words: &'a Vocabulary,
    scope: Scope,
}

impl Reading<'_> {
    fn triggers(&mut self, node: &Node) -> Vec<Trigger> {
        let Some(fields) = Fields::of(node, &keys::FILE, self.source) else { return Vec::new() };
        let mut triggers: Vec<Trigger> = Vec::new();
        for node in fields.list("triggers") {
            let Some(trigger) = self.trigger(node, true) else { continue };
            if triggers.iter().any(|other| other.id == trigger.id) {
                self.source.fault(node.span.clone(), format!("there are two triggers `{}`", trigger.id));
            }
            triggers.push(trigger);
        }
        triggers
    }

    fn trigger(&mut self, node: &Node, among_others: bool) -> Option<Trigger> {
        let fields = Fields::of(node, &keys::TRIGGER, self.source)?;
        if among_others {
            fields.needs(&keys::NAME, self.source);
        }
        let name = fields.text("name");
        let id = name.map_or_else(|| self.stem.to_owned(), |name| format!("{}/{name}", self.stem));
        let condition = fields.text("if").map(str::to_owned);
        if let (Some(text), Some(node)) = (&condition, fields.value("if")) {
            self.scope.check_condition(node, text, self.source);
        }
        let on = self.kinds(&fields);
        Some(Trigger {
            id,
            description: fields.text("description").unwrap_or_default().to_owned(),
            condition,
            filter: self.filter(&fields),
            who: who::read(&fields, self.source),
            schedule: self.schedule(&fields, &on),
            on,
            guards: guards::read(&fields, &self.scope, self.source),
            run: self.run(&fields),
            inputs: self.inputs(&fields),
        })
    }

    fn kinds(&mut self, fields: &Fields<'_>) -> Vec<KindPattern> {
        let texts = fields.texts("on");
        let (word, kind) = SCHEDULE;
        for (text, node) in texts.iter().filter(|(text, _)| *text != word) {
            self.words.check_kind(text, node, self.source);
        }
        let meant = |text| if text == word { kind } else { text };
        texts.into_iter().map(|(text, _)| KindPattern::new(meant(text))).collect()
    }

    /// When the trigger fires by itself. It then has one repository, and nothing else that it takes.
    fn schedule(&mut self, fields: &Fields<'_>, on: &[KindPattern]) -> Option<Schedule> {
        let (_, kind) = SCHEDULE;
        let goes = on.iter().any(|on| on.as_str() == kind);
        let Some(node) = fields.value("schedule") else {
            let message = "a trigger `on: schedule` needs a `schedule` (`\"0 9 * * 1-5\"`)";
            if goes {
                self.source.fault(fields.span(), message);
            }
            return None;
        };
        if !goes || on.len() > 1 {
            self.source
                .fault(node.span.clone(), "a trigger with a `schedule` is `on: schedule` and nothing else");
        }
        let repositories = fields.texts("repository");
        if !matches!(&repositories[..], [(name, _)] if name.parse::<RepositoryName>().is_ok()) {
            let message = "a trigger with a `schedule` needs one `repository` (`acme/shop`) to work on";
            self.source.fault(node.span.clone(), message);
        }
        let cron = fields.text("schedule")?;
        let timezone = fields.text("timezone");
        if let (Some(name), Some(node)) = (timezone, fields.value("timezone"))
            && !schedule::is_timezone(name)
        {
            let message = format!("`{name}` is no time zone");
            self.source.fault_with_help(node.span.clone(), message, schedule::meant(name));
            return None;
        }
        Schedule::new(cron, timezone).map_err(|why| self.source.fault(node.span.clone(), why)).ok()
    }

    fn filter(&mut self, fields: &Fields<'_>) -> Filter {
        Filter {
            label: self.words(fields, "label"),
            assignee: self.words(fields, "assignee"),
            command: self.words(fields, "command"),
            repository: self.globs(fields, "repository"),
            branch: self.globs(fields, "branch"),
            path: self.globs(fields, "path"),
        }
    }

    fn words(&mut self, fields: &Fields<'_>, key: &str) -> Vec<String> {
        fields.texts(key).into_iter().map(|(text, _)| text.to_owned()).collect()
    }

    fn globs(&mut self, fields: &Fields<'_>, key: &str) -> Vec<String> {
        let texts = fields.texts(key);
        for (text, node) in &texts {
            if let Err(error) = Glob::new(text) {
                self.source.fault(node.span.clone(), format!("`{text}` is not a pattern: {}", error.kind()));
            }
        }
        texts.into_iter().map(|(text, _)| text.to_owned()).collect()
    }

    fn run(&mut self, fields: &Fields<'_>) -> String {
        let run = fields.text("run").filter(|run| !run.trim().is_empty());
        let Some(run) = run else { return String::new() };
        if let (false, Some(node)) = (self.workflows.contains_key(run), fields.value("run")) {
            let known: Vec<&str> = self.workflows.keys().map(String::as_str).collect();
            let message = format!("there is no workflow `{run}`");
            self.source.fault_with_help(node.span.clone(), message, yaml::suggestion(run, &known));
        }
        run.to_owned()
    }

    fn inputs(&mut self, fields: &Fields<'_>) -> Map<String, serde_json::Value> {
        let entries = fields.map("inputs");
        for entry in entries {
            self.scope.check(&entry.value, self.source);
        }
        let run = fields.value("run").map(Node::to_json);
        let workflows = self.workflows;
        if let Some(workflow) = run.as_ref().and_then(|run| workflows.get(run.as_str()?)?.as_ref()) {
            self.inputs_fit(entries, fields, workflow);
        }
        yaml::to_object(entries)
    }

    fn inputs_fit(&mut self, entries: &[Entry], fields: &Fields<'_>, workflow: &Workflow) {
        let known: Vec<&str> = workflow.inputs.iter().map(|input| input.name.as_str()).collect();
        for entry in entries {
            let Some(input) = workflow.inputs.iter().find(|input| input.name == entry.key) else {
                let message = format!("the workflow `{}` takes no input `{}`", workflow.id, entry.key);
                let help = yaml::suggestion(&entry.key, &known);
                self.source.fault_with_help(entry.key_span.clone(), message, help);
                continue;
            };
            self.scope.check_kind(&Field::required(&input.name, input.kind), &entry.value, self.source);
        }
        for input in workflow.inputs.iter().filter(|input| input.required) {
            if !entries.iter().any(|entry| entry.key == input.name) {
                let near = fields.get("inputs").or(fields.get("run"));
                let span = near.map_or(fields.span(), |entry| entry.key_span.clone());
                let message = format!("the workflow `{}` needs the input `{}`", workflow.id, input.name);
                self.source.fault(span, message);
            }
        }
    }
}

#[cfg(test)]
mod tests;
