//! How much one span may hold.

/// Limits of one span, as OpenTelemetry's Trace SDK, section "Span Limits", defines them.
///
/// They are applied when a span is assembled, after it has ended: what is over a limit is left out
/// and counted in the span's dropped counts. Of events and links the ones recorded first are kept.
/// An attribute that overwrites an earlier one with the same key is always taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanLimits {
    /// Attributes of a span. 128 by default.
    pub attributes: u32,
    /// Events of a span. 128 by default.
    pub events: u32,
    /// Links of a span. 128 by default.
    pub links: u32,
    /// Attributes of one event. 128 by default.
    pub attributes_per_event: u32,
    /// Attributes of one link. 128 by default.
    pub attributes_per_link: u32,
    /// Characters of one string value or of each string in an array; unlimited by default.
    ///
    /// Whatever this says, one value takes at most 64 KiB; see the crate's overload rules.
    pub attribute_value_length: Option<u32>,
}

impl Default for SpanLimits {
    fn default() -> Self {
        Self {
            attributes: 128,
            events: 128,
            links: 128,
            attributes_per_event: 128,
            attributes_per_link: 128,
            attribute_value_length: None,
        }
    }
}
