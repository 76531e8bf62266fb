//! The table of prices as it is written: each with the day on which it stood so, and where.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Money, Price, Prices, entry};

/// What a model's tokens cost, in dollars per million tokens, and where that is from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Input that no cache held.
    pub input: Money,
    /// Output, thinking included.
    pub output: Money,
    /// Input written to the provider's cache.
    pub cache_write: Money,
    /// Input read from the provider's cache.
    pub cache_read: Money,
    /// The day on which the provider listed it so: `2025-11-24`.
    #[serde(default)]
    pub as_of: Option<String>,
    /// Where it was listed.
    #[serde(default)]
    pub source: Option<String>,
}

/// Prices by model name, as they are written; a name stands for every model that begins with it, unless it
/// would end in the middle of a version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PriceList(pub BTreeMap<String, Listed>);

impl PriceList {
    /// The prices alone, which is what runs keep.
    #[must_use]
    pub fn prices(&self) -> Prices {
        let price = |listed: &Listed| Price {
            input: listed.input,
            output: listed.output,
            cache_write: listed.cache_write,
            cache_read: listed.cache_read,
        };
        Prices(self.0.iter().map(|(name, listed)| (name.clone(), price(listed))).collect())
    }

    /// The entry of a model, where one fits its name.
    #[must_use]
    pub fn entry(&self, model: &str) -> Option<&Listed> {
        entry(&self.0, model)
    }
}
