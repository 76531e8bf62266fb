//! A run of which nothing is performed: what it would learn on the way is not known.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Run;
use crate::id::StepPath;
use crate::run::{place, scope};
use crate::spec::expr::unknown::{PLANNING, all_but, unknown};

impl Run {
    /// Has the ambient names say that this run is only planned, and that nothing is known of what it comes to.
    pub(in crate::run) fn plan(&mut self) {
        let names = Arc::make_mut(&mut self.ambient);
        names.insert(PLANNING.to_owned(), Value::Bool(true));
        scope::put(names, "event.id", unknown("the event's arrival"));
        let run = names.get("run").and_then(Value::as_object).cloned().unwrap_or_default();
        let run = run.into_iter().filter(|(name, _)| ["workflow", "trigger"].contains(&name.as_str()));
        names.insert("run".to_owned(), all_but(run.collect(), "the run itself"));
    }

    /// What the first act would give: what the event told, and the rest not known.
    pub(in crate::run) fn unread(&self) -> Value {
        let from = "the run's first act";
        let read = |name: &&str| {
            let told = self.ambient.get(*name).cloned().unwrap_or_default();
            let value = match (*name, told) {
                // A command's text becomes a task where the event names none.
                ("task", Value::Null) => all_but(Map::from_iter([("id".to_owned(), unknown(from))]), from),
                (_, Value::Object(fields)) => all_but(fields, from),
                (_, told) => told,
            };
            ((*name).to_owned(), value)
        };
        ["task", "repository", "change", "person", "system"].iter().map(read).collect()
    }

    /// What a step puts somewhere is not known, though another branch put something there.
    pub(in crate::run) fn obscure(&mut self, path: &StepPath, target: &str, from: &str) {
        let frame = place::frames(self, path).innermost().clone();
        let outputs = &mut self.frames.entry(frame).or_default().outputs;
        scope::put(outputs, target, unknown(from));
    }
}
