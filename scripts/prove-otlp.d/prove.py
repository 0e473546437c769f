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

Then the example site asks itself under the standard variables alone. The SERVER spans that arrive are compared with
what its client wrote down, and the metrics about its tracer with the account that it prints.

The exit code is 1 if anything is not as it must be.
"""

import argparse
import pathlib
import shutil
import sys
import tempfile
import time

import metrics
import site_spans
from far_end import Problem, Receiver, Rotel
from near_end import EXAMPLES, PROTOCOLS, Comparison, build, library_version, plain_environment, send

COMPRESSIONS = "none", "gzip"


def prove(protocol, compression, args, version, directory):
    """One run; returns whether all is as it must be."""
    run = f"{protocol}, {compression}"
    comparison = Comparison(args.spans, run, version)
    receiver = Receiver()
    rotel = Rotel(receiver, directory / f"rotel-{protocol.replace('/', '-')}-{compression}.log")
    try:
        began = time.monotonic()
        flags = ["--protocol", protocol, "--compression", compression, "--endpoint", rotel.endpoint(protocol)]
        flags += ["--threads", str(args.threads)]
        account = send(flags, plain_environment(), receiver, comparison)
        # Whatever Rotel still has comes before it ends, what should not come included.
        rotel.stop()
        took = time.monotonic() - began
        while (request := receiver.next(0)) is not None:
            comparison.take(request)
    finally:
        rotel.kill()
        receiver.stop()
    comparison.end(account)
    print(
        f"{protocol:<14}{compression:<6}{comparison.arrived:>9} spans{comparison.equal:>9} equal"
        f"{took:>8.1f} s{comparison.arrived / took:>9.0f} spans/s{account.get('requests', 0):>7} requests"
        f"{account.get('retries', 0):>3} again{account.get('bytes', 0) / 1e6:>9.1f} MB",
        flush=True,
    )
    return comparison.is_clean()


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
    try:
        build("otlp_load", "otlp_metrics", "site")
    except Problem as problem:
        sys.exit(f"prove-otlp: {problem}")
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
                results += metrics.prove(sender, protocol, compression, args.metrics, environment, directory)
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
