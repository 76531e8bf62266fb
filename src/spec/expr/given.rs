//! What a filter, test or function was given, read strictly: an error says what is wanted and what came.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, Value};
use serde_json::Map;

use super::explain::kind_of;
use super::word::{Answer, MORE, Role, Word};
use crate::spec::near::nearest;

/// Items that a list may have, and an object entries.
pub(super) const LONGEST_LIST: usize = 100_000;
/// Bytes that a text may have which an expression makes.
const LONGEST_TEXT: usize = 8 << 20;
/// Values that a result may hold, however deep.
const LARGEST: usize = 1_000_000;
/// Letters of a value that an error shows.
const SHOWN: usize = 60;

/// What a word was given: what stands before it, then what it takes by name or place.
#[derive(Debug)]
pub(super) struct Given {
    word: &'static Word,
    slots: Vec<Option<Value>>,
    more: Vec<Value>,
}

/// A number, whole as long as it can be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    /// A whole number.
    Whole(i128),
    /// Any other.
    Float(f64),
}

impl Number {
    /// The nearest floating number.
    #[expect(clippy::cast_precision_loss, reason = "that is what a floating number is")]
    pub(super) fn float(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        match number {
            Number::Whole(whole) => i64::try_from(whole).map_or_else(|_| Self::from(whole), Self::from),
            Number::Float(float) => Self::from(float),
        }
    }
}

impl Given {
    /// Puts values to the names of what a word takes.
    pub(super) fn to(word: &'static Word, values: Vec<Value>) -> Result<Self, Error> {
        let first = usize::from(word.role != Role::Function);
        let named = word.takes.iter().filter(|name| **name != MORE).count();
        let in_order = word.takes.iter().take_while(|name| **name != MORE).count();
        let mut given = Self { word, slots: vec![None; first + named], more: Vec::new() };
        let count = values.len().saturating_sub(first);
        for (at, value) in values.into_iter().enumerate() {
            if value.is_kwargs() {
                given.take_named(&value)?;
            } else if at < first + in_order {
                given.slots[at] = Some(value);
            } else if in_order < word.takes.len() && word.takes[in_order] == MORE {
                given.more.push(value);
            } else {
                return Err(given.refuse(&format!("takes at most {in_order} values, not {count}")));
            }
        }
        Ok(given)
    }

    fn take_named(&mut self, values: &Value) -> Result<(), Error> {
        let values = Kwargs::try_from(values.clone())?;
        for name in values.args() {
            let Some(at) = (0..self.slots.len()).find(|at| self.name(*at) == Some(name)) else {
                let known = self.word.takes.iter().copied().filter(|known| *known != MORE);
                let near = nearest(name, known).map_or_else(String::new, |near| format!(", but `{near}`"));
                return Err(self.refuse(&format!("takes no `{name}`{near}")));
            };
            if self.slots[at].replace(values.get(name)?).is_some() {
                return Err(self.refuse(&format!("was given `{name}` twice")));
            }
        }
        Ok(())
    }

