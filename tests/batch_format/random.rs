//! Batches that are made up, and damage to them.

use nanospan::{OwnedValue, SpanKind, StatusCode};

use crate::support::{BatchModel, EventModel, LinkModel, Pairs, SpanModel};

/// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// A number below `bound`, which is small.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// Mostly small numbers, now and then one from the edges or from anywhere.
    pub(crate) fn number(&mut self) -> u64 {
        match self.below(4) {
            0 => self.next(),
            1 => [0, 1, u64::MAX, 1 << 63][self.below(4)],
            _ => self.below(100) as u64,
        }
    }

    pub(crate) fn text(&mut self) -> String {
        const PARTS: [&str; 8] = ["", "a", "http.route", "\u{e9}", "\u{1F980}", "\0", " ", "key"];
        (0..self.below(4)).map(|_| PARTS[self.below(PARTS.len())]).collect()
    }

    pub(crate) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(4)).map(|_| item(self)).collect()
    }

    pub(crate) fn value(&mut self) -> OwnedValue {
        match self.below(8) {
            0 => self.text().into(),
            1 => (self.below(2) == 1).into(),
            2 => (self.number() as i64).into(),
            3 => f64::from_bits(self.number()).into(),
            4 => self.list(Self::text).into(),
            5 => self.list(|random| random.below(2) == 1).into(),
            6 => self.list(|random| random.number() as i64).into(),
            _ => self.list(|random| f64::from_bits(random.number())).into(),
        }
    }

    pub(crate) fn pairs(&mut self) -> Pairs {
        self.list(|random| (random.text(), random.value()))
    }

    pub(crate) fn event(&mut self) -> EventModel {
        EventModel {
            name: self.text(),
            time_unix_nanos: self.number(),
            attributes: self.pairs(),
            dropped_attributes: self.number() as u32,
        }
    }

    pub(crate) fn link(&mut self) -> LinkModel {
        LinkModel {
            trace_id: u128::from(self.next()) << 64 | u128::from(self.number()),
            span_id: self.number(),
            flags: self.number() as u32,
            trace_state: self.text(),
            attributes: self.pairs(),
            dropped_attributes: self.number() as u32,
        }
    }

    pub(crate) fn span(&mut self) -> SpanModel {
        use SpanKind::{Client, Consumer, Internal, Producer, Server};
        SpanModel {
            trace_id: u128::from(self.next()) << 64 | u128::from(self.number()),
            span_id: self.number(),
            parent_span_id: self.number(),
            start_unix_nanos: self.number(),
            end_unix_nanos: self.number(),
            name: self.text(),
            kind: [Internal, Server, Client, Producer, Consumer][self.below(5)],
            flags: self.number() as u32,
            trace_state: self.text(),
            status: ([StatusCode::Unset, StatusCode::Ok, StatusCode::Error][self.below(3)], self.text()),
            attributes: self.pairs(),
            events: self.list(Self::event),
            links: self.list(Self::link),
            dropped: (self.number() as u32, self.number() as u32, self.number() as u32),
        }
    }

    pub(crate) fn batch(&mut self) -> BatchModel {
        BatchModel {
            instance_id: self.number(),
            sequence: self.number(),
            created_unix_nanos: self.number(),
            resource: self.pairs(),
            spans: self.list(Self::span),
        }
    }

    /// Damages `bytes` in one to three places: bits, bytes, whole ranges, the end.
    pub(crate) fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len());
            let end = (at + self.below(64)).min(bytes.len());
            match self.below(8) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..end)),
                2 => bytes[at..end].fill(0),
                3 => {
                    let copy = bytes[at..end].to_vec();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, copy);
                }
                4 => bytes[at] = self.next() as u8,
                5 => {
                    let word = (self.number() as u32).to_le_bytes();
                    let at = at & !3;
                    let length = word.len().min(bytes.len() - at);
                    bytes[at..at + length].copy_from_slice(&word[..length]);
                }
                _ => bytes[at] ^= 1 << self.below(8),
            }
        }
    }
}
