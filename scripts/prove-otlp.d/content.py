"""What a span must be, by its number: the same as examples/otlp_load/content.rs, written apart from it.

`expected_span` makes OpenTelemetry's own message. What does not follow from the number, it takes from the
span that arrived: the ids of the span and of a root's trace, of a parent and of a link within the process.
Those are compared by `Ids`, which knows what belongs together, and by the text that each span carries of
its own ids.
"""

import struct

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

FAMILY = 8
BEGIN = 1_700_000_000_000_000_000
MASK = (1 << 64) - 1
NAMES = "GET /cart", "größe ermitteln 🔍", "x", 'SELECT "items"\\\n'
DOUBLES = 0.0, -0.0, 0.1, -1e308, 2.0**-1022, 5e-324, 1 / 3, 1e22
EVENTS = 0, 1, 2, 0, 3, 6
LINKS = 0, 0, 1, 2, 5
ATTRIBUTES_MAX, EVENTS_MAX, LINKS_MAX = 24, 4, 3
EVENT_ATTRIBUTES_MAX, LINK_ATTRIBUTES_MAX, CHARACTERS_MAX = 2, 1, 1000
# OTLP's SpanFlags: whether the other span is in another process is known, and it is.
KNOWN, REMOTE = 0x100, 0x200


def mixed(number):
    word = number * 0x9E3779B97F4A7C15 & MASK
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & MASK
    word = (word ^ word >> 27) * 0x94D049BB133111EB & MASK
    return word ^ word >> 31


def signed(word):
    return word - (1 << 64) if word >> 63 else word


def any_value(value):
    return VALUES[type(value)](value)


# What a message is made of may be given as a dictionary, which takes a third of the time.
VALUES = {
    bool: lambda value: {"bool_value": value},
    int: lambda value: {"int_value": value},
    float: lambda value: {"double_value": value},
    str: lambda value: {"string_value": value[:CHARACTERS_MAX]},
    list: lambda value: {"array_value": {"values": [any_value(element) for element in value]}},
}


def key_values(pairs):
    return [{"key": key, "value": any_value(value)} for key, value in pairs]


def resource(run, version):
    """The resource of a run."""
    return Resource(
        attributes=key_values(
            [
                ("service.name", "proof"),
                ("telemetry.sdk.name", "nanospan"),
                ("telemetry.sdk.language", "rust"),
                ("telemetry.sdk.version", version),
                ("proof.run", run),
                ("proof.int", -(1 << 63)),
                ("proof.double", 0.1),
                ("proof.bool", True),
                ("proof.strings", ["", "ä"]),
                ("proof.bools", [True, False]),
                ("proof.ints", [-1, 0, (1 << 63) - 1]),
                ("proof.doubles", [-0.5]),
            ]
        )
    )


def scope(version):
    return InstrumentationScope(name="nanospan", version=version)


def elsewhere(seed):
    """Trace id and span id of a span of another process."""
    return struct.pack(">QQ", mixed(2 * seed + 1), mixed(3 * seed + 1)), struct.pack(">Q", mixed(5 * seed + 1))


def trace_state(family):
    return (
        "",
        "",
        f"proof={family},vendor=a b",
        ",".join(f"m{member}@proof={family:x}" for member in range(16)),
    )[family % 4]


def trace_flags(family):
    """Of a root those that its tracer gives it: sampled, and with a random trace id."""
    return 1 if family % 2 else 3


def begin_of(number, word):
    return BEGIN + 1000 * number + word % 1000


def pairs_of(number, word):
    """All attributes that are set but the two that say which span it is."""
    length = number % 4
    double = DOUBLES[number % 8]
    pairs = []
    if word & 1:
        pairs.append(("int", signed(word)))
    if word & 2:
        pairs += [("double", (signed(word) >> 16) / 4), ("double.special", double)]
    if word & 4:
        pairs += [("bool", bool(word >> 9 & 1)), ("literal", "GET")]
    if word & 8:
        pairs += [("text", f'{number} "quoted" \\ \n\t\x01\x7f ä 🔍 </script>'), ("text.empty", "")]
    if word & 16:
        pairs.append((f"key.{number % 100}", number))
    if word & 32:
        pairs.append(("texts", [f"{word:x}/{place}" for place in range(length)]))
        pairs.append(("bools", [bool(word >> bit & 1) for bit in (10, 11, 12)][:length]))
    if word & 64:
        pairs.append(("ints", [signed(word), -1, number][:length]))
        pairs.append(("doubles", [double, 0.5, float(number)][:length]))
    if word & 128:
        pairs.append(("twice", "the last value holds"))
    if number % 64 == 13:
        pairs.append(("long", "ö" * 1500))
    if number % 50 == 49:
        pairs += [(f"more.{place}", place) for place in range(30)]
    return pairs


def event(number, place, begin):
    own = f"event {place} of {number}"
    pairs = [("place", place), ("text", own), ("half", place / 2)][: place % 4]
    return {
        "time_unix_nano": begin + 7 * place,
        "name": own if place == 2 else "exception",
        "attributes": key_values(pairs[:EVENT_ATTRIBUTES_MAX]),
        "dropped_attributes_count": max(0, len(pairs) - EVENT_ATTRIBUTES_MAX),
    }


