//! What describes a resource, a scope, or a point.

use std::borrow::Cow;

use super::{Clear, List};
use crate::{OwnedValue, Value};

/// An attribute: a key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyValue {
    /// The key.
    pub key: Cow<'static, str>,
    /// The value.
    pub value: OwnedValue,
}

impl KeyValue {
    /// An attribute of this key and value.
    #[must_use]
    pub fn new(key: impl Into<Cow<'static, str>>, value: impl Into<OwnedValue>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

impl Default for KeyValue {
    /// An empty key with an empty string.
    fn default() -> Self {
        Self::new("", "")
    }
}

impl Clear for KeyValue {
    fn clear(&mut self) {
        self.key = Cow::Borrowed("");
        match &mut self.value {
            OwnedValue::Str(text) => text.clear(),
            other => *other = OwnedValue::Str(String::new()),
        }
    }
}

/// Attributes, in the order in which they were added. That keys differ is up to whoever adds them.
pub type Attributes = List<KeyValue>;

impl List<KeyValue> {
    /// Adds an attribute. A string is copied into memory that an earlier one left, if there is any.
    pub fn add<'a>(&mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Value<'a>>) {
        let added = self.push();
        added.key = key.into();
        match (&mut added.value, value.into()) {
            (OwnedValue::Str(text), Value::Str(value) | Value::StaticStr(value)) => text.push_str(value),
            (slot, value) => *slot = value.into(),
        }
    }
}
