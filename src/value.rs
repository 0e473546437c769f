//! The plain data that callers hand to a tracer: names, keys, values, kinds.

/// A name or key: borrowed for the whole program, or copied when it is recorded.
///
/// A literal converts with [`From`] and is recorded as a pointer. Text that does not live for the
/// whole program is recorded with [`Text::Copied`], which costs a copy of its bytes.
///
/// ```
/// use nanospan::Text;
///
/// let literal: Text<'_> = "http.route".into();
/// let made_at_run_time = String::from("tenant.name");
/// let copied = Text::Copied(&made_at_run_time);
/// assert_eq!(literal.as_str(), "http.route");
/// assert_eq!(copied.as_str(), "tenant.name");
/// ```
#[derive(Debug, Clone, Copy)]
pub enum Text<'a> {
    /// Text that lives as long as the program; recorded as a pointer and a length.
    Static(&'static str),
    /// Text that is copied when the call records it.
    Copied(&'a str),
}

impl<'a> Text<'a> {
    /// The text itself, however it is held.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        match self {
            Text::Static(text) => text,
            Text::Copied(text) => text,
        }
    }
}

impl From<&'static str> for Text<'_> {
    fn from(text: &'static str) -> Self {
        Text::Static(text)
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text<'_> {}

/// An attribute's value: one of the eight types of OpenTelemetry's attribute model.
///
/// Values are borrowed; a call that records one copies what it must keep. Nothing is formatted or
/// converted: an integer stays an integer up to the exporter. NaN and the infinities are kept as
/// they are.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A string, copied when it is recorded.
    Str(&'a str),
    /// A string that lives as long as the program, recorded as a pointer and a length.
    StaticStr(&'static str),
    /// A boolean.
    Bool(bool),
    /// A signed 64-bit integer.
    I64(i64),
    /// A double-precision float.
    F64(f64),
    /// An array of strings, copied when it is recorded.
    StrArray(&'a [&'a str]),
    /// An array of owned strings, copied when it is recorded.
    StringArray(&'a [String]),
    /// An array of booleans, copied when it is recorded.
    BoolArray(&'a [bool]),
    /// An array of signed 64-bit integers, copied when it is recorded.
    I64Array(&'a [i64]),
    /// An array of double-precision floats, copied when it is recorded.
    F64Array(&'a [f64]),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Str(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Value::Str(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::I64(value)
    }
}

impl From<i32> for Value<'_> {
    fn from(value: i32) -> Self {
        Value::I64(i64::from(value))
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Value::I64(i64::from(value))
    }
}

impl From<u16> for Value<'_> {
    fn from(value: u16) -> Self {
        Value::I64(i64::from(value))
    }
}

impl From<u64> for Value<'_> {
    /// An attribute's integer is signed: what does not fit becomes [`i64::MAX`].
    fn from(value: u64) -> Self {
        Value::I64(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value<'_> {
    /// An attribute's integer is signed: what does not fit becomes [`i64::MAX`].
    fn from(value: usize) -> Self {
        Value::I64(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Value::F64(value)
    }
}

impl<'a> From<&'a [&'a str]> for Value<'a> {
    fn from(value: &'a [&'a str]) -> Self {
        Value::StrArray(value)
    }
}

impl<'a> From<&'a [String]> for Value<'a> {
    fn from(value: &'a [String]) -> Self {
        Value::StringArray(value)
    }
}

impl<'a> From<&'a [bool]> for Value<'a> {
    fn from(value: &'a [bool]) -> Self {
        Value::BoolArray(value)
    }
}

impl<'a> From<&'a [i64]> for Value<'a> {
    fn from(value: &'a [i64]) -> Self {
        Value::I64Array(value)
    }
}

impl<'a> From<&'a [f64]> for Value<'a> {
    fn from(value: &'a [f64]) -> Self {
        Value::F64Array(value)
    }
}

/// An attribute's value that owns what it holds: what a resource is described with, and what a
/// [`Value`] becomes when it has to outlive the call.
///
/// Two values are equal if they are of the same type and hold the same bits: NaN equals a NaN of
/// the same payload, and 0.0 does not equal -0.0.
///
/// ```
/// use nanospan::{OwnedValue, Value};
///
/// let port: OwnedValue = 8080.into();
/// assert_eq!(port.as_value(), Value::I64(8080));
/// assert_eq!(OwnedValue::from(Value::Str("eu-west-1")), "eu-west-1".into());
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum OwnedValue {
    /// A string.
    Str(String),
    /// A boolean.
    Bool(bool),
    /// A signed 64-bit integer.
    I64(i64),
    /// A double-precision float.
    F64(f64),
    /// An array of strings.
    StrArray(Vec<String>),
    /// An array of booleans.
    BoolArray(Vec<bool>),
    /// An array of signed 64-bit integers.
    I64Array(Vec<i64>),
    /// An array of double-precision floats.
    F64Array(Vec<f64>),
}

impl OwnedValue {
    /// The value, borrowed.
    #[must_use]
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Self::Str(value) => Value::Str(value),
            Self::Bool(value) => Value::Bool(*value),
            Self::I64(value) => Value::I64(*value),
            Self::F64(value) => Value::F64(*value),
            Self::StrArray(values) => Value::StringArray(values),
            Self::BoolArray(values) => Value::BoolArray(values),
            Self::I64Array(values) => Value::I64Array(values),
            Self::F64Array(values) => Value::F64Array(values),
        }
    }
}

