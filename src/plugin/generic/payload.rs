//! A body of which nothing is known but where the configuration says to look.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::plugin::source::{Delivery, JSON, Undecodable};

/// Where something stands in a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "String")]
pub enum Place {
    /// In a header, by its name.
    Header(String),
    /// In the body, by a JSON pointer.
    Body(String),
}

impl From<String> for Place {
    /// A pointer begins with a slash, which no header's name holds.
    fn from(text: String) -> Self {
        if text.starts_with('/') { Self::Body(text) } else { Self::Header(text) }
    }
}

impl Place {
    /// The text that stands there; a number stands for its digits.
    pub(super) fn read(&self, delivery: &Delivery, body: &Value) -> Option<String> {
        let text = match self {
            Self::Header(name) => delivery.header(name).map(str::to_owned),
            Self::Body(pointer) => match body.pointer(pointer)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            },
        };
        text.filter(|text| !text.is_empty())
    }
}

/// The body; null where it is no JSON and does not say that it is.
pub(super) fn body(delivery: &Delivery) -> Result<Value, Undecodable> {
    if delivery.media_type() != JSON {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&delivery.body).map_err(|error| Undecodable::json(&error))
}
