//! Recording on a span.
//!
//! What can be told of a key, a name or a value where the call is, is told there: of a literal all of
//! it. The call that is left is a short one, see `raw::short`, or begins again in the long way.

use super::{Span, Status, link_to};
use crate::context::SpanContext;
use crate::raw::packed::{KeyParts, TextParts};
use crate::raw::record::{Kind, Type};
use crate::raw::short;
use crate::tracer::timestamp::Timestamp;
use crate::value::{Text, Value};

impl Span {
    /// Sets an attribute; a later value for the same key replaces it.
    #[inline(always)]
    pub fn set_attribute<'v>(&self, key: impl Into<Text<'v>>, value: impl Into<Value<'v>>) {
        let (key, value) = (key.into(), value.into());
        // What kind of key and value it is, is mostly known where the call is.
        if let Text::Static(key) = key {
            if let Some((ty, word)) = word_of(&value) {
                if let Some(key) = KeyParts::of(key, ty) {
                    return self.set_word(key, word);
                }
            } else if let Value::StaticStr(text) = value {
                if let Some(key) = KeyParts::of(key, Type::StaticStr) {
                    return match TextParts::of(text) {
                        Some(text) => self.set_static(key, text),
                        None => self.set_text_at_length(key, text),
                    };
                }
            } else if let Value::Str(text) = value {
                if let Some(key) = KeyParts::of(key, Type::Str) {
                    return self.set_text(key, text);
                }
            }
        }
        self.set_at_length(key, value);
    }

    /// Sets an attribute with a static key, whose value is a boolean or a number.
    #[inline(never)]
    fn set_word(&self, key: KeyParts, value: u64) {
        if let Some(key) = key.word() {
            if short::attribute(self.short(), key, value) {
                return;
            }
        }
        self.set_word_at_length(key, value);
    }

    #[cold]
    #[inline(never)]
    fn set_word_at_length(&self, key: KeyParts, word: u64) {
        let value = if key.is(Type::Bool) {
            Value::Bool(word != 0)
        } else if key.is(Type::I64) {
            Value::I64(word as i64)
        } else {
            Value::F64(f64::from_bits(word))
        };
        self.set_at_length(Text::Static(key.key()), value);
    }

    /// Sets an attribute with a static key, whose value is a static text.
    #[inline(never)]
    fn set_static(&self, key: KeyParts, value: TextParts) {
        if let Some([key, value]) = key.words(value) {
            if short::attribute(self.short(), key, value) {
                return;
            }
        }
        self.set_static_at_length(key, value);
    }

    #[cold]
    #[inline(never)]
    fn set_static_at_length(&self, key: KeyParts, value: TextParts) {
        self.set_at_length(Text::Static(key.key()), Value::StaticStr(value.text()));
    }

    /// Sets an attribute with a static key, whose value is copied.
    #[inline(never)]
    fn set_text(&self, key: KeyParts, value: &str) {
        if let Some(key) = key.word() {
            if short::text(self.short(), key, value) {
                return;
            }
        }
        self.set_text_at_length(key, value);
    }

    #[cold]
    #[inline(never)]
    fn set_text_at_length(&self, key: KeyParts, value: &str) {
        self.set_at_length(Text::Static(key.key()), Value::Str(value));
    }

    #[inline(never)]
    fn set_at_length(&self, key: Text<'_>, value: Value<'_>) {
        if let Some((core, target)) = self.live() {
            core.engine.attribute(target, key, &value);
        }
    }

    /// Sets several attributes at the price of one call and a little for each.
    ///
    /// ```
    /// # let tracer = nanospan::Tracer::noop();
    /// let span = tracer.span("query").start();
    /// span.set_attributes(&nanospan::attributes!["db.rows" => 17_i64, "db.cached" => true]);
    /// ```
    #[inline(always)]
    pub fn set_attributes(&self, attributes: &[(Text<'_>, Value<'_>)]) {
        // The words of a literal list are known where the call is, and are put into the log there.
        if short::attributes(self.short(), attributes) {
            return;
        }
        apart(attributes, |attributes| self.set_all_at_length(attributes));
    }

    #[inline(never)]
    fn set_all_at_length(&self, attributes: &[(Text<'_>, Value<'_>)]) {
        if let Some((core, target)) = self.live() {
            core.engine.attributes(target, attributes);
        }
    }

    /// Adds an event that happens now.
    #[inline(always)]
    pub fn add_event<'v>(&self, name: impl Into<Text<'v>>, attributes: &[(Text<'_>, Value<'_>)]) {
        let name = name.into();
        // As in `set_attributes`.
        if let Text::Static(name) = name {
            if let Some(name) = TextParts::of(name) {
                if short::event(self.short(), name, attributes) {
                    return;
                }
            }
        }
        apart(attributes, |attributes| self.add_event_at_length(name, attributes));
    }

    #[inline(never)]
    fn add_event_at_length(&self, name: Text<'_>, attributes: &[(Text<'_>, Value<'_>)]) {
        if let Some((core, target)) = self.live() {
            core.engine.event(target, name, None, attributes);
        }
    }

    /// Adds an event that happened at the given time.
    pub fn add_event_at<'v>(
        &self,
        name: impl Into<Text<'v>>,
        time: impl Into<Timestamp>,
        attributes: &[(Text<'_>, Value<'_>)],
    ) {
        if let Some((core, target)) = self.live() {
            core.engine.event(target, name.into(), Some(time.into().0), attributes);
        }
    }

    /// Links the span to another one, of this process or another.
    pub fn add_link(&self, to: &SpanContext, attributes: &[(Text<'_>, Value<'_>)]) {
        if let Some((core, target)) = self.live() {
            core.engine.link(target, &link_to(to), attributes);
        }
    }

    /// Sets the status; the last call before the end counts.
    #[inline(always)]
    pub fn set_status(&mut self, status: Status<'_>) {
        self.has_status = true;
        let (code, text) = status.parts();
        if let Text::Static(text) = text {
            if let Some(text) = TextParts::of(text) {
                return self.set_static_status(code, text);
            }
        }
        self.set_status_at_length(code, text);
    }

    #[inline(never)]
    fn set_static_status(&self, code: u64, text: TextParts) {
        if let Some(word) = text.word() {
            if short::status(self.short(), code, word) {
                return;
            }
        }
        self.set_static_status_at_length(code, text);
    }

    #[cold]
    #[inline(never)]
    fn set_static_status_at_length(&self, code: u64, text: TextParts) {
        self.set_status_at_length(code, Text::Static(text.text()));
    }

    #[inline(never)]
    fn set_status_at_length(&self, code: u64, text: Text<'_>) {
        if let Some((core, target)) = self.live() {
            core.engine.status(target, code, text);
        }
    }

    /// Gives the span another name.
    pub fn update_name<'v>(&self, name: impl Into<Text<'v>>) {
        if let Some((core, target)) = self.live() {
            core.engine.text(target, Kind::Name, name.into());
        }
    }
}

/// Goes on with a list in the long way, with a copy of it when it is short. A list whose address leaves
/// the caller is laid out in memory first, whichever way the call goes; of one that is copied only here,
/// and whose length is known, the short way needs no more than the words.
#[inline(always)]
fn apart(list: &[(Text<'_>, Value<'_>)], go_on: impl FnOnce(&[(Text<'_>, Value<'_>)])) {
    match *list {
        [a] => go_on(&[a]),
        [a, b] => go_on(&[a, b]),
        [a, b, c] => go_on(&[a, b, c]),
        [a, b, c, d] => go_on(&[a, b, c, d]),
        _ => go_on(list),
    }
}

/// The type and the word of a boolean or a number.
#[inline(always)]
fn word_of(value: &Value<'_>) -> Option<(Type, u64)> {
    Some(match *value {
        Value::Bool(value) => (Type::Bool, u64::from(value)),
        Value::I64(value) => (Type::I64, value as u64),
        Value::F64(value) => (Type::F64, value.to_bits()),
        _ => return None,
    })
}
