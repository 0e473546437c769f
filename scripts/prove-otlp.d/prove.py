"""Proves the export over OTLP behind a real collector.

    otlp_load ── gRPC, HTTP with protobuf or JSON ──▶ Rotel ── gRPC ──▶ this program

By each form of OTLP, with gzip and without, the example `otlp_load` records spans and sends them to Rotel,
which decodes them, gathers them anew and forwards them to this program. That decodes them with
OpenTelemetry's own packages and compares every span, with its resource and scope, to the one that
`content.py` makes of its number, as encoded messages: so a field that should not be there is a difference,
too. Nothing may be missing, come twice or be extra, and the tracer's own account must say that it exported
them all.

Then the example `otlp_metrics` sends metrics of every kind, and every one of them is compared with the one that
`metric_content.py` makes of its number; see `metrics.py`.

Then the example site asks itself under the standard variables alone, and the SERVER spans that arrive are
compared with what its client wrote down.

The exit code is 1 if anything is not as it must be.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import content
import metrics
import site_spans
from far_end import PATIENCE, Problem, Receiver, Rotel

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLES = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "release" / "examples"
PROTOCOLS = "grpc", "http/protobuf", "http/json"
COMPRESSIONS = "none", "gzip"
WINDOW = 32_768  # spans between two flushes; two windows are under way
SHOWN = 5  # differences that are worth reading


class Comparison:
    """What arrived, held against what must."""

    def __init__(self, spans, run, version):
        self.ids = content.Ids(spans)
        self.resource = content.resource(run, version).SerializeToString()
        self.scope = content.scope(version).SerializeToString()
        self.spans = spans
        self.arrived = self.equal = 0
        self.problems = []
        self.more_problems = 0

    def problem(self, text):
        if len(self.problems) < SHOWN:
            self.problems.append(text)
        else:
            self.more_problems += 1

    def take(self, request):
        for resource_spans in request.resource_spans:
            if resource_spans.resource.SerializeToString() != self.resource or resource_spans.schema_url:
                self.problem(f"another resource: {resource_spans.resource} {resource_spans.schema_url}")
            for scope_spans in resource_spans.scope_spans:
                if scope_spans.scope.SerializeToString() != self.scope or scope_spans.schema_url:
                    self.problem(f"another scope: {scope_spans.scope} {scope_spans.schema_url}")
                for span in scope_spans.spans:
                    self.compare(span)

    def compare(self, got):
        self.arrived += 1
        number = got.attributes[0].value.int_value if got.attributes else None
        if number is None or not 0 <= number < self.spans:
            return self.problem(f"a span that was not sent:\n{got}")
        if not self.ids.note(number, got):
            return self.problem(f"span {number} came twice")
        expected = content.expected_span(number, got)
        if got.SerializeToString() != expected.SerializeToString():
            return self.problem(f"span {number} is\n{got}and must be\n{expected}")
        self.equal += 1

    def end(self):
        for text in self.ids.problems():
            self.problem(text)


def prove(protocol, compression, args, version, directory):
    """One run; returns whether all is as it must be."""
    run = f"{protocol}, {compression}"
    comparison = Comparison(args.spans, run, version)
    receiver = Receiver()
    rotel = Rotel(receiver, directory / f"rotel-{protocol.replace('/', '-')}-{compression}.log")
    try:
        began = time.monotonic()
        account = send(protocol, compression, args, run, rotel, receiver, comparison)
        # Whatever Rotel still has comes before it ends, what should not come included.
        rotel.stop()
        took = time.monotonic() - began
        while (request := receiver.next(0)) is not None:
            comparison.take(request)
    finally:
        rotel.kill()
        receiver.stop()
    comparison.end()
    must_be = {"started": args.spans, "exported": args.spans, "dropped": 0, "live": 0, "buffered": 0}
    for name, value in must_be.items():
        if account.get(name) != value:
            comparison.problem(f"the tracer's account says {name} {account.get(name)}, not {value}")
    print(
        f"{protocol:<14}{compression:<6}{comparison.arrived:>9} spans{comparison.equal:>9} equal"
        f"{took:>8.1f} s{comparison.arrived / took:>9.0f} spans/s{account.get('requests', 0):>7} requests"
        f"{account.get('retries', 0):>3} again{account.get('bytes', 0) / 1e6:>9.1f} MB",
        flush=True,
    )
    for text in comparison.problems:
        print("  DIFFERENT: " + text.replace("\n", "\n    "))
    if comparison.more_problems:
        print(f"  ... and {comparison.more_problems} more")
    return not comparison.problems


def send(protocol, compression, args, run, rotel, receiver, comparison):
    """Runs the sender and compares what arrives; lets it go on when what it sent has arrived."""
    sender = subprocess.Popen(
        [EXAMPLES / "otlp_load", "--protocol", protocol, "--compression", compression]
        + ["--endpoint", rotel.endpoint(protocol), "--run", run]
        + ["--spans", str(args.spans), "--window", str(WINDOW), "--threads", str(args.threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=plain_environment(),
    )
    try:
        allowed = WINDOW
        quiet_since = time.monotonic()
        while comparison.arrived < args.spans:
            request = receiver.next(1)
            if request is not None:
                comparison.take(request)
                quiet_since = time.monotonic()
            while comparison.arrived >= allowed and sender.poll() is None:
                allow(sender)
                allowed += WINDOW
            failed = sender.poll() not in (None, 0)
            if failed or time.monotonic() - quiet_since > PATIENCE:
                comparison.problem("the sender failed" if failed else f"nothing came for {PATIENCE} s")
                break
        out, _ = sender.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise Problem(f"the sender did not end within {PATIENCE} s of its last span") from None
    finally:
        sender.kill()
        sender.wait()
    if sender.returncode != 0:
        comparison.problem(f"the sender ended with exit code {sender.returncode}")
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", out)}


def allow(sender):
    try:
        sender.stdin.write("\n")
        sender.stdin.flush()
    except BrokenPipeError:
        pass  # it has sent everything, and waits for nothing more


def plain_environment():
    """This one, without what would set the tracer up otherwise, or lead around Rotel."""
    ours = ("OTEL_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(ours)}


def library_version():
    manifest = (ROOT / "Cargo.toml").read_text()
    return re.search(r'^version = "([^"]+)"', manifest, re.MULTILINE)[1]


def main():
    about = argparse.ArgumentParser(prog="scripts/prove-otlp", description=__doc__.split("\n\n")[0])
    about.add_argument("--spans", type=int, default=1_000_000, help="spans of each run [1000000]")
    about.add_argument("--threads", type=int, default=4, help="threads that record [4]")
    about.add_argument("--requests", type=int, default=2_000, help="requests to the site by each form [2000]")
    about.add_argument("--metrics", type=int, default=2_000, help="metrics of each run, of 3 points each [2000]")
    only = "spans by this form, metrics, or the example site; may be given several times"
    about.add_argument("--only", action="append", choices=(*PROTOCOLS, "metrics", "site"), help=only)
    args = about.parse_args()
    if min(args.spans, args.threads, args.requests, args.metrics) < 1:
        about.error("--spans, --threads, --requests and --metrics must be at least 1")
    chosen = args.only or [*PROTOCOLS, "metrics", "site"]
    version = library_version()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="prove-otlp-"))
    began = time.monotonic()
    results = []
    try:
        for protocol in PROTOCOLS:
            for compression in COMPRESSIONS if protocol in chosen else ():
                results.append(prove(protocol, compression, args, version, directory))
        for protocol in PROTOCOLS if "metrics" in chosen else ():
            for compression in COMPRESSIONS:
                sender, environment = EXAMPLES / "otlp_metrics", plain_environment()
                results.append(
                    metrics.prove(sender, protocol, compression, args.metrics, environment, directory)
                )
        for protocol in PROTOCOLS if "site" in chosen else ():
            site, environment = EXAMPLES / "site", plain_environment()
            results.append(site_spans.prove(site, protocol, args.requests, environment, directory))
    except Problem as problem:
        print(f"prove-otlp: {problem}", file=sys.stderr)
        results.append(False)
    wrong = results.count(False)
    if wrong:
        verdict = f"{wrong} NOT as they must be (what Rotel said is in {directory})"
    else:
        verdict = "all as they must be"
        shutil.rmtree(directory)
    print(f"{len(results)} runs in {time.monotonic() - began:.0f} s, {verdict}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