    /// The name of a place; what stands before the word has none.
    fn name(&self, at: usize) -> Option<&'static str> {
        let mut named = self.word.takes.iter().copied().filter(|name| *name != MORE);
        match self.word.role {
            Role::Function => named.nth(at),
            Role::Filter | Role::Test => at.checked_sub(1).and_then(|at| named.nth(at)),
        }
    }

    /// What stands at a place, which may be undefined.
    pub(super) fn any(&self, at: usize) -> Option<&Value> {
        self.slots.get(at).and_then(Option::as_ref)
    }

    /// What stands at a place.
    ///
    /// # Errors
    /// When nothing stands there, or what is undefined.
    pub(super) fn value(&self, at: usize) -> Result<&Value, Error> {
        let value = self.any(at).ok_or_else(|| {
            self.refuse(&format!("needs a value for `{}`", self.name(at).unwrap_or_default()))
        })?;
        defined(value)
    }

    /// The values beyond those that have places.
    pub(super) fn more(&self) -> &[Value] {
        &self.more
    }

    /// What stands at a place that may be left empty.
    pub(super) fn maybe<'a, T>(
        &'a self,
        at: usize,
        read: impl Fn(&'a Self, usize) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        if self.any(at).is_some() { read(self, at).map(Some) } else { Ok(None) }
    }

    /// The text at a place.
    pub(super) fn text(&self, at: usize) -> Result<&str, Error> {
        self.value(at)?.as_str().ok_or_else(|| self.wrong(at, "text"))
    }

    /// The number at a place.
    pub(super) fn number(&self, at: usize) -> Result<Number, Error> {
        number(self.value(at)?).ok_or_else(|| self.wrong(at, "a number"))
    }

    /// The whole number at a place.
    pub(super) fn whole(&self, at: usize) -> Result<i64, Error> {
        let value = self.value(at)?;
        let whole = (value.kind() == ValueKind::Number).then(|| value.as_i64()).flatten();
        whole.ok_or_else(|| self.wrong(at, "a whole number"))
    }

    /// The whole number at a place, which is to be neither below 0 nor above a bound, if it has one.
    pub(super) fn count(&self, at: usize, most: usize) -> Result<usize, Error> {
        let count = self.whole(at).ok().and_then(|whole| usize::try_from(whole).ok());
        let count = count.filter(|count| *count <= most);
        self.value(at)?;
        count.ok_or_else(|| match most {
            usize::MAX => self.wrong(at, "a whole number from 0 on"),
            _ => self.wrong(at, &format!("a whole number from 0 to {most}")),
        })
    }

    /// The boolean at a place, `false` where there is none.
    pub(super) fn yes(&self, at: usize) -> Result<bool, Error> {
        let Some(value) = self.any(at) else { return Ok(false) };
        let yes = (defined(value)?.kind() == ValueKind::Bool).then(|| value.is_true());
        yes.ok_or_else(|| self.wrong(at, "a boolean"))
    }

    /// The list at a place.
    pub(super) fn list(&self, at: usize) -> Result<Vec<Value>, Error> {
        list(self.value(at)?)?.ok_or_else(|| self.wrong(at, "a list"))
    }

    /// The object at a place, as its entries.
    pub(super) fn object(&self, at: usize) -> Result<Vec<(Value, Value)>, Error> {
        entries(self.value(at)?)?.ok_or_else(|| self.wrong(at, "an object"))
    }

    /// An error about what stands at a place: what is wanted there, and what came.
    pub(super) fn wrong(&self, at: usize, wanted: &str) -> Error {
        let came = self.any(at).map_or_else(|| "nothing".to_owned(), shown);
        let place = self.name(at).map_or_else(String::new, |name| format!(" as `{name}`"));
        refuse(format!("`{}` takes{place} {wanted}, not {came}", self.word.short()))
    }

    /// An error about how the word is used.
    pub(super) fn refuse(&self, fault: &str) -> Error {
        refuse(format!("`{}` {fault}; it is written `{}`", self.word.short(), self.word.spelled()))
    }

    /// The word as it is written.
    pub(super) fn short(&self) -> String {
        self.word.short()
    }
}

/// An error with nothing but its message.
pub(super) fn refuse(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// The value, unless it is undefined.
pub(super) fn defined(value: &Value) -> Result<&Value, Error> {
    if !value.is_undefined() {
        return Ok(value);
    }
    // Asked for an attribute, an undefined value says where it comes from; by itself it does not.
    Err(value.get_attr("").err().unwrap_or_else(|| Error::from(ErrorKind::UndefinedError)))
}

/// The number that a value is.
pub(super) fn number(value: &Value) -> Option<Number> {
    if value.kind() != ValueKind::Number {
        return None;
    }
    if value.is_integer() {
        return i128::try_from(value.clone()).ok().map(Number::Whole);
    }
    f64::try_from(value.clone()).ok().map(Number::Float)
}

/// The items of the list that a value is.
pub(super) fn list(value: &Value) -> Result<Option<Vec<Value>>, Error> {
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Ok(None);
    }
    let mut items = Vec::new();
    for item in value.try_iter()?.checked() {
        items.push(defined(&item?)?.clone());
        if items.len() > LONGEST_LIST {
            return Err(refuse(format!("a list has more than {LONGEST_LIST} items")));
        }
    }
    Ok(Some(items))
}

