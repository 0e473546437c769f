"""Authorities and what they certify, made with the openssl command for one run."""

import subprocess

CONFIGURATION = """\
[ca]
default_ca = proof
[proof]
database = {name}.index
rand_serial = yes
new_certs_dir = .
policy = any
default_md = sha256
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""
VALID = "-days", "2"
EXPIRED = "-startdate", "20240101000000Z", "-enddate", "20240201000000Z"


class Authority:
    """One whose own certificate is in `certificate`."""

    def __init__(self, directory, name):
        self.directory, self.name = directory, name
        self.certificate = directory / f"{name}.pem"
        (directory / f"{name}.cnf").write_text(CONFIGURATION.format(name=name))
        (directory / f"{name}.index").touch()
        self.openssl(
            *("req", "-x509", *self.new_key(name), "-out", f"{name}.pem", "-subj", f"/CN={name}", "-days", "2"),
            *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"),
        )

    def certify(self, label, subject, extensions, validity=VALID):
        """The files of a certificate with these extensions and of its key."""
        file = f"{label}.{self.name}"
        added = [part for extension in extensions for part in ("-addext", extension)]
        self.openssl("req", *self.new_key(file), "-out", f"{file}.csr", "-subj", f"/CN={subject}", *added)
        self.openssl(
            *("ca", "-batch", "-notext", "-config", f"{self.name}.cnf", *validity),
            *("-cert", f"{self.name}.pem", "-keyfile", f"{self.name}.key"),
            *("-in", f"{file}.csr", "-out", f"{file}.pem"),
        )
        return self.directory / f"{file}.pem", self.directory / f"{file}.key"

    def server(self, host, validity=VALID):
        """For a server of this name."""
        label = "expired" if validity is EXPIRED else host
        return self.certify(label, host, [f"subjectAltName=DNS:{host}", "extendedKeyUsage=serverAuth"], validity)

    def client(self, name):
        return self.certify(name, name, ["extendedKeyUsage=clientAuth"])

    @staticmethod
    def new_key(file):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{file}.key"

    def openssl(self, *arguments):
        done = subprocess.run(
            ["openssl", *arguments], cwd=self.directory, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode != 0:
            raise RuntimeError(f"openssl {' '.join(arguments)}: {done.stderr}")