def link(number, place, got):
    pairs = [("place", place), ("over the limit", True)][: place % 3]
    if place == 0 and number % FAMILY:
        family = number // FAMILY
        trace_id, span_id = got.trace_id, got.links[0].span_id if got.links else b""
        state, flags = trace_state(family), trace_flags(family) | KNOWN
    else:
        trace_id, span_id = elsewhere(number + 7 * place)
        state, flags = f"link={number}" if place == 1 else "", 1 | KNOWN | REMOTE
    return {
        "trace_id": trace_id,
        "span_id": span_id,
        "trace_state": state,
        "attributes": key_values(pairs[:LINK_ATTRIBUTES_MAX]),
        "dropped_attributes_count": max(0, len(pairs) - LINK_ATTRIBUTES_MAX),
        "flags": flags,
    }


def status(number):
    if number % 3 == 0:
        return None
    if number % 3 == 1:
        return Status(code=Status.STATUS_CODE_OK)
    message = f"failed with {number:#x} ✗" if number % 2 else ""
    return Status(code=Status.STATUS_CODE_ERROR, message=message)


def expected_span(number, got):
    """The span with this number, with those ids of `got` that do not follow from it."""
    word = mixed(number)
    family, place = divmod(number, FAMILY)
    begin = begin_of(number, word)
    flags = trace_flags(family)
    trace_id, parent = got.trace_id, got.parent_span_id
    about_parent = KNOWN
    if family % 4:
        trace_id, caller = elsewhere(family)
        if place == 0:
            parent, about_parent = caller, KNOWN | REMOTE
    elif place == 0:
        parent, about_parent = b"", 0
    own = f"00-{trace_id.hex()}-{got.span_id.hex()}-{flags:02x}"
    pairs = pairs_of(number, word)
    events, links = EVENTS[number % 6], LINKS[number % 5]
    return Span(
        trace_id=trace_id,
        span_id=got.span_id,
        trace_state=trace_state(family),
        parent_span_id=parent,
        flags=flags | about_parent,
        name=NAMES[number % 5 - 1] if number % 5 else f"GET /item/{number}",
        kind=number % 5 + 1,
        start_time_unix_nano=begin,
        end_time_unix_nano=begin + (word >> 34),
        attributes=key_values(
            [("proof.number", number), ("proof.traceparent", own), *pairs[: ATTRIBUTES_MAX - 2]]
        ),
        dropped_attributes_count=max(0, len(pairs) + 2 - ATTRIBUTES_MAX),
        events=[event(number, place, begin) for place in range(min(events, EVENTS_MAX))],
        dropped_events_count=max(0, events - EVENTS_MAX),
        links=[link(number, place, got) for place in range(min(links, LINKS_MAX))],
        dropped_links_count=max(0, links - LINKS_MAX),
        status=status(number),
    )


class Ids:
    """Which spans have come, and whether their ids make families."""

    def __init__(self, spans):
        self.spans = spans
        self.seen = bytearray(spans)
        self.own = bytearray(24 * spans)
        self.parent = bytearray(8 * spans)
        self.link = bytearray(8 * spans)

    def note(self, number, span):
        """Keeps the ids of a span; says whether it is the first one with its number."""
        if self.seen[number]:
            return False
        self.seen[number] = 1
        self.own[24 * number : 24 * number + 24] = (span.trace_id + span.span_id).ljust(24, b"\0")[:24]
        self.parent[8 * number : 8 * number + 8] = span.parent_span_id.ljust(8, b"\0")[:8]
        if span.links:
            self.link[8 * number : 8 * number + 8] = span.links[0].span_id.ljust(8, b"\0")[:8]
        return True

    def problems(self):
        """What is missing, and which ids are not as they must be."""
        roots = set()
        own = set()
        for number in range(self.spans):
            if not self.seen[number]:
                yield f"span {number} is missing"
                continue
            trace_id, span_id = self.ids(number)
            if not any(span_id) or not any(trace_id):
                yield f"span {number} has an invalid id"
            own.add(trace_id + span_id)
            place = number % FAMILY
            first = number - place
            if place == 0:
                if number // FAMILY % 4 == 0:
                    roots.add(trace_id)
                continue
            parent = first + (place - 1) // 2
            above = bytes(self.parent[8 * number : 8 * number + 8])
            if self.seen[parent] and (trace_id, above) != self.ids(parent):
                yield f"span {number} is not below span {parent}"
            if LINKS[number % 5] and self.seen[first]:
                if bytes(self.link[8 * number : 8 * number + 8]) != self.ids(first)[1]:
                    yield f"span {number} is not linked to span {first}"
        if len(own) != sum(self.seen):
            yield f"{sum(self.seen)} spans have {len(own)} ids"
        expected = sum(self.seen[0 :: 4 * FAMILY])
        if len(roots) != expected:
            yield f"{expected} roots have {len(roots)} trace ids"

    def ids(self, number):
        own = bytes(self.own[24 * number : 24 * number + 24])
        return own[:16], own[16:]
