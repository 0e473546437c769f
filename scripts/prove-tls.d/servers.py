"""Servers that speak TLS and are not ours: nginx, and OpenSSL's own."""

import collections
import os
import re
import subprocess
import time

from far_end import PATIENCE, Problem, free_ports, listens

# What nginx writes of a request, between bars.
SEEN = "$server_port $ssl_protocol $server_protocol $ssl_client_verify $ssl_client_s_dn $status $uri $content_type"
Request = collections.namedtuple("Request", "port version http verified subject status path content")
# What OpenSSL's server says of a handshake.
Handshake = collections.namedtuple("Handshake", "version offered chosen subject said")

CONFIGURATION = """\
{user}daemon off;
pid nginx.pid;
error_log error.log info;
worker_processes 1;
events {{}}
http {{
    log_format seen '{seen}';
    access_log access.log seen;
    client_max_body_size 64m;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
{servers}}}
"""
SERVER = """\
    server {{
        listen 127.0.0.1:{port} ssl{http2};
        server_name localhost;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols {version};
{clients}        location /v1/ {{ proxy_pass http://127.0.0.1:{http}; }}
        location /opentelemetry. {{ grpc_pass grpc://127.0.0.1:{grpc}; }}
    }}
"""
CLIENTS = """\
        ssl_verify_client on;
        ssl_client_certificate {authority};
"""


class Site:
    """One of nginx's servers: which version of TLS it speaks, whether HTTP/2, with what it shows itself, and
    the authority of those who may come, if not everybody."""

    def __init__(self, name, version, identity, http2=True, clients=None):
        self.name, self.version, self.identity = name, version, identity
        self.http2, self.clients = http2, clients
        self.port = None

    def configuration(self, rotel):
        clients = CLIENTS.format(authority=self.clients.certificate) if self.clients else ""
        certificate, key = self.identity
        return SERVER.format(
            port=self.port, http2=" http2" if self.http2 else "", certificate=certificate, key=key,
            version=self.version, clients=clients, http=rotel.http, grpc=rotel.grpc,
        )


class Nginx:
    """Ends TLS in front of Rotel."""

    def __init__(self, sites, rotel, directory):
        self.directory = directory
        self.read = 0
        for site, port in zip(sites, free_ports(len(sites))):
            site.port = port
        configuration = CONFIGURATION.format(
            # Only one that is root's may say so, and only that one has to: the directory is ours alone.
            user="user root;\n" if os.geteuid() == 0 else "",
            seen="|".join(SEEN.split()),
            servers="".join(site.configuration(rotel) for site in sites),
        )
        (directory / "nginx.conf").write_text(configuration)
        with open(directory / "nginx.log", "wb") as log:
            command = ["nginx", "-p", directory, "-e", "error.log", "-c", directory / "nginx.conf"]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE
        while not all(listens(site.port) for site in sites):
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise Problem(f"nginx does not listen; see {directory}")
            time.sleep(0.02)

    def seen(self):
        """The requests since this was asked last. A request is written down when it has been answered, which
        may be a moment after the answer has arrived."""
        time.sleep(0.1)
        lines = (self.directory / "access.log").read_text().splitlines()
        new, self.read = lines[self.read :], len(lines)
        return [Request(*line.split("|")) for line in new]

    def stop(self):
        self.process.terminate()
        self.process.wait()


class OpenSsl:
    """`openssl s_server`, which says what it sees of a handshake, and never answers what comes inside."""

    def __init__(self, identity, flags, clients=None):
        (self.port,) = free_ports(1)
        certificate, key = identity
        command = ["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", "-cert", certificate, "-key", key]
        command += ["-alpn", "h2,http/1.1", *flags]
        if clients:
            command += ["-Verify", "1", "-verify_return_error", "-CAfile", clients.certificate]
        # Its input is kept open: with it, a connection would end.
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.said = b""
        while b"ACCEPT" not in self.said:
            line = self.process.stdout.readline()
            if not line:
                raise Problem(f"openssl s_server: {self.said.decode()}")
            self.said += line

    def seen(self):
        """What it has seen when it is over: version, what was offered for the protocol inside and what it
        chose, and whose certificate it has verified; and all that it said."""
        self.process.terminate()
        said = (self.said + self.process.communicate(timeout=PATIENCE)[0]).decode(errors="replace")

        def one(pattern, text=said):
            found = re.search(pattern, text, re.MULTILINE)
            return found[1] if found else "-"

        session = re.search(r"-----BEGIN SSL SESSION.*?END SSL SESSION PARAMETERS-----", said, re.DOTALL)
        command = ["openssl", "sess_id", "-noout", "-text"]
        text = subprocess.run(command, input=session[0], capture_output=True, text=True).stdout if session else ""
        return Handshake(
            version=one(r"^ *Protocol *: (\S+)", text),
            offered=one(r"^ALPN protocols advertised by the client: (.*)$"),
            chosen=one(r"^ALPN protocols selected: (.*)$"),
            subject=one(r"^depth=0 (.*)\nverify return:1$"),
            said=said,
        )
