"""Whether the metrics that the example site sends about its tracer are, in the end, the tracer's own account.

The site prints `Tracer::stats()` after the shutdown. Every figure of it that it prints must be the value of the
point of `otel.sdk.…` that stands for it, as it came last; a figure that it leaves out is zero.

Most reasons to drop a span do not come up here, and their figures are zero on both sides, which says little. That each
is told by its own point is the matter of tests/metrics_account and src/metrics/account/tests.rs.
"""

import re

# What the site's account says, and which point of a metric stands for it: its name and the attribute that tells
# it from the others.
FIGURES = {
    "started, of which": ("otel.sdk.span.started", "RECORD_AND_SAMPLE"),
    "more were not sampled": ("otel.sdk.span.started", "DROP"),
    "live": ("otel.sdk.span.live", "RECORD_AND_SAMPLE"),
    "buffered": ("otel.sdk.processor.span.queue.size", ""),
    "exported": ("otel.sdk.exporter.span.exported", ""),
    "dropped for want of memory": ("otel.sdk.processor.span.processed", "overload"),
    "dropped by the shutdown": ("otel.sdk.processor.span.processed", "already_shutdown"),
    "dropped by the encoder": ("otel.sdk.processor.span.processed", "encoding"),
    "dropped because the queue was full": ("otel.sdk.processor.span.processed", "queue_full"),
    "dropped by a fork": ("otel.sdk.processor.span.processed", "forked"),
    "dropped at the exit of a thread": ("otel.sdk.processor.span.processed", "thread_exit"),
}
KINDS = {"grpc": "grpc", "http/protobuf": "http", "http/json": "http_json"}


def problems(requests, account, protocol):
    """What is not as the account has it, of the metrics in these requests."""
    points, resources = last_points(requests)
    if resources != {"shop proof"}:
        yield f"metrics of other resources: {resources}"
    printed = {text: figure(account, text) for text in FIGURES}
    for text in ("started, of which", "exported"):
        if printed[text] == 0:
            yield f"the account says nothing of spans that are {text}: nothing is compared"
    for text, key in FIGURES.items():
        if points.get(key) != printed[text]:
            yield f"{' '.join(key)} is {points.get(key)}; by the account {printed[text]} {text}"
    failed = figure(account, "dropped by the exporter")
    lost = [value for (name, told), value in points.items() if name == "otel.sdk.exporter.span.exported" and told]
    given_up = points.get(("otel.sdk.processor.span.processed", "shutdown_timeout"), 0)
    if sum(lost) + given_up != failed:
        yield f"the exporter lost {lost}, the shutdown gave {given_up} up; by the account {failed} were lost"
    handed = points.get(("otel.sdk.processor.span.processed", ""))
    if handed != printed["exported"] + sum(lost):
        yield f"{handed} spans were handed to the exporter, {printed['exported']} exported and {lost} lost"
    if points.get(("otel.sdk.exporter.span.inflight", "")) != 0:
        yield "spans are in flight at the end"
    kinds = components(requests)
    expected = {f"otlp_{KINDS[protocol]}_{signal}_exporter" for signal in ("span", "metric")}
    expected |= {"batching_span_processor", "periodic_metric_reader"}
    if kinds != expected:
        yield f"components are {sorted(kinds)}, not {sorted(expected)}"


def figure(account, text):
    """The number that the account has for this; what it does not print is zero."""
    found = re.search(rf"(\d+) {text}(?!\w)", account)
    return int(found[1]) if found else 0


def of_metrics(requests):
    for request in requests:
        for of_resource in request.resource_metrics:
            for of_scope in of_resource.scope_metrics:
                for metric in of_scope.metrics:
                    yield of_resource.resource, metric


def attributes_of(owner):
    return {pair.key: pair.value.string_value for pair in owner.attributes}


def components(requests):
    """All that metrics name as a component."""
    kinds = set()
    for _, metric in of_metrics(requests):
        for point in (*metric.sum.data_points, *metric.histogram.data_points):
            kinds.add(attributes_of(point).get("otel.component.type"))
    return kinds - {None}


def last_points(requests):
    """The last value of each point of the conventions' sums, and the resources that they are of."""
    points, times, resources = {}, {}, set()
    for resource, metric in of_metrics(requests):
        described = attributes_of(resource)
        resources.add(f"{described.get('service.name')} {described.get('deployment.environment.name')}")
        for point in metric.sum.data_points if metric.name.startswith("otel.sdk.") else ():
            attributes = attributes_of(point)
            told = attributes.get("error.type") or attributes.get("otel.span.sampling_result") or ""
            key = metric.name, told
            if point.time_unix_nano >= times.get(key, 0):
                points[key], times[key] = point.as_int, point.time_unix_nano
    return points, resources
