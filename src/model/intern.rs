//! The table of kept texts.

use crate::raw::intern as real;

/// An empty table. Each thread of a model takes a clone and has seen nothing yet.
#[derive(Debug, Clone, Copy)]
pub struct Texts(&'static real::Interner);

impl Default for Texts {
    fn default() -> Self {
        Self(Box::leak(Box::new(real::Interner::leak())))
    }
}

/// What a thread has seen.
#[derive(Debug)]
pub struct SeenTexts(real::Seen);

impl Default for SeenTexts {
    fn default() -> Self {
        Self(real::Seen::new())
    }
}

impl Texts {
    /// The kept text that equals `text`.
    #[must_use]
    pub fn get(self, text: &str, seen: &SeenTexts) -> Option<&'static str> {
        self.0.get(text, &seen.0)
    }
}
