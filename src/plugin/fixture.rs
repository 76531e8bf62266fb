//! Deliveries kept as files: `fixtures/deliveries/<source>/<event>.json`.
//!
//! A file holds the request's headers and its body: `body` is sent as JSON, `form` as a form whose values
//! that are not text are JSON themselves. Signatures are not kept; whoever sends a fixture signs it.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use rust_embed::RustEmbed;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::source::Delivery;

/// A file that is not a kept delivery.
#[derive(Debug, thiserror::Error)]
#[error("not a kept delivery: {0}")]
pub struct BadFixture(String);

#[derive(RustEmbed)]
#[folder = "fixtures/deliveries/"]
struct Shipped;

/// The shipped delivery `<source>/<name>`.
#[must_use]
pub fn shipped(name: &str) -> Option<Fixture> {
    let file = Shipped::get(&format!("{name}.json"))?;
    Fixture::read(std::str::from_utf8(&file.data).ok()?).ok()
}

/// The names of the shipped deliveries.
#[must_use]
pub fn names() -> Vec<String> {
    Shipped::iter().filter_map(|file| Some(file.strip_suffix(".json")?.to_owned())).collect()
}

/// One kept delivery.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// The part of the path behind the source's name.
    #[serde(default)]
    pub surface: String,
    /// The request's headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, where it is JSON.
    #[serde(default)]
    pub body: Option<Value>,
    /// The fields, where the body is a form.
    #[serde(default)]
    pub form: Option<Map<String, Value>>,
}

