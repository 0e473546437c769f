//! The forms in which spans are written as text.

/// How spans are written as text, by [`StdoutExporter`](super::StdoutExporter) and by the plugin
/// `StdoutTracer`.
///
/// | format | a line is | with the resource | for |
/// | --- | --- | --- | --- |
/// | [`Human`](Self::Human) | a span, or a part of one | no | the eye |
/// | [`Json`](Self::Json) | a span | no | `grep`, `jq` and scripts, which want a span in a line |
/// | `OtlpJson` | as many spans as fit into 16 KiB | yes | collectors, which want OpenTelemetry's own form |
///
/// There are two forms in JSON because neither serves the other's readers. In OTLP's a span stands three
/// levels below the top, among others, and an attribute's value one level below its type; so who looks for one
/// span would first take lines apart. The other one has no resource, and no other program reads it unasked.
/// It needs no feature; the form of OTLP needs its encoder, by the feature `otlp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum StdoutFormat {
    /// For the eye: a line for each span and below it one for each of its events. No program should read it:
    /// the layout is no standard's, and may change with any version.
    ///
    /// ```text
    /// trace 0af7651916cd43dd8448eb211c80319c
    ///  48.2 ms  ✗ server POST /checkout  "payment service answered 502"  http.response.status_code=502
    ///           │ • +2.40 ms retry  attempt=1
    ///  12.0 ms  ├╴✓ client SELECT cart  db.system.name="postgresql"
    ///  31.1 ms  └╴· client POST /charge
    /// ```
    ///
    /// The spans of one trace that are written together, in one batch or by one flush, form a tree. A
    /// span whose parent is not among them, because it is live still or was written before, stands at
    /// the left and names it: `↑ b7ad6b7169203331`.
    ///
    /// A line has, in this order: the duration; the status (`✓` ok, `✗` error, `·` unset); the kind;
    /// the name; an error's description, in quotes; the attributes. Strings are in quotes, other
    /// values are not; a name or a key is in quotes if it could be taken for more than that. Control
    /// characters, and those that hide or reorder text, are escaped, so that no recorded text can fake
    /// a line or command a terminal. An event has its distance from the span's start in place of
    /// duration, status and kind, and a link (`→`) has the ids that it leads to. `−3 events` says that the
    /// span lost three of them.
    ///
    /// Beyond 25 levels a tree is indented no further, and `⋯` gives the number of levels left out.
    #[default]
    Human,
    /// For programs: [JSON Lines](https://jsonlines.org), one object a span, in the order in
    /// which they ended or stand in the batch.
    ///
    /// | field | value |
    /// | --- | --- |
    /// | `trace_id` | 32 lowercase hexadecimal digits |
    /// | `span_id` | 16 lowercase hexadecimal digits |
    /// | `parent_span_id` | the same; absent if the span is a root |
    /// | `name` | a string |
    /// | `kind` | `internal`, `server`, `client`, `producer` or `consumer` |
    /// | `start_time_unix_nano` | nanoseconds since the Unix epoch, decimal digits in a string |
    /// | `end_time_unix_nano` | the same |
    /// | `status` | an object: `code` is `unset`, `ok` or `error`; `description` is there for `error`, and where there is one |
    /// | `attributes` | an array of objects with `key`, `type` and `value`, in the order in which the keys were first set |
    /// | `events` | an array of objects with `time_unix_nano`, `name` and `attributes`, in the order in which they were added |
    /// | `links` | an array of objects with `trace_id`, `span_id`, `flags`, `trace_state` and `attributes`; absent if there is none |
    /// | `flags` | OTLP's flags of a span or a link, a number; absent if zero |
    /// | `trace_state` | a string; absent if empty |
    /// | `dropped_attributes_count`, `dropped_events_count`, `dropped_links_count` | of a span, the first of an event and a link as well: a number; absent if zero |
    ///
    /// The `type` of an attribute, which tells an empty array's type too, says what its `value` is:
    ///
    /// | type | value |
    /// | --- | --- |
    /// | `string` | a string |
    /// | `bool` | `true` or `false` |
    /// | `int` | a 64-bit integer, decimal digits in a string as in OTLP's JSON encoding |
    /// | `double` | a number, or one of the strings `NaN`, `Infinity`, `-Infinity` |
    /// | `string[]`, `bool[]`, `int[]`, `double[]` | an array of the above |
    ///
    /// A number reads back as the same double to the last bit; of a NaN only that it is one is kept.
    /// Strings escape what the format for the eye escapes.
    /// Fields may be added in later versions, none will change.
    Json,
    /// For collectors: [JSON Lines](https://jsonlines.org), each of them OTLP's `TracesData` in its JSON
    /// encoding (OpenTelemetry Protocol File Exporter, which is in development). With the feature `otlp`.
    ///
    /// The resource and the scope stand in every line. So that they stand there rarely, and the container
    /// runtimes that take lines of 16 KiB at most do not divide one, a line has as many spans as it holds
    /// within that. It is longer when a single span is, or by the escapes of what the other formats escape,
    /// too.
    ///
    /// A line that is torn has lost all of its spans. The plugin `StdoutTracer`, which has no resource,
    /// writes a line for each span. One of more than 2 GiB, which no batch holds, comes without its texts, and
    /// says how much is missing.
    #[cfg(feature = "otlp")]
    OtlpJson,
}