impl PartialEq for OwnedValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::I64(a), Self::I64(b)) => a == b,
            (Self::F64(a), Self::F64(b)) => a.to_bits() == b.to_bits(),
            (Self::StrArray(a), Self::StrArray(b)) => a == b,
            (Self::BoolArray(a), Self::BoolArray(b)) => a == b,
            (Self::I64Array(a), Self::I64Array(b)) => a == b,
            (Self::F64Array(a), Self::F64Array(b)) => {
                let bits = |value: &f64| value.to_bits();
                a.iter().map(bits).eq(b.iter().map(bits))
            }
            _ => false,
        }
    }
}

impl Eq for OwnedValue {}

impl From<Value<'_>> for OwnedValue {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Str(value) => Self::Str(value.to_owned()),
            Value::StaticStr(value) => Self::Str(value.to_owned()),
            Value::Bool(value) => Self::Bool(value),
            Value::I64(value) => Self::I64(value),
            Value::F64(value) => Self::F64(value),
            Value::StrArray(values) => Self::StrArray(values.iter().map(|&value| value.to_owned()).collect()),
            Value::StringArray(values) => Self::StrArray(values.to_vec()),
            Value::BoolArray(values) => Self::BoolArray(values.to_vec()),
            Value::I64Array(values) => Self::I64Array(values.to_vec()),
            Value::F64Array(values) => Self::F64Array(values.to_vec()),
        }
    }
}

impl From<&str> for OwnedValue {
    fn from(value: &str) -> Self {
        Self::Str(value.to_owned())
    }
}

impl From<String> for OwnedValue {
    fn from(value: String) -> Self {
        Self::Str(value)
    }
}

impl From<bool> for OwnedValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for OwnedValue {
    fn from(value: i64) -> Self {
        Self::I64(value)
    }
}

impl From<i32> for OwnedValue {
    fn from(value: i32) -> Self {
        Self::I64(i64::from(value))
    }
}

impl From<u32> for OwnedValue {
    fn from(value: u32) -> Self {
        Self::I64(i64::from(value))
    }
}

impl From<u16> for OwnedValue {
    fn from(value: u16) -> Self {
        Self::I64(i64::from(value))
    }
}

impl From<f64> for OwnedValue {
    fn from(value: f64) -> Self {
        Self::F64(value)
    }
}

impl From<Vec<String>> for OwnedValue {
    fn from(values: Vec<String>) -> Self {
        Self::StrArray(values)
    }
}

impl From<Vec<bool>> for OwnedValue {
    fn from(values: Vec<bool>) -> Self {
        Self::BoolArray(values)
    }
}

impl From<Vec<i64>> for OwnedValue {
    fn from(values: Vec<i64>) -> Self {
        Self::I64Array(values)
    }
}

impl From<Vec<f64>> for OwnedValue {
    fn from(values: Vec<f64>) -> Self {
        Self::F64Array(values)
    }
}

/// What role a span plays, as OpenTelemetry defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum SpanKind {
    /// An operation inside the application. The default.
    #[default]
    Internal = 1,
    /// The handling of an incoming request.
    Server = 2,
    /// An outgoing request.
    Client = 3,
    /// A message handed to a broker or queue.
    Producer = 4,
    /// A message taken from a broker or queue.
    Consumer = 5,
}

/// How the operation ended, as OpenTelemetry defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum StatusCode {
    /// Nothing was said. The default.
    #[default]
    Unset = 0,
    /// The operation was explicitly marked as successful.
    Ok = 1,
    /// The operation failed.
    Error = 2,
}