impl Fixture {
    /// The kept delivery of a file's text.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn read(text: &str) -> Result<Self, BadFixture> {
        serde_json::from_str(text).map_err(|error| BadFixture(error.to_string()))
    }

    /// The delivery as its source would send it, without a signature.
    ///
    /// # Errors
    /// When a header's name or value cannot be one.
    pub fn delivery(&self) -> Result<Delivery, BadFixture> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name).map_err(|error| BadFixture(error.to_string()))?;
            headers
                .append(name, HeaderValue::try_from(value).map_err(|error| BadFixture(error.to_string()))?);
        }
        let surface = self.surface.clone();
        Ok(Delivery { surface, headers, body: self.bytes().into(), ..Delivery::default() })
    }

    /// Puts a value at a dotted path of the body (`issue.labels.0.name`). Mappings on the way are made where
    /// they are missing.
    ///
    /// # Errors
    /// When the path leads through something that holds no such part.
    pub fn set(&mut self, path: &str, value: Value) -> Result<(), BadFixture> {
        let fields = match (&mut self.form, &mut self.body) {
            (Some(form), _) => form,
            (None, Some(Value::Object(body))) => body,
            _ => return Err(BadFixture(format!("`{path}` cannot be set: the body is no mapping"))),
        };
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let mut place = fields.entry(first).or_insert_with(|| Value::Object(Map::new()));
        for part in rest.into_iter().flat_map(|rest| rest.split('.')) {
            let next = match place {
                Value::Object(map) => Some(map.entry(part).or_insert_with(|| Value::Object(Map::new()))),
                Value::Array(list) => part.parse::<usize>().ok().and_then(|at| list.get_mut(at)),
                _ => None,
            };
            place =
                next.ok_or_else(|| BadFixture(format!("`{path}` leads nowhere: there is no `{part}`")))?;
        }
        *place = value;
        Ok(())
    }

    fn bytes(&self) -> Vec<u8> {
        match (&self.body, &self.form) {
            (_, Some(form)) => {
                let mut text = url::form_urlencoded::Serializer::new(String::new());
                for (name, value) in form {
                    text.append_pair(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
                }
                text.finish().into_bytes()
            }
            (Some(body), None) => body.to_string().into_bytes(),
            (None, None) => Vec::new(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::{Event, PayloadRef, Stamp};
    use crate::id::EventId;
    use crate::plugin::source::{Decoded, Reply, Source, Undecodable};

    /// A kept delivery by its file's name.
    pub(in crate::plugin) fn kept(source: &str, name: &str) -> Fixture {
        let root = env!("CARGO_MANIFEST_DIR");
        let path = format!("{root}/fixtures/deliveries/{source}/{name}.json");
        Fixture::read(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")))
            .unwrap()
    }

    /// What a source makes of a delivery.
    pub(in crate::plugin) fn decode(
        source: &dyn Source,
        delivery: &Delivery,
    ) -> Result<Decoded, Undecodable> {
        let received_at = "2026-11-21T08:00:00Z".parse().unwrap();
        let payload = PayloadRef::to(&delivery.body);
        let stamp = Stamp { id: EventId::at(received_at), source: source.name(), received_at, payload };
        source.decode(delivery, &stamp)
    }

    /// The event and the identities that a kept delivery becomes.
    pub(in crate::plugin) fn event_of(source: &dyn Source, name: &str) -> (Event, Vec<String>) {
        let delivery = kept(source.name().as_str(), name).delivery().unwrap();
        match decode(source, &delivery) {
            Ok(Decoded::Event { event, identities }) => (*event, identities),
            other => panic!("{name}: {other:?}"),
        }
    }

    /// What a source makes of all its kept deliveries, as text, without what differs from time to time.
    pub(in crate::plugin) fn told(source: &dyn Source) -> String {
        let folder = format!("{}/fixtures/deliveries/{}", env!("CARGO_MANIFEST_DIR"), source.name());
        let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let names = files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names.iter().map(|name| format!("{name}\n{}", told_of(source, name))).collect::<Vec<_>>().join("\n")
    }

    fn told_of(source: &dyn Source, name: &str) -> String {
        let delivery = kept(source.name().as_str(), name).delivery().unwrap();
        let (event, identities) = match decode(source, &delivery) {
            Ok(Decoded::Event { event, identities }) => (event, identities),
            Ok(other) => return format!("  {other:?}\n"),
            Err(error) => return format!("  refused: {error}\n"),
        };
        let digest = event.payload.digest.to_string();
        let Value::Object(parts) = serde_json::to_value(event).unwrap() else { unreachable!() };
        let parts =
            parts.into_iter().filter(|(part, _)| !matches!(part.as_str(), "id" | "source" | "payload"));
        let mut lines: Vec<_> = parts.map(|(part, value)| format!("  {part}: {value}\n")).collect();
        lines.push(format!("  identities: {}\n", identities.join(" ").replace(&digest, "<digest>")));
        lines.concat()
    }

    /// The answer to a kept delivery that wants nothing else.
    pub(in crate::plugin) fn handshake_of(source: &dyn Source, name: &str) -> Reply {
        let delivery = kept(source.name().as_str(), name).delivery().unwrap();
        match decode(source, &delivery) {
            Ok(Decoded::Handshake(reply)) => reply,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// Turns every value of a body, one at a time, into each of some odd ones: none may fail the delivery.
    pub(in crate::plugin) fn survives_odd_values(source: &dyn Source, name: &str, keep: &[&str]) {
        let fixture = kept(source.name().as_str(), name);
        let body = fixture.body.clone().unwrap();
        for pointer in pointers(&body, String::new()).iter().filter(|at| !keep.contains(&at.as_str())) {
            for odd in ["null", "7", "\"x\"", "true", "[1, [2]]", "{\"a\": {\"b\": 1}}", "1.5e300"] {
                let mut changed = body.clone();
                *changed.pointer_mut(pointer).unwrap() = serde_json::from_str(odd).unwrap();
                let delivery = Fixture { body: Some(changed), ..fixture.clone() }.delivery().unwrap();
                let decoded = decode(source, &delivery);
                assert!(decoded.is_ok(), "{name}{pointer} = {odd}: {decoded:?}");
            }
        }
    }

    /// Puts arbitrary bytes, and kept bodies with a piece replaced or cut off, through a source: it
    /// may refuse them, not panic.
    pub(in crate::plugin) fn survives_any_bytes(source: &dyn Source, names: &[&str]) {
        let kept: Vec<Delivery> =
            names.iter().map(|name| kept(source.name().as_str(), name).delivery().unwrap()).collect();
        let edits = (0..kept.len(), any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..64));
        proptest!(|((which, at, junk) in edits, whole in any::<bool>(), cut in any::<bool>())| {
            let mut delivery = kept[which].clone();
            let body = delivery.body.to_vec();
            let at = at.index(body.len() + 1);
            let rest = if cut { &[][..] } else { &body[(at + junk.len()).min(body.len())..] };
            delivery.body = if whole { junk } else { [&body[..at], &junk, rest].concat() }.into();
            drop(source.courtesy(&delivery));
            drop(decode(source, &delivery));
        });
    }

    #[test]
    fn a_value_is_set_by_its_path_and_a_path_through_a_word_is_refused() {
        let mut fixture = Fixture::read(r#"{"body": {"a": [{"b": 1}], "c": "word"}}"#).unwrap();
        fixture.set("a.0.b", 2.into()).unwrap();
        fixture.set("new.deep", true.into()).unwrap();
        assert_eq!(fixture.body.as_ref().unwrap()["a"][0]["b"], 2);
        assert_eq!(fixture.body.as_ref().unwrap()["new"]["deep"], true);
        for path in ["c.x", "a.7", "a.b"] {
            assert!(fixture.set(path, 1.into()).is_err(), "{path}");
        }
    }

    #[test]
    fn what_is_shipped_is_found_by_its_name() {
        assert!(names().len() > 10);
        assert!(names().iter().all(|name| shipped(name).is_some()));
        assert!(shipped("nobody/nothing").is_none());
    }

    fn pointers(value: &Value, at: String) -> Vec<String> {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Value::Array(list) => {
                list.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
            }
            _ => Vec::new(),
        };
        let below = children.into_iter().flat_map(|(key, value)| {
            let here = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
            let mut found = pointers(value, here.clone());
            found.push(here);
            found
        });
        below.collect()
    }
}
