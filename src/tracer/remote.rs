//! Parents in other services, kept where a handle can name them.
//!
//! A handle is two ids; a remote parent is two ids, flags and perhaps a trace state, and its ids alone
//! do not tell it from a handle that another tracer made. So its context is put into a table, and the
//! handle leads there.

use crate::context::{SpanContext, SpanHandle, SpanId, TraceFlags, TraceState};
use crate::raw::engine::Gate;
use crate::raw::table::{Lent, Table};
use crate::raw::tally::Count;
use crate::tracer::Core;

/// Remote parents that can be held at once.
const ENTRIES: usize = 16_384;

/// Bytes of a trace state that are kept: the least that must be propagated (W3C Trace Context, section
/// "tracestate Limits").
const STATE_BYTES: usize = 512;

/// Span id; flags, and above them whether it is remote; bytes of trace state.
const HEAD: usize = 3;
const WORDS: usize = HEAD + STATE_BYTES / 8;
const IS_REMOTE: u64 = 1 << 8;

impl Core {
    /// A handle that leads to the context as long as the entry is held. Without room for it, which is
    /// counted, the context's own ids: a parent that nobody here knows.
    pub(crate) fn hold(&'static self, context: &SpanContext) -> (SpanHandle, Option<Lent>) {
        if !context.is_valid() {
            return (SpanHandle::INVALID, None);
        }
        // In a forked child, whoever was about to make the table may be gone.
        let is_forked = self.engine.gate() == Gate::Forked;
        let table = if is_forked { None } else { Some(self.table()) };
        let Some(vacant) = table.and_then(|table| table.reserve()) else {
            self.engine.count(Count::LostParent, 1);
            return (context.handle(), None);
        };
        let state = context.trace_state();
        let flags = u64::from(context.flags().to_byte()) | if context.is_remote() { IS_REMOTE } else { 0 };
        let head = [context.span_id().to_u64(), flags];
        let trace_id = context.trace_id();
        let (span_id, entry) = if state.is_empty() {
            vacant.lend(trace_id.to_u128(), &[head[0], head[1], 0])
        } else {
            let cut = state.truncated(STATE_BYTES);
            self.engine.count(Count::Truncated, u64::from(cut.as_str().len() < state.as_str().len()));
            let mut words = [0; WORDS];
            words[..HEAD].copy_from_slice(&[head[0], head[1], cut.as_str().len() as u64]);
            for (word, bytes) in words[HEAD..].iter_mut().zip(cut.as_str().as_bytes().chunks(8)) {
                let mut eight = [0; 8];
                eight[..bytes.len()].copy_from_slice(bytes);
                *word = u64::from_le_bytes(eight);
            }
            vacant.lend(trace_id.to_u128(), &words)
        };
        (SpanHandle { trace_id, span_id: SpanId::from_u64(span_id) }, Some(entry))
    }

    fn table(&self) -> &'static Table {
        self.remotes.get_or_init(|| Table::leak(ENTRIES, WORDS))
    }

    /// The context that a handle of [`hold`](Self::hold) leads to.
    pub(crate) fn held(&self, handle: SpanHandle) -> Option<SpanContext> {
        let table = self.remotes.get()?;
        let (trace_id, key) = (handle.trace_id, handle.span_id.to_u64());
        let [span_id, flags, length] = table.read::<HEAD>(trace_id.to_u128(), key).ok()?.words;
        let state = if length == 0 {
            TraceState::EMPTY
        } else {
            let words = table.read::<WORDS>(trace_id.to_u128(), key).ok()?.words;
            let bytes: Vec<u8> = words[HEAD..].iter().flat_map(|word| word.to_le_bytes()).collect();
            // It was a trace state when it was put there.
            let text = bytes.get(..words[2] as usize).and_then(|text| std::str::from_utf8(text).ok());
            text.and_then(|text| text.parse().ok()).unwrap_or(TraceState::EMPTY)
        };
        let (span_id, trace_flags) = (SpanId::from_u64(span_id), TraceFlags::from_byte(flags as u8));
        Some(if flags & IS_REMOTE == 0 {
            SpanContext::new(trace_id, span_id, trace_flags, state)
        } else {
            SpanContext::remote(trace_id, span_id, trace_flags, state)
        })
    }
}
