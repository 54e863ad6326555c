#!/usr/bin/env python3
"""Runs the README's client snippets against the real server: what a newcomer copies must work."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from snippets import snippet

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/support"))
import served  # noqa: E402

PHOTOS = Path(os.environ["LIKENESS_PHOTOS_DIR"])
README = (ROOT / "README.md").read_text()


class ReadmeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="likeness-readme-"))
        shutil.copy(PHOTOS / "cage.jpg", cls.folder / "alice.jpg")
        shutil.copy(PHOTOS / "cage2_crop.jpg", cls.folder / "door.jpg")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        server = served.Server(cls.folder)
        cls.addClassCleanup(server.stop)
        cls.target = f"127.0.0.1:{server.grpc_port}"

    def check(self, *command, **environment):
        done = subprocess.run([*map(str, command), self.target], cwd=self.folder, capture_output=True, text=True,
                              timeout=120, env={**os.environ, **environment})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("same person", done.stdout)

    def test_cpp(self):
        self.check(served.BINARIES / "readme_example")

    def test_python(self):
        (self.folder / "client.py").write_text(snippet(README, "python"))
        plugin = shutil.which("grpc_python_plugin")
        subprocess.run(["protoc", f"-I{ROOT}/proto", f"--python_out={self.folder}", f"--grpc_out={self.folder}",
                        f"--plugin=protoc-gen-grpc={plugin}",
                        *sorted(map(str, (ROOT / "proto/likeness/v1").glob("*.proto")))], check=True)
        self.check("/usr/bin/python3", "client.py")

    def test_node(self):
        (self.folder / "client.mjs").write_text(snippet(README, "node"))
        (self.folder / "proto").symlink_to(ROOT / "proto")
        (self.folder / "node_modules").symlink_to(ROOT / "tests/node/node_modules")
        self.check("node", "client.mjs")

    def test_bring_your_own_network(self):
        script = self.folder / "bring_your_own.py"
        script.write_text(snippet(README, "bring-your-own"))
        subprocess.run(["/usr/bin/python3", script], cwd=self.folder, check=True,
                       env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
        embedded = self.call_own_network("embed", "alice.jpg")
        self.assertEqual(len(json.loads(embedded.stdout)["embedding"]), 64, embedded.stderr)
        refused = self.call_own_network("compare", "alice.jpg", "door.jpg")
        self.assertIn("THRESHOLD_NOT_MEASURED", refused.stderr)
        tried = self.call_own_network("compare", "alice.jpg", "door.jpg", flags=["--threshold=half-margin"])
        self.assertEqual(json.loads(tried.stdout)["threshold"]["source"], "THRESHOLD_SOURCE_HALF_MARGIN", tried.stderr)

    def call_own_network(self, *command, flags=()):
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        server = served.Server(folder, f"--model={self.folder}/my-network.pt", *flags)
        try:
            return subprocess.run([served.BINARIES / "likeness", *command, "--json", f"--server=127.0.0.1:{server.grpc_port}"],
                                  cwd=self.folder, capture_output=True, text=True, timeout=120)
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(unittest.main())
