#!/usr/bin/env python3
"""Runs the clients of examples/ against the real server, as production has it: with TLS, and with a token for each caller."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/support"))
import served  # noqa: E402

EXAMPLES = ROOT / "examples"
PHOTOS = Path(os.environ["LIKENESS_PHOTOS_DIR"])
CLIENTS = {"python": ["/usr/bin/python3", EXAMPLES / "python/verify.py"], "node": ["node", "verify.mjs"]}
PROTOS = [str(ROOT / "proto"), os.environ["LIKENESS_GOOGLE_PROTO_DIR"]]


def run(*command, folder, **environment):
    return subprocess.run([*map(str, command)], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True,
                          timeout=60)


def must(*command, folder):
    done = run(*command, folder=folder)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {done.stderr}")
    return done.stdout


def make_certificates(folder):
    """A throw-away authority (ca.pem) and what it certifies: this machine (server.pem, server.key)."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    must("openssl", "req", "-x509", *key, "-days", "2", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem", folder=folder)
    must("openssl", "req", *key, "-subj", "/CN=server", "-keyout", "server.key", "-out", "server.csr", folder=folder)
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    must("openssl", "x509", "-req", "-days", "2", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
         "-extfile", "names", "-out", "server.pem", folder=folder)


def make_stubs(folder):
    """What examples/README.md has the reader make."""
    names = [str(path.relative_to(top)) for top in PROTOS for package in ("likeness/v1", "google/rpc")
             for path in sorted(Path(top, package).glob("*.proto"))]
    must("protoc", *(f"-I{top}" for top in PROTOS), f"--python_out={folder}", f"--grpc_out={folder}",
         f"--plugin=protoc-gen-grpc={shutil.which('grpc_python_plugin')}", *names, folder=folder)


class UnavailableAtFirst(grpc.GenericRpcHandler):
    """Answers each call with UNAVAILABLE once, and then with an empty response; remembers what it was asked."""

    def __init__(self):
        self.requests = []

    def service(self, _details):
        def answer(request, context):
            self.requests.append(request)
            if len(self.requests) == 1:
                context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


class ExamplesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="likeness-examples-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        make_certificates(cls.folder)
        make_stubs(cls.folder)
        shutil.copy(EXAMPLES / "node/verify.mjs", cls.folder)
        (cls.folder / "node_modules").symlink_to(ROOT / "tests/node/node_modules")
        cls.token = must(served.BINARIES / "likeness", "tokens", "add", "tokens", "kiosk", "--scope", "verify", "--scope", "enroll",
                         folder=cls.folder).strip()
        cls.verify_token = must(served.BINARIES / "likeness", "tokens", "add", "tokens", "door", "--scope", "verify",
                                folder=cls.folder).strip()
        server = served.Server(cls.folder, "--tokens=tokens", "--tls-certificate=server.pem", "--tls-key=server.key")
        cls.addClassCleanup(server.stop)
        cls.port = server.grpc_port

    def call(self, client, *arguments, token=None, port=None, authority="ca.pem"):
        return run(*CLIENTS[client], *arguments, folder=self.folder, LIKENESS_SERVER=f"dns:///localhost:{port or self.port}",
                   LIKENESS_TLS_CA=authority, LIKENESS_TOKEN=token or self.token, PYTHONPATH=str(self.folder),
                   PROTO_PATH=":".join(PROTOS))

    def assert_fails(self, done, reason):
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, re.compile(rf"^{reason}: \w", re.MULTILINE))  # gRPC's own log may come before it

    def test_the_same_person_is_told_from_a_different_one(self):
        for client in CLIENTS:
            with self.subTest(client):
                enrolled = self.call(client, "enroll", client, PHOTOS / "cage.jpg")
                self.assertEqual((enrolled.stdout, enrolled.returncode), ("enrolled\n", 0), enrolled.stderr)
                self.check_verdict(self.call(client, "verify", client, PHOTOS / "cage2_crop.jpg"), "same person", 0)
                self.check_verdict(self.call(client, "verify", client, PHOTOS / "obama4_crop.jpg"), "different", 1)

    def check_verdict(self, done, verdict, code):
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, f"{verdict}, at a false match rate of 0.001\n")

    def test_an_error_is_told_by_its_stable_reason(self):
        for client in CLIENTS:
            with self.subTest(client):
                self.assert_fails(self.call(client, "verify", "nobody", PHOTOS / "cage.jpg"), "PERSON_NOT_FOUND")
                self.assert_fails(self.call(client, "enroll", "nobody", PHOTOS / "ironman.jpg"), "FACE_NOT_FOUND")

    def test_a_token_opens_only_what_it_is_for(self):
        for client in CLIENTS:
            with self.subTest(client):
                self.assert_fails(self.call(client, "verify", "nobody", PHOTOS / "cage.jpg", token="lk_made-up"),
                                  "TOKEN_INVALID")
                self.assert_fails(self.call(client, "enroll", "nobody", PHOTOS / "cage.jpg", token=self.verify_token),
                                  "SCOPE_MISSING")

    def test_a_server_of_another_authority_is_not_trusted(self):
        other = self.folder / "other"
        other.mkdir()
        make_certificates(other)
        for client in CLIENTS:
            with self.subTest(client):
                self.assert_fails(self.call(client, "verify", "nobody", PHOTOS / "cage.jpg", authority="other/ca.pem"),
                                  "UNAVAILABLE")

    def test_a_call_as_large_as_a_photo_is_repeated_where_a_server_is_unavailable(self):
        photo = self.folder / "large.jpg"
        photo.write_bytes(os.urandom(3 << 20))
        for client in CLIENTS:
            with self.subTest(client), self.unavailable_server() as (handler, port):
                done = self.call(client, "enroll", "cage", photo, port=port)
                self.assertEqual((done.stdout, done.returncode), ("enrolled\n", 0), done.stderr)
                self.assertEqual(len(handler.requests), 2)
                self.assertEqual(*handler.requests)  # the request_id among the rest

    @contextlib.contextmanager
    def unavailable_server(self):
        with ThreadPoolExecutor(2) as threads:
            handler = UnavailableAtFirst()
            server = grpc.server(threads, handlers=[handler], options=[("grpc.max_receive_message_length", 16 << 20)])
            port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(
                [((self.folder / "server.key").read_bytes(), (self.folder / "server.pem").read_bytes())]))
            server.start()
            try:
                yield handler, port
            finally:
                server.stop(0).wait()


class ShapeTest(unittest.TestCase):
    def test_each_example_is_short(self):
        for example in ("python/verify.py", "node/verify.mjs", "go/verify.go"):
            with self.subTest(example):
                self.assertLess(len((EXAMPLES / example).read_text().splitlines()), 40)

    @unittest.skipUnless(shutil.which("gofmt"), "gofmt is not installed (and the example's modules are not fetched)")
    def test_the_go_example_is_formatted(self):
        self.assertEqual(must("gofmt", "-l", EXAMPLES / "go", folder=ROOT), "")


if __name__ == "__main__":
    sys.exit(unittest.main())
