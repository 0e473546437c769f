//! The short way of a call on a span: by the thread that holds the span's block, whose last question
//! for its local was for this engine's, on a live span, with room in the tail chunk. That is nearly
//! every call. Whatever it is not has changed nothing, and goes the long way, by
//! [`Engine`](crate::raw::engine::Engine).
//!
//! # Why nothing else is looked at
//!
//! *Is there a way?* A span that does not go this way has [`Block::nobodys`] for its block, which no
//! thread holds, so the next question answers this one.
//!
//! *Whose local is it?* A block is held by nobody but a thread of its own engine. So a thread whose last
//! local holds the block has the right local in hand: [`Block::held_here`](crate::raw::block::Block::held_here).
//!
//! *Are calls let in?* In a forked child no thread has a last local: the fork handler took it. After
//! the shutdown nobody reads what is written here, no counter tells it from nothing, and it ends with
//! the tail chunk, for to get another one is the long way. While the shutdown is under way a call may
//! go either way, as it may by the gate. A start has to be counted when it is refused, so it looks.
//!
//! *What time is it?* A start looks whether the clock is the processor's counter, and whoever ends a
//! span here must know it.

#[cfg(doc)]
use crate::raw::block::Block;
use crate::raw::clock;
use crate::raw::local::{Own, Target};
use crate::raw::packed::{Addresses, KeyParts, TextParts};
use crate::raw::quick::SHORT;
use crate::raw::record::{HEADER_WORDS, Kind, Stamp, Type, header};
use crate::value::{Text, Value};

/// The right to record on a live span, if this is the short way.
#[inline(always)]
pub(crate) fn stamp(target: Target) -> Option<(Own, Stamp)> {
    let own = target.block.held_here()?;
    let slot = target.block.slot(target.place.slot());
    let stamp = slot.stamp();
    slot.is_live(target.place).then_some((own, stamp))
}

/// Sets an attribute whose key and value are a word each. `false`: nothing was done.
#[inline(always)]
pub(crate) fn attribute(target: Target, key: u64, value: u64) -> bool {
    two_words(target, Kind::Attributes, 1, [key, value])
}

/// Sets the status, with a static message. `false`: nothing was done.
#[inline(always)]
pub(crate) fn status(target: Target, code: u64, message: u64) -> bool {
    two_words(target, Kind::Status, 0, [code, message])
}

#[inline(always)]
fn two_words(target: Target, kind: Kind, count: u8, [first, second]: [u64; 2]) -> bool {
    let Some((own, stamp)) = stamp(target) else { return false };
    let words = [header(kind, stamp, count, HEADER_WORDS + 2), target.place.bits(), first, second];
    // SAFETY: `own` proves that this thread alone appends to its log, and no other append of this
    // thread is under way: none is kept beyond its call, and no call calls another. The words are a
    // whole record.
    unsafe { own.local().log.append_words(words) }
}

/// Sets an attribute whose value is copied, if it is short. `false`: nothing was done.
#[inline(always)]
pub(crate) fn text(target: Target, key: u64, value: &str) -> bool {
    if value.len() > SHORT {
        return false;
    }
    let Some((own, stamp)) = stamp(target) else { return false };
    let words = HEADER_WORDS + 2 + value.len().div_ceil(8);
    let words = [header(Kind::Attributes, stamp, 1, words), target.place.bits(), key, value.len() as u64];
    // SAFETY: as in `two_words`.
    unsafe { own.local().log.append_with_bytes(words, value.as_bytes()) }
}

/// Sets attributes whose keys and values are a word each. `false`: nothing was done.
#[inline(always)]
pub(crate) fn attributes(target: Target, attributes: &[(Text<'_>, Value<'_>)]) -> bool {
    begin_attributes(target, attributes.len()).is_some_and(|run| run.put(attributes))
}

/// Adds an event that happens now, by a clock that is the processor's counter, with attributes whose
/// keys and values are a word each. `false`: nothing was done.
#[inline(always)]
pub(crate) fn event(target: Target, name: TextParts, attributes: &[(Text<'_>, Value<'_>)]) -> bool {
    begin_event(target, name, attributes.len()).is_some_and(|run| run.put(attributes))
}

/// A call, for all but the attributes can be done there.
#[inline(never)]
fn begin_attributes(target: Target, attributes: usize) -> Option<Run<HEADER_WORDS>> {
    // A record that says nothing is left to the long way.
    if attributes == 0 {
        return None;
    }
    Run::begin(target, Kind::Attributes, attributes, |head| head)
}

#[inline(never)]
fn begin_event(target: Target, name: TextParts, attributes: usize) -> Option<Run<{ HEADER_WORDS + 3 }>> {
    let name = name.word()?;
    Run::begin(target, Kind::Event, attributes, |[header, place]: [u64; HEADER_WORDS]| {
        [header, place, name, clock::counter(), 0]
    })
}

/// A record in the making: room in the log for `HEAD` words, which are there, and for attributes whose
/// keys and values are a word each.
#[derive(Debug)]
struct Run<const HEAD: usize>(Own);

/// The most attributes in one.
const RUN_MAX: usize = 32;

impl<const HEAD: usize> Run<HEAD> {
    /// Nothing of it is seen before [`put`](Self::put), which is to follow in the same call.
    #[inline(always)]
    fn begin(
        target: Target,
        kind: Kind,
        attributes: usize,
        head: impl FnOnce([u64; HEADER_WORDS]) -> [u64; HEAD],
    ) -> Option<Self> {
        if attributes > RUN_MAX {
            return None;
        }
        let (own, stamp) = stamp(target)?;
        let words = HEAD + 2 * attributes;
        let head = head([header(kind, stamp, attributes as u8, words), target.place.bits()]);
        // SAFETY: as in `two_words`; what is published is the whole record or nothing.
        unsafe { own.local().log.begin(head, words) }.then_some(Self(own))
    }

    /// Publishes the record with these attributes, as many as it was begun for. `false` if one of them
    /// is not two words; nothing is published then.
    #[inline(always)]
    fn put(self, attributes: &[(Text<'_>, Value<'_>)]) -> bool {
        // SAFETY: both callers began the record right before, on this thread, and with as many words.
        let mut ahead = unsafe { self.0.local().log.ahead(HEAD) };
        // Looked at once, in the end: until then nothing that was put is seen.
        let mut seen = Addresses::default();
        for (key, value) in attributes {
            let Text::Static(key) = *key else { return false };
            let (ty, word) = match *value {
                Value::Bool(value) => (Type::Bool, u64::from(value)),
                Value::I64(value) => (Type::I64, value as u64),
                Value::F64(value) => (Type::F64, value.to_bits()),
                Value::StaticStr(text) => match TextParts::of(text) {
                    Some(text) => (Type::StaticStr, text.word_if(&mut seen)),
                    None => return false,
                },
                _ => return false,
            };
            let Some(key) = KeyParts::of(key, ty) else { return false };
            // SAFETY: both callers began the record for these attributes.
            unsafe { ahead.put([key.word_if(&mut seen), word]) };
        }
        if !seen.fit() {
            return false;
        }
        ahead.publish();
        true
    }
}

/// Ends a span of an engine whose clock is the processor's counter. `false`: nothing was done.
#[inline(always)]
pub(crate) fn end(target: Target) -> bool {
    target.block.held_here().is_some_and(|own| own.end(target, clock::counter))
}
