//! Workflows that call workflows: what each takes and gives, and whether one would come back to itself.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::WORKFLOW;
use super::read::{Reading, World};
use super::{Input, StepKind};
use crate::spec::diagnostic::Source;
use crate::spec::yaml::{self, Entry, Fields, Node, Tree};
use crate::spec::{ActionSpec, Field, Kind};

/// The signatures of all workflows, by id.
pub(in crate::spec) type Signatures = BTreeMap<String, Signature>;

/// What a workflow takes and gives, as whoever calls it sees it.
#[derive(Debug, Clone, Default)]
pub(in crate::spec) struct Signature {
    inputs: Vec<Input>,
    /// Their types are known once the whole of it was read.
    pub(in crate::spec) results: Vec<Field>,
    calls: Vec<String>,
}

/// Reads the signature from a workflow's text, whatever else is wrong in it.
pub(in crate::spec) fn signature(text: &str) -> Option<Signature> {
    // Its faults are told when the whole of it is read.
    let mut source = Source::new("", text);
    let node = yaml::parse(&mut source)?;
    let fields = Fields::of(&node, &WORKFLOW, &mut source)?;
    let result = |entry: &Entry| Field::required(&entry.key, Kind::Any);
    let results = fields.map("results").iter().map(result).collect();
    let (words, names, prompts, none) = Default::default();
    let world = World { words: &words, roles: &names, prompts: &prompts, workflows: &none };
    let inputs = Reading::new(&mut source, &world, "").inputs(&fields);
    let mut calls = Vec::new();
    collect_calls(&node, &mut calls);
    Some(Signature { inputs, results, calls })
}

fn collect_calls(node: &Node, calls: &mut Vec<String>) {
    match &node.value {
        Tree::List(items) => items.iter().for_each(|item| collect_calls(item, calls)),
        Tree::Map(entries) => {
            let text = |key: &str| {
                entries.iter().find(|entry| entry.key == key).and_then(|entry| match &entry.value.value {
                    Tree::Text(text) => Some(text.as_str()),
                    _ => None,
                })
            };
            if text("type") == Some("workflow") {
                calls.extend(text("workflow").map(str::to_owned));
            }
            entries.iter().for_each(|entry| collect_calls(&entry.value, calls));
        }
        _ => {}
    }
}

impl Signature {
    /// The signature in the form in which actions declare theirs, so that calls are checked like them.
    fn declared(&self, id: &str) -> ActionSpec {
        let input =
            |input: &Input| Field { required: input.required, ..Field::required(&input.name, input.kind) };
        ActionSpec {
            inputs: self.inputs.iter().map(input).collect(),
            outputs: self.results.clone(),
            ..ActionSpec::reading("", id, "")
        }
    }
}

impl Reading<'_> {
    /// A step that has another workflow run.
    pub(super) fn called(&mut self, fields: &Fields<'_>) -> (StepKind, Option<ActionSpec>) {
        let id = fields.text("workflow").unwrap_or_default().to_owned();
        let known = &self.world.workflows;
        let spec = known.get(&id).map(|signature| signature.declared(&id));
        if let Some(node) = fields.value("workflow").filter(|_| !id.is_empty()) {
            if spec.is_none() {
                let names: Vec<&str> = known.keys().map(String::as_str).collect();
                let message = format!("there is no workflow `{id}`");
                self.source.fault_with_help(node.span.clone(), message, yaml::suggestion(&id, &names));
            } else if let Some(way) = way(&id, self.id, known) {
                let message = format!("the workflow would run itself: {} → {}", self.id, way.join(" → "));
                self.source.fault(node.span.clone(), message);
            }
        }
        (StepKind::Workflow { workflow: id }, spec)
    }
}

/// All workflows, those that others call before these, as far as none would come back to itself.
pub(in crate::spec) fn called_first(known: &Signatures) -> Vec<String> {
    fn visit<'a>(id: &'a str, known: &'a Signatures, seen: &mut BTreeSet<&'a str>, order: &mut Vec<String>) {
        let Some(signature) = known.get(id).filter(|_| seen.insert(id)) else { return };
        signature.calls.iter().for_each(|called| visit(called, known, seen, order));
        order.push(id.to_owned());
    }
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    known.keys().for_each(|id| visit(id, known, &mut seen, &mut order));
    order
}

/// The way from one workflow to another by their calls, both included.
fn way(from: &str, to: &str, known: &Signatures) -> Option<Vec<String>> {
    fn follow(at: &str, to: &str, known: &Signatures, seen: &mut BTreeSet<String>) -> Option<Vec<String>> {
        if at == to {
            return Some(vec![at.to_owned()]);
        }
        if !seen.insert(at.to_owned()) {
            return None;
        }
        let rest = known.get(at)?.calls.iter().find_map(|next| follow(next, to, known, seen))?;
        Some(std::iter::once(at.to_owned()).chain(rest).collect())
    }
    follow(from, to, known, &mut BTreeSet::new())
}
