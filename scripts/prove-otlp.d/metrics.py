"""Metrics, by each form of OTLP: the example `otlp_metrics` sends them, and every one that arrives is compared,
with its resource and scope, to the one that `metric_content.py` makes of its number.

They go through Rotel. In JSON that is gauges and sums of plain floats without exemplars: this Rotel does not read 64-bit
integers that are strings, which ProtoJSON has them be, nor exemplars, and passes such metrics on without their data;
nor does it read a float that is not finite. So in JSON metrics of all kinds go to OpenTelemetry's own packages directly.
"""

import re
import subprocess
import time

import metric_content
from far_end import PATIENCE, JsonReceiver, Receiver, Rotel

SHOWN = 5  # differences that are worth reading


def prove(example, protocol, compression, metrics, environment, directory):
    """The runs by this form; returns whether all is as it must be, of each."""
    ways = ("direct", "doubles") if protocol == "http/json" else ("all",)
    return [prove_way(way, example, protocol, compression, metrics, environment, directory) for way in ways]


def prove_way(way, example, protocol, compression, metrics, environment, directory):
    """One run; returns whether all is as it must be."""
    run = f"metrics, {protocol}, {compression}, {way}"
    log = directory / f"rotel-metrics-{protocol.replace('/', '-')}-{compression}.log"
    is_direct, doubles = way == "direct", way == "doubles"
    receiver = JsonReceiver() if is_direct else Receiver()
    rotel = None if is_direct else Rotel(receiver, log)
    problems = []
    began = time.monotonic()
    try:
        endpoint = (rotel or receiver).endpoint(protocol)
        command = [example, protocol, compression, endpoint, str(metrics), run]
        command += ["doubles"] if doubles else []
        sender = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, timeout=PATIENCE, env=environment, check=False
        )
        if sender.returncode:
            problems.append(f"the sender ended with exit code {sender.returncode}")
        # Whatever Rotel still has comes before it ends, what should not come included.
        if rotel:
            rotel.stop()
        took = time.monotonic() - began
        requests = []
        while (request := receiver.next_metrics(0)) is not None:
            requests.append(request)
    finally:
        if rotel:
            rotel.kill()
        receiver.stop()
    seen, equal = compare(requests, run, metrics, doubles, problems)
    account = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", sender.stdout)}
    points = metrics * metric_content.POINTS
    if account.get("points") != points:
        problems.append(f"the exporter's account says {account.get('points')} points, not {points}")
    print(
        f"{protocol:<14}{compression:<6}{way:<8}{len(seen):>7} metrics{equal:>7} equal{took:>8.1f} s"
        f"{account.get('requests', 0):>7} requests{account.get('retries', 0):>3} again"
        f"{account.get('bytes', 0) / 1e6:>9.1f} MB",
        flush=True,
    )
    for text in problems[:SHOWN]:
        print("  DIFFERENT: " + text.replace("\n", "\n    "))
    if len(problems) > SHOWN:
        print(f"  ... and {len(problems) - SHOWN} more")
    return not problems


def compare(requests, run, metrics, doubles, problems):
    """Holds what arrived against what must; returns which metrics came, and how many of them are equal."""
    seen, equal = set(), 0
    resource = metric_content.resource(run).SerializeToString()
    scopes = {scope.name: scope.SerializeToString() for scope in map(metric_content.scope, range(2))}
    of_all = (of_resource for request in requests for of_resource in request.resource_metrics)
    for of_resource in of_all:
        got = of_resource.resource.SerializeToString(), of_resource.schema_url
        if got != (resource, metric_content.RESOURCE_SCHEMA):
            problems.append(f"another resource: {of_resource.resource} {of_resource.schema_url}")
        for of_scope in of_resource.scope_metrics:
            got = of_scope.scope.SerializeToString(), of_scope.schema_url
            if got != (scopes.get(of_scope.scope.name), metric_content.SCOPE_SCHEMA):
                problems.append(f"another scope: {of_scope.scope} {of_scope.schema_url}")
            for metric in of_scope.metrics:
                name = re.fullmatch(r"proof\.metric\.(\d+)", metric.name)
                number = int(name[1]) if name else metrics
                if number >= metrics or of_scope.scope.name != f"proof.{number % 2}":
                    problems.append(f"a metric that was not sent:\n{metric}")
                    continue
                if number in seen:
                    problems.append(f"metric {number} came twice")
                seen.add(number)
                expected = metric_content.expected_metric(number, doubles)
                if metric.SerializeToString() == expected.SerializeToString():
                    equal += 1
                else:
                    problems.append(f"metric {number} is\n{metric}and must be\n{expected}")
    problems.extend(f"metric {number} is missing" for number in range(metrics) if number not in seen)
    return seen, equal
