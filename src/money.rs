//! Money, tokens, and the lines that must not be crossed.
//!
//! Amounts are whole millionths of a dollar, never floating point: what many small calls cost adds up
//! exactly. The book that keeps them is the [`ledger`](crate::ledger).

mod list;

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::list::{Listed, PriceList};

/// An amount of US dollars, exact to a millionth.
///
/// It is written as a decimal number of dollars (`0.0125`) and computed in whole micro-dollars, so that
/// adding up a ledger gives the ledger's sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(transparent)]
pub struct Money(#[schemars(with = "f64")] i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// This many millionths of a dollar.
    #[must_use]
    pub const fn micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The amount in millionths of a dollar.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The amount as a floating point number of dollars, for showing.
    #[must_use]
    pub fn dollars(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "shown, not computed with")]
        let micros = self.0 as f64;
        micros / 1e6
    }

    /// The nearest amount to a number of dollars; `None` if it is not a finite number.
    #[must_use]
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and a limit that large is none")]
        dollars.is_finite().then(|| Self((dollars * 1e6).round() as i64))
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${:.4}", self.dollars())
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.dollars())
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let dollars = f64::deserialize(deserializer)?;
        Self::from_dollars(dollars).ok_or_else(|| serde::de::Error::custom("not an amount of dollars"))
    }
}

/// The lines that no run may cross; on by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Dollars that one run may spend.
    pub max_cost_per_task: Money,
    /// Output plus uncached input tokens that one run may use.
    pub max_tokens_per_task: u64,
    /// Dollars that all runs together may spend in a calendar month (UTC).
    pub monthly_budget: Money,
    /// Who is told when that is half used up, nearly, and wholly. It binds no run, so none keeps it.
    #[serde(skip_serializing)]
    pub alerts: Alerts,
}

/// Where it is told how far the month's budget is used up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    /// The channel, by its name or id; where none is named it is told in the log alone.
    pub channel: Option<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_cost_per_task: Money::micros(5_000_000),
            max_tokens_per_task: 50_000,
            monthly_budget: Money::micros(500_000_000),
            alerts: Alerts::default(),
        }
    }
}

/// What a model's tokens cost, in dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Input that no cache held.
    pub input: Money,
    /// Output, thinking included.
    pub output: Money,
    /// Input written to the provider's cache.
    pub cache_write: Money,
    /// Input read from the provider's cache.
    pub cache_read: Money,
}

/// Prices by model name; a name matches the longest entry that it starts with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Prices(pub BTreeMap<String, Price>);

/// The tokens that one call used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Input that no cache held.
    pub input: u64,
    /// Output, thinking included.
    pub output: u64,
    /// Input written to the provider's cache.
    pub cache_write: u64,
    /// Input read from the provider's cache.
    pub cache_read: u64,
}

impl Usage {
    /// What counts against a limit on tokens: output plus uncached input.
    #[must_use]
    pub fn counted(&self) -> u64 {
        self.input + self.cache_write + self.output
    }
}

impl Add for Usage {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            input: self.input + other.input,
            output: self.output + other.output,
            cache_write: self.cache_write + other.cache_write,
            cache_read: self.cache_read + other.cache_read,
        }
    }
}

impl Price {
    /// What these tokens cost, rounded up to a whole micro-dollar.
    #[must_use]
    pub fn of(&self, usage: &Usage) -> Money {
        let parts = [
            (self.input, usage.input),
            (self.output, usage.output),
            (self.cache_write, usage.cache_write),
            (self.cache_read, usage.cache_read),
        ];
        let total: i128 = parts.iter().map(|(rate, count)| i128::from(rate.0) * i128::from(*count)).sum();
        let micros = (total + 999_999).div_euclid(1_000_000);
        Money(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

impl Prices {
    /// The price of a model: that of the longest entry which stands for it, else, field by field, the dearest of those
    /// that begin with the same word, else of all, so that an unknown model is never taken for a cheap one.
    #[must_use]
    pub fn of(&self, model: &str) -> Option<Price> {
        let named = entry(&self.0, model).copied();
        let akin = || dearest(self.0.iter().filter(|(name, _)| word(name) == word(model)));
        named.or_else(akin).or_else(|| dearest(self.0.iter()))
    }
}

/// The longest entry that stands for a model.
fn entry<'a, T>(entries: &'a BTreeMap<String, T>, model: &str) -> Option<&'a T> {
    let named = entries.iter().filter(|(name, _)| stands_for(name, model));
    named.max_by_key(|(name, _)| name.len()).map(|(_, found)| found)
}

/// Whether a name stands for a model: the model's begins with it, and it does not end in the middle of a version.
fn stands_for(name: &str, model: &str) -> bool {
    let rest = model.strip_prefix(name);
    rest.is_some_and(|rest| !rest.starts_with(|next: char| next == '.' || next.is_ascii_digit()))
}

/// The word that a model's name begins with.
fn word(name: &str) -> &str {
    name.split(|letter: char| !letter.is_alphabetic()).next().unwrap_or_default()
}

fn dearest<'a>(prices: impl Iterator<Item = (&'a String, &'a Price)>) -> Option<Price> {
    prices.map(|(_, price)| *price).reduce(|a, b| Price {
        input: a.input.max(b.input),
        output: a.output.max(b.output),
        cache_write: a.cache_write.max(b.cache_write),
        cache_read: a.cache_read.max(b.cache_read),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(dollars: f64) -> Price {
        let money = Money::from_dollars(dollars).unwrap();
        Price { input: money, output: money, cache_write: money, cache_read: money }
    }

    #[test]
    fn a_million_tokens_cost_the_listed_price() {
        let usage = Usage { input: 1_000_000, ..Usage::default() };
        assert_eq!(price(3.0).of(&usage), Money::from_dollars(3.0).unwrap());
    }

    #[test]
    fn a_fraction_of_a_micro_dollar_is_rounded_up() {
        let usage = Usage { output: 1, ..Usage::default() };
        assert_eq!(price(0.1).of(&usage), Money::micros(1));
    }

    #[test]
    fn an_unknown_model_costs_the_dearest_price() {
        let prices = Prices([("a".to_owned(), price(1.0)), ("ab".to_owned(), price(9.0))].into());
        assert_eq!(prices.of("a-1"), Some(price(1.0)));
        assert_eq!(prices.of("abc"), Some(price(9.0)));
        assert_eq!(prices.of("zzz"), Some(price(9.0)));
        assert_eq!(Prices::default().of("zzz"), None);
    }

    #[test]
    fn a_name_does_not_end_within_a_version_and_an_unknown_sibling_costs_as_the_dearest_of_its_family() {
        let listed = [("gpt-5", 1.0), ("gpt-5.1", 2.0), ("gpt-4o", 3.0), ("claude-x", 9.0)];
        let prices = Prices(listed.map(|(name, dollars)| (name.to_owned(), price(dollars))).into());
        for (model, dollars) in [
            ("gpt-5", 1.0),
            ("gpt-5-2025-08-07", 1.0),
            ("gpt-5.1", 2.0),
            ("gpt-5.1-codex", 2.0),
            ("gpt-5.9", 3.0),
            ("gpt-50", 3.0),
            ("claude-y", 9.0),
            ("qwen3", 9.0),
        ] {
            assert_eq!(prices.of(model), Some(price(dollars)), "{model}");
        }
    }
}
