"""Proves the export over TLS against servers that are not ours, by what these say that they saw.

    otlp_load ── TLS: gRPC, HTTP with protobuf or JSON ──▶ nginx ──▶ Rotel ──▶ this program
    otlp_load ── TLS ──▶ openssl s_server

By each form of OTLP and each version of TLS, with the server's certificate alone and with both, the example
`otlp_load` sends spans through nginx to a collector, and each of them is compared with what it must be, as
scripts/prove-otlp does. Then servers with certificates that must not be trusted are met, and clients without
one meet servers that ask for it: no span may arrive, and the error must say why and the account how many
were lost. OpenSSL's server says how the handshakes went. All that the sender is told, it is told by the
standard variables. The certificates are made with the openssl command, for this one run.

The exit code is 1 if anything is not as it must be.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "prove-otlp.d"))

from certificates import EXPIRED, Authority
from far_end import PATIENCE, Problem, Receiver, Rotel
from near_end import (
    EXAMPLES,
    PROTOCOLS,
    Comparison,
    account_in,
    build,
    library_version,
    plain_environment,
    send,
)
from servers import Nginx, OpenSsl, Site

CONTENT = {"grpc": "application/grpc", "http/protobuf": "application/x-protobuf", "http/json": "application/json"}
PATH = {"grpc": "/opentelemetry.proto.collector.trace.v1.TraceService/Export"}
LOST = 8  # spans that are sent to be lost


class World:
    """Who vouches for whom."""

    def __init__(self, directory):
        self.servers = Authority(directory, "servers")
        self.clients = Authority(directory, "clients")
        self.unknown = Authority(directory, "unknown")
        self.localhost = self.servers.server("localhost")
        self.shop = self.clients.client("shop")
        self.stranger = self.unknown.client("stranger")

    def variables(self, protocol, port, client=None):
        """What the sender's environment says, with this certificate and key of its own."""
        said = {
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"https://localhost:{port}",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": str(self.servers.certificate),
        }
        if client:
            said["OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"], said["OTEL_EXPORTER_OTLP_CLIENT_KEY"] = map(str, client)
        return plain_environment() | said


class Table:
    """What was tried, what the server saw, and whether that is as it must be."""

    def __init__(self):
        self.rows = self.wrong = 0

    def row(self, protocol, tried, saw, problems):
        verdict = "as it must be" if not problems else "DIFFERENT"
        print(f"{protocol:<14}{tried:<49}{saw:<71}{verdict}", flush=True)
        for problem in problems:
            print(f"  DIFFERENT: {problem}")
        self.rows += 1
        self.wrong += bool(problems)


def differences(what, seen, must_be):
    return [] if seen == must_be else [f"{what}: {seen!r}, and must be {must_be!r}"]


def delivered(table, site, protocol, args, world, nginx, receiver):
    """Spans that go through nginx, and arrive."""
    comparison = Comparison(args.spans, f"{site.name}, {protocol}", library_version())
    client = world.shop if site.clients else None
    account = send([], world.variables(protocol, site.port, client), receiver, comparison)
    comparison.end(account)
    seen = nginx.seen()
    problems = [] if comparison.is_clean() else ["what arrived"]
    problems += differences("requests", len(seen), account.get("requests"))
    must_be = {
        "port": str(site.port),
        "version": site.version,
        "http": "HTTP/2.0" if site.http2 else "HTTP/1.1",
        "verified": "SUCCESS" if site.clients else "NONE",
        "subject": "CN=shop" if site.clients else "-",
        "status": "200",
        "path": PATH.get(protocol, "/v1/traces"),
        "content": CONTENT[protocol],
    }
    for name, value in must_be.items():
        for request in seen:
            problems += differences(name, getattr(request, name), value)
    first = seen[0] if seen else None
    saw = f"{first.version} {first.http}, client {first.verified} {first.subject}, " if first else ""
    table.row(protocol, f"nginx, {site.name}", f"{saw}{comparison.equal} spans equal", sorted(set(problems)))


def lose(environment, expected, is_final=False):
    """Sends spans that must be lost, at the first attempt if that is final; returns what is wrong with what is
    told of it, and the error."""
    command = [EXAMPLES / "otlp_load", "--spans", str(LOST)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL
    )
    account = account_in(done.stdout)
    error = next((line for line in done.stderr.splitlines() if line.startswith("otlp_load: ")), "no error")
    problems = [] if re.search(expected, error) else [f"the error is {error!r}, and must say {expected!r}"]
    problems += differences("exported", account.get("exported"), 0)
    problems += differences("dropped", account.get("dropped"), LOST)
    problems += differences("exit code", done.returncode, 1)
    if is_final:
        problems += differences("retries", account.get("retries"), 0)
    if f"{LOST} spans" not in error:
        problems.append(f"the error does not say how many spans were lost: {error}")
    return problems, error


def refused(table, site, protocol, what, world, nginx, expected, client=None, status=None):
    """Spans that do not get through nginx: it sees no request, or refuses those that it sees."""
    problems, error = lose(world.variables(protocol, site.port, client), expected, is_final=True)
    seen = nginx.seen()
    problems += differences("statuses", {request.status for request in seen}, {status} - {None})
    reason = re.search(expected, error)
    saw = f"{f'status {status}' if status else 'no request'}; the error: {reason[0] if reason else error}"
    table.row(protocol, f"nginx, {what}", saw, problems)


