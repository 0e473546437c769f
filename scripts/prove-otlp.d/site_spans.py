"""Whether the spans of the example site are seen at the far end, with nothing said but by the standard
variables.

The site asks itself, and its client writes down what it sent and what it was told. For every request whose
caller wanted it recorded there must be one SERVER span: with the ids that the client was told, below the
span that it sent, with method, path, query, trace state and status, and with as many spans right below it
as the site said. All others must be below one of these, or roots that process orders; and all must be as
many as the site's own account says.
"""

import collections
import json
import re
import subprocess
import time

import site_metrics
from far_end import PATIENCE, JsonReceiver, Problem, Receiver, Rotel
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
REMOTE = 0x300  # OTLP's SpanFlags: it is known that the parent is in another process
SHOWN = 5


def prove(site, protocol, requests, environment, directory):
    """One run; returns whether all is as it must be."""
    log = directory / "client.jsonl"
    receiver = Receiver()
    rotel = Rotel(receiver, directory / f"rotel-site-{protocol.replace('/', '-')}.log")
    # This Rotel cannot pass metrics in JSON on; see `metrics.py`.
    direct = JsonReceiver() if protocol == "http/json" else None
    variables = {
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=proof",
        "OTEL_EXPORTER_OTLP_ENDPOINT": rotel.endpoint(protocol),
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    if direct:
        variables["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"] = f"{direct.endpoint(protocol)}/v1/metrics"
    try:
        began = time.monotonic()
        out = run(site, requests, log, environment | variables)
        rotel.stop()
        took = time.monotonic() - began
        batches = []
        while (request := receiver.next(0)) is not None:
            batches += request.resource_spans
        measured = []
        while (request := (direct or receiver).next_metrics(0)) is not None:
            measured.append(request)
    finally:
        rotel.kill()
        receiver.stop()
        if direct:
            direct.stop()
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    spans = [span for batch in batches for part in batch.scope_spans for span in part.spans]
    found = list(problems(entries, spans))
    found += [f"another resource: {name}" for name in sorted(set(map(described, batches)) - {"shop proof"})]
    exported = re.search(r"(\d+) exported", out)
    if not exported or int(exported[1]) != len(spans):
        found.append(f"{len(spans)} spans have come; the site's account: {out}")
    found += site_metrics.problems(measured, out, protocol)
    verdict = "equal" if not found else f"{len(found)} DIFFERENCES"
    counts = f"{len(entries):>6} requests{len(spans):>8} spans{len(measured):>3} x metrics{took:>8.1f} s"
    print(f"site, {protocol:<14}{counts}  {verdict}", flush=True)
    for text in found[:SHOWN]:
        print(f"  DIFFERENT: {text}")
    return not found


def run(site, requests, log, environment):
    """Has the site ask itself; returns what it printed."""
    command = [site, "--self-load", str(requests), "--log", log]
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise Problem(f"the site did not end within {PATIENCE} s") from None
    if done.returncode != 0:
        raise Problem(f"the site ended with exit code {done.returncode}; it printed {done.stdout!r}")
    return done.stdout


def described(batch):
    attributes = {pair.key: pair.value.string_value for pair in batch.resource.attributes}
    return f"{attributes.get('service.name')} {attributes.get('deployment.environment.name')}"


def problems(entries, spans):
    """What is not as the client's log has it."""
    by_id = {(span.trace_id, span.span_id): span for span in spans}
    if len(by_id) != len(spans):
        yield f"{len(spans)} spans have {len(by_id)} ids"
    below = collections.Counter()
    for span in spans:
        if span.kind == Span.SPAN_KIND_SERVER:
            continue
        parent = span.trace_id, span.parent_span_id
        if parent in by_id:
            below[parent] += 1
        elif span.parent_span_id or span.name != "process orders":
            yield f"a span without its parent:\n{span}"
    expected = set()
    for entry in entries:
        sent = TRACEPARENT.fullmatch(entry["traceparent"] or "")
        told = TRACEPARENT.fullmatch(entry["traceresponse"] or "")
        if not told or (sent and (sent[1] != told[1] or (int(sent[3], 16) ^ int(told[3], 16)) & 1)):
            yield f"an answer in another trace, or in none: {entry}"
            continue
        if not int(told[3], 16) & 1:
            continue
        key = bytes.fromhex(told[1]), bytes.fromhex(told[2])
        expected.add(key)
        span = by_id.get(key)
        if span is None:
            yield f"no span for {entry}"
        elif of_span(span, below[key]) != of_entry(entry, sent):
            yield f"{of_span(span, below[key])} for {of_entry(entry, sent)}"
    extra = {key for key, span in by_id.items() if span.kind == Span.SPAN_KIND_SERVER} - expected
    if extra:
        yield f"{len(extra)} spans of requests that nobody made, or wanted recorded"


def of_entry(entry, sent):
    """What the client knows of its request."""
    return {
        "method": entry["method"],
        "path": entry["path"],
        "status": entry["status"],
        "failed": entry["status"] >= 500,
        "parent": sent[2] if sent else "",
        "remote": bool(sent),
        "state": entry["tracestate"] or "" if sent else "",
        "below": entry["spans"],
    }


def of_span(span, below):
    """The same, as the span says it."""
    attributes = {pair.key: pair.value for pair in span.attributes}

    def text(key):
        return attributes[key].string_value if key in attributes else ""

    query = f"?{text('url.query')}" if "url.query" in attributes else ""
    status = attributes.get("http.response.status_code")
    return {
        "method": text("http.request.method"),
        "path": text("url.path") + query,
        "status": status.int_value if status else None,
        "failed": span.status.code == Status.STATUS_CODE_ERROR,
        "parent": span.parent_span_id.hex(),
        "remote": span.flags & REMOTE == REMOTE,
        "state": span.trace_state,
        "below": below,
    }
