"""A time-stamping authority (RFC 3161) on this machine: an HTTP server that lets openssl answer."""

import datetime as dt
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CONFIGURATION = """
[tsa]
default_tsa = authority
[authority]
serial = serial
signer_cert = certificate.pem
certs = root.pem
signer_key = key.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class Authority:
    """`url` answers queries. `answer_with` lets it answer something else, `status` with a fault."""

    def __init__(self, folder):
        self.folder = folder
        self.answer_with = None
        self.status = 200
        self.queries = []
        _make_certificate(folder)
        (folder / "serial").write_text("01\n")
        (folder / "configuration").write_text(CONFIGURATION)

    @property
    def certificate(self):
        """The file of the root that vouches for the authority."""
        return self.folder / "root.pem"

    def answer(self, query):
        self.queries.append(query)
        if self.answer_with is not None:
            return self.answer_with
        return self.stamp(query)

    def stamp(self, query):
        (self.folder / "query").write_bytes(query)
        asked = ["-config", "configuration", "-queryfile", "query", "-out", "answer"]
        subprocess.run(
            ["openssl", "ts", "-reply", *asked], cwd=self.folder, check=True, capture_output=True
        )
        return (self.folder / "answer").read_bytes()

    @contextmanager
    def serving(self):
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{server.server_port}/tsr"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _handler(authority):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            query = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            body = authority.answer(query)
            self.send_response(authority.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    return Handler


def _make_certificate(folder):
    """A certificate as RFC 3161, 2.3 and C2PA 2.2, 14.5.2 require it, and the root that made it."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate("Time Stamps Root", root_key, "Time Stamps Root", root_key)
    certificate = _certificate("Time Stamps", key, "Time Stamps Root", root_key)
    (folder / "root.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _certificate(name, key, issuer, issuer_key):
    is_root = name == issuer
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(
        _name(issuer), _name(name), key.public_key(), x509.random_serial_number()
    )
    builder = builder.not_valid_before(now - dt.timedelta(days=1))
    builder = builder.not_valid_after(now + dt.timedelta(days=1))
    for extension, critical in _extensions(key, issuer_key, is_root=is_root):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer_key, hashes.SHA256())


def _extensions(key, issuer_key, *, is_root):
    others = "content_commitment key_encipherment data_encipherment key_agreement crl_sign"
    no = dict.fromkeys(f"{others} encipher_only decipher_only".split(), False)
    yield x509.BasicConstraints(is_root, None), True
    yield x509.KeyUsage(digital_signature=not is_root, key_cert_sign=is_root, **no), True
    yield x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
    yield x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
    if not is_root:
        yield x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True


def _name(name):
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Time Stamps Ltd")
    return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, name)])
