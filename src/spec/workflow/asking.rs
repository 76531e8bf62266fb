//! Reads steps that wait for people or for events.

use serde_json::{Map, Value};

use super::read::Reading;
use super::{Approval, EventWait, OnTimeout};
use crate::event::KindPattern;
use crate::spec::handler::read_who;
use crate::spec::scope::Known;
use crate::spec::yaml::Fields;
use crate::spec::{Field, Kind};

pub(super) const IN_APPROVAL: &[(&str, OnTimeout)] =
    &[("fail", OnTimeout::Fail), ("continue", OnTimeout::Continue), ("approve", OnTimeout::Approve)];
pub(super) const IN_WAIT: &[(&str, OnTimeout)] =
    &[("fail", OnTimeout::Fail), ("continue", OnTimeout::Continue)];
pub(super) const ON_REJECT: &[(&str, bool)] = &[("fail", false), ("continue", true)];

impl Reading<'_> {
    /// Which event a `wait` step waits for, if it is one.
    pub(super) fn event_wait(&mut self, fields: &Fields<'_>) -> Option<Box<EventWait>> {
        let on_timeout = fields.word("on_timeout", IN_WAIT, self.source);
        let condition = fields.text("if").map(str::to_owned);
        fields.get("event")?;
        if let (Some(text), Some(node)) = (&condition, fields.value("if")) {
            let around = self.scope.clone();
            self.scope.define(&["received"], Known::Value(Kind::Any));
            self.scope.check_condition(node, text, self.source);
            self.scope = around;
        }
        let kinds = self.kinds(fields);
        Some(Box::new(EventWait { kinds, condition, on_timeout: on_timeout.unwrap_or_default() }))
    }

    fn kinds(&mut self, fields: &Fields<'_>) -> Vec<KindPattern> {
        let mut kinds = Vec::new();
        for (text, node) in fields.texts("event") {
            self.world.words.check_kind(text, node, self.source);
            kinds.push(KindPattern::new(text));
        }
        kinds
    }

    /// How a person is asked.
    pub(super) fn approval(&mut self, fields: &Fields<'_>) -> Approval {
        let on_timeout = fields.word("on_timeout", IN_APPROVAL, self.source);
        Approval {
            who: read_who(fields, self.source),
            on_timeout: on_timeout.unwrap_or_default(),
            continue_on_reject: fields.word("on_reject", ON_REJECT, self.source).unwrap_or_default(),
        }
    }

    /// What a person is asked.
    pub(super) fn message(&mut self, fields: &Fields<'_>) -> Map<String, Value> {
        let text = fields.text("message").map(str::to_owned);
        let Some(node) = fields.value("message") else { return Map::new() };
        self.scope.check(node, self.source);
        self.scope.check_kind(&Field::required("message", Kind::String), node, self.source);
        Map::from_iter([("message".to_owned(), Value::from(text))])
    }
}