def handshake(table, version, flag, protocol, world):
    """What OpenSSL's server says of a handshake. It does not answer what comes after it."""
    server = OpenSsl(world.localhost, [flag], world.clients)
    environment = world.variables(protocol, server.port, world.shop) | {"OTEL_EXPORTER_OTLP_TIMEOUT": "500"}
    problems, _ = lose(environment, "deadline")
    seen = server.seen()
    problems += differences("version", seen.version, version)
    problems += differences("offered", seen.offered, "h2" if protocol == "grpc" else "h2, http/1.1")
    problems += differences("chosen", seen.chosen, "h2")
    problems += differences("subject", seen.subject, "CN = shop")
    saw = f"{seen.version}, {seen.chosen} of {seen.offered}, client {seen.subject}"
    table.row(protocol, f"openssl s_server, {version}, mutual", saw, problems)


def no_handshake(table, what, flags, protocol, world, complaint, expected, clients=None):
    """A handshake that comes to nothing, by what OpenSSL's server complains of and the sender's error."""
    server = OpenSsl(world.localhost, flags, clients)
    environment = world.variables(protocol, server.port) | {"OTEL_EXPORTER_OTLP_TIMEOUT": "500"}
    problems, error = lose(environment, expected)
    seen = server.seen()
    if complaint not in seen.said:
        problems.append(f"the server said nothing of {complaint!r}: {seen.said!r}")
    reason = re.search(expected, error)
    table.row(protocol, f"openssl s_server, {what}", f"{complaint}; {reason[0] if reason else error}", problems)


def prove(args, directory):
    """All of it; returns the table."""
    world, table = World(directory), Table()
    good, mutual = world.localhost, {"clients": world.clients}
    sites = [
        Site("TLS 1.2", "TLSv1.2", good),
        Site("TLS 1.3", "TLSv1.3", good),
        Site("TLS 1.2, mutual", "TLSv1.2", good, **mutual),
        Site("TLS 1.3, mutual", "TLSv1.3", good, **mutual),
        Site("TLS 1.3, HTTP/1.1", "TLSv1.3", good, http2=False),
        Site("TLS 1.3, HTTP/1.1, mutual", "TLSv1.3", good, http2=False, **mutual),
    ]
    untrusted = [
        (Site("unknown authority", "TLSv1.3", world.unknown.server("localhost")), "UnknownIssuer"),
        (Site("certificate of another name", "TLSv1.3", world.servers.server("elsewhere")), "not valid for name"),
        (Site("expired certificate", "TLSv1.3", world.servers.server("localhost", EXPIRED)), "expired"),
    ]
    receiver = Receiver()
    rotel = Rotel(receiver, directory / "rotel.log")
    try:
        nginx = Nginx(sites + [site for site, _ in untrusted], rotel, directory)
        try:
            for site in sites:
                for protocol in PROTOCOLS if site.http2 else PROTOCOLS[1:]:
                    delivered(table, site, protocol, args, world, nginx, receiver)
            for site, expected in untrusted:
                for protocol in PROTOCOLS:
                    refused(table, site, protocol, site.name, world, nginx, expected)
            for site in sites[2:4]:
                for protocol in PROTOCOLS:
                    for what, client in ("client without certificate", None), ("stranger", world.stranger):
                        what = f"{site.version}, {what}"
                        refused(table, site, protocol, what, world, nginx, "400 Bad Request", client, status="400")
        finally:
            nginx.stop()
        rotel.stop()
    finally:
        rotel.kill()
        receiver.stop()
    if receiver.next(0) is not None:
        table.row("", "after the end", "spans", ["spans have come that were refused, or came twice"])
    for version, flag in ("TLSv1.2", "-tls1_2"), ("TLSv1.3", "-tls1_3"):
        for protocol in PROTOCOLS:
            handshake(table, version, flag, protocol, world)
            what, complaint = f"{version}, no client certificate", "peer did not return a certificate"
            # With TLS 1.3 the client learns it behind its request, and at times only that the connection is gone.
            expected = r"fatal alert: \w+" if version == "TLSv1.2" else r"fatal alert: \w+|Connection reset|Broken pipe"
            no_handshake(table, what, [flag], protocol, world, complaint, expected, world.clients)
    old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]
    for protocol in PROTOCOLS:
        no_handshake(table, "TLSv1.1", old, protocol, world, "unsupported protocol", r"fatal alert: \w+")
    return table


def main():
    about = argparse.ArgumentParser(prog="scripts/prove-tls", description=__doc__.split("\n\n")[0])
    about.add_argument("--spans", type=int, default=2_000, help="spans of each run that must arrive [2000]")
    args = about.parse_args()
    if args.spans < 1:
        about.error("--spans must be at least 1")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="prove-tls-"))
    began = time.monotonic()
    try:
        build("otlp_load")
        table = prove(args, directory)
    except Problem as problem:
        sys.exit(f"prove-tls: {problem} (in {directory})")
    if table.wrong:
        verdict = f"{table.wrong} NOT as they must be (what the servers said is in {directory})"
    else:
        verdict = "all as they must be"
        shutil.rmtree(directory)
    print(f"{table.rows} runs in {time.monotonic() - began:.0f} s, {verdict}")
    sys.exit(1 if table.wrong else 0)


if __name__ == "__main__":
    main()
