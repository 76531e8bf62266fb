//! `${ENV}` and `${ENV:-default}` in configuration files.

use std::fmt;

use serde_json::Value;

use super::environment::Environment;

/// The keys whose values are secrets. An unset variable there switches something off instead of failing.
#[rustfmt::skip]
pub(super) const SECRET_KEYS: &[&str] = &[
    "secrets", "signing_secrets", "token", "api_key", "api_token", "private_key", "webhook_secret",
    "connect_secrets", "automation_tokens", "verification_tokens", "public_keys", "signing_tokens",
    "app_token",
];

/// Something that the configuration left switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Where: `sources.github.secrets`.
    pub path: String,
    /// The variable that is not set.
    pub variable: String,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is not set, so this is off", self.path, self.variable)
    }
}

/// A variable that is needed and not set, or a `${` that is no reference to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unset {
    pub(super) path: String,
    pub(super) variable: String,
}

/// Replaces the references in every string of a document.
pub(super) fn substitute(document: &mut Value, environment: &Environment) -> Result<Vec<Notice>, Unset> {
    let mut walk = Walk { environment, notices: Vec::new() };
    walk.value(document, "", false)?;
    Ok(walk.notices)
}

struct Walk<'a> {
    environment: &'a Environment,
    notices: Vec<Notice>,
}

impl Walk<'_> {
    fn value(&mut self, value: &mut Value, path: &str, secret: bool) -> Result<(), Unset> {
        match value {
            Value::Object(map) => {
                for (key, inner) in map.iter_mut() {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    self.value(inner, &path, SECRET_KEYS.contains(&key.as_str()))?;
                }
            }
            Value::Array(items) => {
                for item in items.iter_mut() {
                    self.value(item, path, secret)?;
                }
                // A secret that is not there is not a secret called null.
                items.retain(|item| !(secret && item.is_null()));
            }
            Value::String(text) if text.contains("${") => match expand(text, self.environment) {
                Ok(expanded) => *text = expanded,
                Err(variable) if secret => {
                    self.notices.push(Notice { path: path.to_owned(), variable });
                    *value = Value::Null;
                }
                Err(variable) => return Err(Unset { path: path.to_owned(), variable }),
            },
            _ => {}
        }
        Ok(())
    }
}

/// The text with its references replaced, or the first variable that has no value.
fn expand(text: &str, environment: &Environment) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        let (reference, behind) = after.split_once('}').ok_or_else(|| after.to_owned())?;
        let (name, default) = reference.split_once(":-").map_or((reference, None), |(n, d)| (n, Some(d)));
        expanded.push_str(environment.get(name).or(default).ok_or_else(|| name.to_owned())?);
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_replaced_wherever_a_string_stands() {
        let mut document = json!({"a": {"b": ["x-${ONE}", "${TWO:-2}", "${EMPTY:-e}"]}});
        let notices = substitute(&mut document, &Environment::from([("ONE", "1"), ("EMPTY", "")])).unwrap();
        assert_eq!(document, json!({"a": {"b": ["x-1", "2", "e"]}}));
        assert!(notices.is_empty());
    }

    #[test]
    fn an_unset_secret_is_switched_off_and_said() {
        let mut document =
            json!({"sources": {"github": {"secrets": ["${S}", "kept"]}}, "p": {"token": "${T}"}});
        let notices = substitute(&mut document, &Environment::default()).unwrap();
        assert_eq!(document, json!({"sources": {"github": {"secrets": ["kept"]}}, "p": {"token": null}}));
        let said: Vec<String> = notices.iter().map(ToString::to_string).collect();
        assert_eq!(said[0], "p.token: T is not set, so this is off");
        assert_eq!(said[1], "sources.github.secrets: S is not set, so this is off");
    }

    #[test]
    fn another_unset_variable_is_an_error_that_says_where() {
        let mut document = json!({"server": {"public_url": "${URL}"}});
        let unset = substitute(&mut document, &Environment::default()).unwrap_err();
        assert_eq!((unset.path.as_str(), unset.variable.as_str()), ("server.public_url", "URL"));
    }
}
