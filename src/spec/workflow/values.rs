//! Reads what a step is given and where its results go, and checks both against what its action declares.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Value};

use super::StepKind;
use super::kinds::TYPES;
use super::read::{Reading, is_name};
use crate::spec::expr;
use crate::spec::period::Pause;
use crate::spec::scope::Known;
use crate::spec::yaml::{self, Entry, Fields};
use crate::spec::{ActionSpec, Field, Kind};

impl Reading<'_> {
    pub(super) fn step_inputs(
        &mut self,
        fields: &Fields<'_>,
        spec: Option<&ActionSpec>,
    ) -> Map<String, Value> {
        let entries = fields.map("inputs");
        for entry in entries {
            self.scope.check(&entry.value, self.source);
        }
        if let Some(spec) = spec {
            self.inputs_fit(
                entries,
                fields.get("inputs").map_or(fields.span(), |entry| entry.key_span.clone()),
                spec,
            );
        }
        yaml::to_object(entries)
    }

    /// How long a `wait` step waits: `for` a span or `until` a date.
    pub(super) fn wait_inputs(&mut self, fields: &Fields<'_>) -> Map<String, Value> {
        let given = ["for", "until"].into_iter().filter_map(|key| Some((key, fields.given(key)?)));
        let mut inputs = Map::new();
        for (key, node) in given {
            self.scope.check(node, self.source);
            let value = node.to_json();
            if !is_expression(&value)
                && let Err(error) = Pause::read(key, &value)
            {
                self.source.fault(node.span.clone(), error.to_string());
            }
            inputs.insert(key.to_owned(), value);
        }
        inputs
    }

    fn inputs_fit(&mut self, entries: &[Entry], span: Range<usize>, spec: &ActionSpec) {
        let known: Vec<&str> = spec.inputs.iter().map(|field| field.name.as_str()).collect();
        let mut given: BTreeMap<&str, &str> = BTreeMap::new();
        for entry in entries {
            let Some(field) = spec.input(&entry.key) else {
                let message = format!("`{}` takes no input `{}`", spec.name, entry.key);
                self.source.fault_with_help(
                    entry.key_span.clone(),
                    message,
                    yaml::suggestion(&entry.key, &known),
                );
                continue;
            };
            match given.insert(&field.name, &entry.key) {
                Some(other) if other != entry.key => {
                    let message = format!("`{}` and `{other}` are one input", entry.key);
                    self.source.fault(entry.key_span.clone(), message);
                }
                _ => self.scope.check_kind(field, &entry.value, self.source),
            }
        }
        for field in
            spec.inputs.iter().filter(|field| field.required && !given.contains_key(field.name.as_str()))
        {
            self.source.fault(span.clone(), format!("`{}` needs the input `{}`", spec.name, field.name));
        }
    }

    pub(super) fn step_outputs(
        &mut self,
        fields: &Fields<'_>,
        kind: &StepKind,
        spec: Option<&ActionSpec>,
    ) -> Vec<(String, String)> {
        let mut outputs = Vec::new();
        for entry in fields.map("outputs") {
            let Some(path) = entry.value.as_text() else { continue };
            let parts: Vec<&str> = path.split('.').collect();
            if !parts.iter().all(|part| is_name(part)) {
                let message = format!("`{path}` is not a path that an expression could use");
                self.source.fault_with_help(
                    entry.value.span.clone(),
                    message,
                    "write names with dots between them",
                );
                continue;
            }
            let known = self.output_kind(entry, kind, spec);
            self.scope.define(&parts, Known::Value(known));
            outputs.push((entry.key.clone(), path.to_owned()));
        }
        outputs
    }

    fn output_kind(&mut self, entry: &Entry, kind: &StepKind, spec: Option<&ActionSpec>) -> Kind {
        let own;
        let (action, spec) = match (kind, spec) {
            (StepKind::Action { action, .. }, Some(spec)) => (action.as_str(), spec),
            (StepKind::Workflow { workflow }, Some(spec)) => (workflow.as_str(), spec),
            (StepKind::Loop(_) | StepKind::Wait(_) | StepKind::Approval(_) | StepKind::Shell(_), _) => {
                own = gives(kind);
                (kind.name(), &own)
            }
            _ => return Kind::Any,
        };
        if let Some(field) = spec.output(&entry.key) {
            return field.kind;
        }
        let known: Vec<&str> = spec.outputs.iter().map(|field| field.name.as_str()).collect();
        let message = format!("`{action}` gives no `{}`", entry.key);
        self.source.fault_with_help(entry.key_span.clone(), message, yaml::suggestion(&entry.key, &known));
        Kind::Any
    }
}

fn is_expression(value: &Value) -> bool {
    value.as_str().is_some_and(|text| expr::paths(&Value::from(text)).map_or(true, |uses| !uses.is_empty()))
}

/// What a step of a type that is no action gives, declared as actions declare it.
fn gives(kind: &StepKind) -> ActionSpec {
    let shape = TYPES.iter().find(|(name, _)| *name == kind.name()).map(|(_, kind)| kind.shape());
    let fields = shape.and_then(|shape| shape.gives).unwrap_or_default();
    let outputs = fields.iter().map(|(name, kind)| Field::required(name, *kind)).collect();
    ActionSpec { outputs, ..ActionSpec::reading("", kind.name(), "") }
}
