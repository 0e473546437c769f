"""The near end: the example `otlp_load`, and what must come of what it sends."""

import os
import pathlib
import re
import subprocess
import time

import content
from far_end import PATIENCE, Problem

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLES = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "release" / "examples"
PROTOCOLS = "grpc", "http/protobuf", "http/json"
WINDOW = 32_768  # spans between two flushes; two windows are under way
SHOWN = 5  # differences that are worth reading


def build(*examples):
    """Builds the examples as they are released."""
    named = [argument for example in examples for argument in ("--example", example)]
    command = ["cargo", "build", "--release", "--locked", "--features", "otlp-grpc,otlp-http", *named]
    if subprocess.run(command, cwd=ROOT).returncode:
        raise Problem("the examples cannot be built")


class Comparison:
    """What arrived, held against what must."""

    def __init__(self, spans, run, version):
        self.run = run
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

    def end(self, account):
        """Holds the tracer's account against what arrived: nothing comes after this."""
        for text in self.ids.problems():
            self.problem(text)
        must_be = {"started": self.spans, "exported": self.spans, "dropped": 0, "live": 0, "buffered": 0}
        for name, value in must_be.items():
            if account.get(name) != value:
                self.problem(f"the tracer's account says {name} {account.get(name)}, not {value}")

    def is_clean(self):
        """Prints the differences; returns whether there are none."""
        for text in self.problems:
            print("  DIFFERENT: " + text.replace("\n", "\n    "))
        if self.more_problems:
            print(f"  ... and {self.more_problems} more")
        return not self.problems


def send(flags, environment, receiver, comparison):
    """Runs the sender and compares what arrives; lets it go on when what it sent has arrived. Returns the
    tracer's account."""
    sender = subprocess.Popen(
        [EXAMPLES / "otlp_load", *flags, "--run", comparison.run]
        + ["--spans", str(comparison.spans), "--window", str(WINDOW)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        allowed = WINDOW
        quiet_since = time.monotonic()
        while comparison.arrived < comparison.spans:
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
    return account_in(out)


def account_in(out):
    """The account that the sender prints."""
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