/// The entries of the object that a value is, in the order of their keys.
pub(super) fn entries(value: &Value) -> Result<Option<Vec<(Value, Value)>>, Error> {
    if value.kind() != ValueKind::Map {
        return Ok(None);
    }
    let mut entries = Vec::new();
    for key in value.try_iter()?.checked() {
        let key = key?;
        let held = value.get_item(&key)?;
        entries.push((key, defined(&held)?.clone()));
        if entries.len() > LONGEST_LIST {
            return Err(refuse(format!("an object has more than {LONGEST_LIST} entries")));
        }
    }
    Ok(Some(entries))
}

/// A value as data.
///
/// # Errors
/// When it is undefined or something in it is, or it is nothing that JSON can say, or too large.
pub(super) fn data(value: &Value) -> Result<serde_json::Value, Error> {
    gather(value, &mut 0)
}

fn gather(value: &Value, count: &mut usize) -> Result<serde_json::Value, Error> {
    *count += 1;
    if *count > LARGEST {
        return Err(refuse(format!("the result has more than {LARGEST} values in it")));
    }
    match defined(value)?.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter()?.checked();
            items.map(|item| gather(&item?, count)).collect::<Result<_, _>>().map(serde_json::Value::Array)
        }
        ValueKind::Map => {
            let mut fields = Map::new();
            for key in value.try_iter()?.checked() {
                let key = key?;
                fields.insert(key_of(&key)?, gather(&value.get_item(&key)?, count)?);
            }
            Ok(serde_json::Value::Object(fields))
        }
        _ => single(value),
    }
}

fn key_of(key: &Value) -> Result<String, Error> {
    match key.kind() {
        ValueKind::String | ValueKind::Number | ValueKind::Bool => plain(key),
        _ => Err(refuse(format!("a key of an object is text, not {}", shown(key)))),
    }
}

fn single(value: &Value) -> Result<serde_json::Value, Error> {
    if let Some(Number::Float(float)) = number(value)
        && !float.is_finite()
    {
        return Err(refuse("the result is a number too large for JSON".to_owned()));
    }
    serde_json::to_value(value).map_err(|error| refuse(format!("the result is not data: {error}")))
}

/// Text as it stands, everything else as JSON.
pub(super) fn plain(value: &Value) -> Result<String, Error> {
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => data(value).map(|data| data.to_string()),
    }
}

/// What a value is, for people: its type and the beginning of it.
pub(super) fn shown(value: &Value) -> String {
    let data = match data(value) {
        Ok(serde_json::Value::Null) => return "null".to_owned(),
        Ok(data) => data,
        Err(_) => return "what is no data".to_owned(),
    };
    let text = data.to_string();
    let brief: String = text.chars().take(SHOWN).collect();
    let cut = if brief.len() < text.len() { "…" } else { "" };
    format!("{} ({brief}{cut})", kind_of(&data))
}

/// Data as a value of minijinja's.
pub(super) fn value_of(data: &serde_json::Value) -> Value {
    Value::from(minijinja::value::Serde(data))
}

/// A text that grows up to a bound: what a few letters of an expression make of another text has none.
#[derive(Debug, Default)]
pub(super) struct Growing(String);

impl Growing {
    /// Adds to the end.
    pub(super) fn push(&mut self, text: &str) -> Result<(), Error> {
        if self.0.len() + text.len() > LONGEST_TEXT {
            return Err(refuse(format!("the text would have more than {LONGEST_TEXT} bytes")));
        }
        self.0.push_str(text);
        Ok(())
    }

    /// The whole text.
    pub(super) fn done(self) -> Answer {
        Ok(Value::from(self.0))
    }
}
