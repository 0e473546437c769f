"""The far end: Rotel, and the receiver that it forwards to."""

import base64
import concurrent.futures
import gzip
import http.server
import json
import os
import pathlib
import queue
import signal
import socket
import subprocess
import sysconfig
import threading
import time

import grpc
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PATIENCE = 60  # seconds; nothing here takes as long unless it hangs
TRACES = "opentelemetry.proto.collector.trace.v1.TraceService"
METRICS = "opentelemetry.proto.collector.metrics.v1.MetricsService"


class Problem(Exception):
    """What keeps the proof from going on."""


class Receiver:
    """Takes what Rotel sends by gRPC, and keeps it as it comes: who compares it does so in peace."""

    def __init__(self):
        self.traces = queue.SimpleQueue()
        self.metrics = queue.SimpleQueue()
        self.server = grpc.server(
            concurrent.futures.ThreadPoolExecutor(max_workers=2),
            options=[("grpc.max_receive_message_length", -1)],
        )
        for service, requests in (TRACES, self.traces), (METRICS, self.metrics):
            export = grpc.unary_unary_rpc_method_handler(taker(requests))
            handler = grpc.method_handlers_generic_handler(service, {"Export": export})
            self.server.add_generic_rpc_handlers([handler])
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def next(self, seconds):
        """The next request with spans, decoded, or None if none comes."""
        return next_of(self.traces, ExportTraceServiceRequest, seconds)

    def next_metrics(self, seconds):
        """The next request with metrics, decoded, or None if none comes."""
        return next_of(self.metrics, ExportMetricsServiceRequest, seconds)

    def stop(self):
        self.server.stop(grace=None).wait()


def taker(requests):
    """Puts each request there, not decoded yet; the answer is an empty message, which says that all was taken."""

    def take(request, _context):
        requests.put(request)
        return b""

    return take


class JsonReceiver:
    """Takes metrics by HTTP with JSON, and decodes them with OpenTelemetry's own packages.

    Those read ProtoJSON, in which bytes are in Base64. OTLP has ids in hexadecimal instead; that is all that is
    changed before.
    """

    def __init__(self):
        self.requests = requests = queue.SimpleQueue()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                is_right = (self.path, self.headers["Content-Type"]) == ("/v1/metrics", "application/json")
                if is_right:
                    requests.put(body)
                self.send_response(200 if is_right else 400)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def endpoint(self, _protocol):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def next_metrics(self, seconds):
        """The next request, decoded, or None if none comes. A field that is not known is an error."""
        try:
            text = self.requests.get(timeout=seconds)
        except queue.Empty:
            return None
        message = json.loads(text, object_hook=with_base64)
        return json_format.ParseDict(message, ExportMetricsServiceRequest())

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def with_base64(fields):
    ids = {name: fields[name] for name in ("traceId", "spanId") if name in fields}
    return fields | {name: base64.b64encode(bytes.fromhex(value)).decode() for name, value in ids.items()}


def next_of(requests, message, seconds):
    try:
        return message.FromString(requests.get(timeout=seconds))
    except queue.Empty:
        return None


class Rotel:
    """A collector that takes all three forms of OTLP and forwards to a receiver.

    It acknowledges before it forwards: what a sender is told says nothing about the far end.
    """

    def __init__(self, receiver, log):
        self.log = log
        self.grpc, self.http = free_ports(2)
        binary = pathlib.Path(sysconfig.get_path("purelib"), "rotel", "rotel-agent")
        # Its own variables would set it up otherwise.
        own = {name: value for name, value in os.environ.items() if not name.startswith("ROTEL_")}
        command = [binary, "start", "--pid-file", log.with_suffix(".pid")]
        command += ["--otlp-grpc-endpoint", f"127.0.0.1:{self.grpc}"]
        command += ["--otlp-http-endpoint", f"127.0.0.1:{self.http}"]
        command += ["--exporter", "otlp", "--otlp-exporter-protocol", "grpc"]
        command += ["--otlp-exporter-endpoint", f"http://127.0.0.1:{receiver.port}"]
        # A request that it took for lost and sent again would look like spans that came twice.
        command += ["--otlp-exporter-request-timeout", "60s", "--otlp-exporter-compression", "none"]
        # By time alone, not by size: a request that it divides between two batches goes on without its
        # resource in the first of them.
        command += ["--batch-timeout", "100ms", "--batch-max-size", "1000000"]
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=own
            )
        until = time.monotonic() + PATIENCE
        for port in self.grpc, self.http:
            while not listens(port):
                if self.process.poll() is not None or time.monotonic() > until:
                    self.kill()
                    raise Problem(f"Rotel does not listen on port {port}; see {log}")
                time.sleep(0.02)

    def endpoint(self, protocol):
        return f"http://127.0.0.1:{self.grpc if protocol == 'grpc' else self.http}"

    def stop(self):
        """Has Rotel forward what it still has, and end: nothing comes after that."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Problem(f"Rotel did not end within {PATIENCE} s; see {self.log}") from None

    def kill(self):
        self.process.kill()
        self.process.wait()


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for listener in sockets:
        listener.bind(("127.0.0.1", 0))
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
