//! Secrets in configuration: read once, never printed.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

/// Reads an optional secret; an empty one is none. For `#[serde(deserialize_with)]`.
///
/// # Errors
/// When the value is not text.
pub fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()).map(SecretString::from))
}
