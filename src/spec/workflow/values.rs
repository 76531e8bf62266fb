//! Reads what a step is given and where its results go, and checks both against what its action declares.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Value};

use super::StepKind;
use super::read::{Reading, is_name};
use crate::spec::scope::Known;
use crate::spec::yaml::{self, Entry, Fields, Tree};
use crate::spec::{ActionSpec, Kind};

impl Reading<'_> {
    pub(super) fn step_inputs(
        &mut self,
        fields: &Fields<'_>,
        spec: Option<&ActionSpec>,
    ) -> Map<String, Value> {
        let entries = fields.map("inputs", self.source);
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
        for entry in fields.map("outputs", self.source) {
            let Tree::Text(path) = &entry.value.value else {
                let message =
                    format!("`{}` goes to a path, which is text, not {}", entry.key, entry.value.kind());
                self.source.fault(entry.value.span.clone(), message);
                continue;
            };
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
            outputs.push((entry.key.clone(), path.clone()));
        }
        outputs
    }

    fn output_kind(&mut self, entry: &Entry, kind: &StepKind, spec: Option<&ActionSpec>) -> Kind {
        let (StepKind::Action { action, .. }, Some(spec)) = (kind, spec) else { return Kind::Any };
        if let Some(field) = spec.output(&entry.key) {
            return field.kind;
        }
        let known: Vec<&str> = spec.outputs.iter().map(|field| field.name.as_str()).collect();
        let message = format!("`{action}` gives no `{}`", entry.key);
        self.source.fault_with_help(entry.key_span.clone(), message, yaml::suggestion(&entry.key, &known));
        Kind::Any
    }
}
