//! Payload fields that a vendor may leave out, set to null or send in another shape tomorrow.
//!
//! What is not JSON fails a delivery; what is JSON of an unexpected shape is only absent. A payload is read
//! in one pass into typed parts, and what no part asks for is skipped without being kept.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::source::{Delivery, JSON, Undecodable};

/// Declares objects of which every field is a [`Maybe`].
macro_rules! records {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $kind:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Default, serde::Deserialize)]
        #[serde(default)]
        pub(super) struct $name {
            $($(#[$attribute])* pub(super) $field: $kind,)*
        }

        impl $crate::plugin::lenient::Record for $name {}
    )*};
}

pub(super) use records;

/// A field that is there in its expected shape, or not.
#[derive(Debug, Clone)]
pub(super) struct Maybe<T>(pub(super) Option<T>);

/// Text; a number stands for its digits.
pub(super) type Text = Maybe<String>;

/// A shape that a value of JSON may have. Whatever a shape does not speak of is not that shape.
pub(super) trait Shape: Sized {
    fn from_text(_: &str) -> Option<Self> {
        None
    }

    fn from_number(_: i64) -> Option<Self> {
        None
    }

    fn from_flag(_: bool) -> Option<Self> {
        None
    }

    fn from_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// An object all of whose fields are [`Maybe`].
pub(super) trait Record: DeserializeOwned {}

impl<T: Record> Shape for T {
    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        Self::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Some)
    }
}

impl Shape for String {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn from_number(number: i64) -> Option<Self> {
        Some(number.to_string())
    }
}

impl Shape for i64 {
    fn from_number(number: i64) -> Option<Self> {
        Some(number)
    }
}

impl Shape for bool {
    fn from_flag(flag: bool) -> Option<Self> {
        Some(flag)
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut found = Self::new();
        while let Some(Maybe(element)) = list.next_element()? {
            found.extend(element);
        }
        Ok(Some(found))
    }
}

impl<T: Shape> Shape for BTreeMap<String, T> {
    fn from_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        let mut found = Self::new();
        while let Some((name, Maybe(value))) = map.next_entry()? {
            found.extend(value.map(|value| (name, value)));
        }
        Ok(Some(found))
    }
}

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Maybe<T> {
    /// The value by reference.
    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl Text {
    /// The text, unless it is empty.
    pub(super) fn text(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    /// The text as an owned value, unless it is empty.
    pub(super) fn owned(&self) -> Option<String> {
        self.text().map(str::to_owned)
    }
}

impl<T> Maybe<Vec<T>> {
    /// The elements; none where there is no list.
    pub(super) fn items(&self) -> &[T] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<'de, T: Shape> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look(PhantomData)).map(Self)
    }
}

/// A delivery's body, which must be a JSON object.
pub(super) fn read<T: Record>(delivery: &Delivery) -> Result<T, Undecodable> {
    if delivery.media_type() != JSON {
        return Err(Undecodable::media_type("JSON"));
    }
    parse(&delivery.body)
}

/// A text that must be a JSON object.
pub(super) fn parse<T: Record>(json: &[u8]) -> Result<T, Undecodable> {
    let value: Maybe<T> = serde_json::from_slice(json).map_err(|error| Undecodable::json(&error))?;
    value.0.ok_or_else(Undecodable::no_object)
}

/// Takes whatever comes.
struct Look<T>(PhantomData<T>);

impl<'de, T: Shape> Visitor<'de> for Look<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(T::from_flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(T::from_number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).ok().and_then(T::from_number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(T::from_text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::from_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        T::from_list(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    records! {
        Person {
            name: Text,
            age: Maybe<i64>,
            friends: Maybe<Vec<Person>>,
        }
    }

    fn read(json: &str) -> Result<Maybe<Person>, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn odd_shapes_are_absent_and_their_neighbours_are_read() {
        let odd = r#"{"age": {"in": [1, {"x": "years"}]}, "friends": [1, {"name": ["x"], "age": 3}, null], "name": 7}"#;
        let person = read(odd).unwrap().0.unwrap();
        assert_eq!(person.name.text(), Some("7"));
        assert_eq!(person.age.0, None);
        assert_eq!(person.friends.items().len(), 1);
        assert_eq!(person.friends.items()[0].age.0, Some(3));
        assert!(read("[1]").unwrap().0.is_none());
        assert!(read("null").unwrap().0.is_none());
    }

    #[test]
    fn what_is_not_json_is_an_error_however_deep() {
        for json in
            ["", "{", r#"{"name": tru}"#, r#"{"age": {"in": [1,,2]}}"#, r#"{"friends": [{"name": x}]}"#]
        {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
