#!/usr/bin/env python3
"""scripts/check-contract refuses what would break callers of the last release, and nothing else."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class BreakingTest(unittest.TestCase):
    """Each test has a repository of its own, with this contract as its only commit."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="likeness-contract-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.repository = self.folder / "repository"
        shutil.copytree(ROOT / "proto", self.repository / "proto")
        (self.repository / "scripts").mkdir()
        shutil.copy(ROOT / "scripts/check-contract", self.repository / "scripts")
        (self.repository / "tests/node").mkdir(parents=True)
        (self.repository / "tests/node/node_modules").symlink_to(ROOT / "tests/node/node_modules")
        # Neither the caller's settings nor, where a git hook runs the tests, the caller's repository.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        self.environment.update(HOME=str(self.folder), GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1",
                                GIT_CEILING_DIRECTORIES=str(self.folder))
        self.git("init", "--quiet")
        self.commit("A release")

    def git(self, *arguments):
        subprocess.run(["git", "-c", "user.name=Test", "-c", "user.email=test@localhost", *arguments], cwd=self.repository,
                       env=self.environment, check=True)

    def commit(self, message):
        self.git("add", "proto")
        self.git("commit", "--quiet", "--message", message)

    def change(self, file, old, new):
        path = self.repository / "proto/likeness/v1" / file
        text = path.read_text()
        self.assertEqual(text.count(old), 1, f"{file} has changed: give this test another line of it")
        path.write_text(text.replace(old, new))

    def check(self):
        done = subprocess.run([self.repository / "scripts/check-contract"], cwd=self.folder, env=self.environment,
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def assert_refused(self, *words):
        code, output = self.check()
        self.assertNotEqual(code, 0, output)
        for word in words:
            self.assertIn(word, output)

    def assert_passes(self, message):
        self.assertEqual(self.check(), (0, message + "\n"))

    def test_without_a_release_there_is_nothing_to_compare_with(self):
        self.change("types.proto", "  int32 embedding_size = 4;\n", "")
        self.git("tag", "nightly")
        self.assert_passes("contract: no release tag here, so there is nothing to compare with")

    def test_without_a_repository_it_fails(self):
        shutil.rmtree(self.repository / ".git")
        self.assert_refused("not a git repository")

    def test_an_unchanged_contract_passes(self):
        self.git("tag", "v0.1.0")
        self.assert_passes("contract: callers of v0.1.0 are served as before")

    def test_what_is_added_passes(self):
        self.git("tag", "v0.1.0")
        self.change("types.proto", "  int32 embedding_size = 4;\n",
                    "  int32 embedding_size = 4;\n  // Where it was trained.\n  string origin = 100;\n")
        self.change("types.proto", "  FACE_POLICY_LARGEST = 2;\n",
                    "  FACE_POLICY_LARGEST = 2;\n  // The darkest face.\n  FACE_POLICY_DARKEST = 100;\n")
        self.change("gallery_service.proto", "  rpc RotateKeys(",
                    "  rpc RotateAgain(RotateKeysRequest) returns (RotateKeysResponse);\n  // As before.\n  rpc RotateKeys(")
        self.assert_passes("contract: callers of v0.1.0 are served as before")

    def test_a_removed_field_is_refused_by_name(self):
        self.git("tag", "v0.1.0")
        self.change("types.proto", "  int32 embedding_size = 4;\n", "")
        self.assert_refused("embedding_size", '"Model"', "deleted")

    def test_a_changed_number_is_refused_by_name(self):
        self.git("tag", "v0.1.0")
        self.change("types.proto", "  int32 embedding_size = 4;\n", "  int32 embedding_size = 40;\n")
        self.assert_refused("embedding_size", '"Model"')

    def test_a_changed_type_is_refused_by_name(self):
        self.git("tag", "v0.1.0")
        self.change("types.proto", "  int32 embedding_size = 4;\n", "  string embedding_size = 4;\n")
        self.assert_refused("embedding_size", '"Model"')

    def test_a_renamed_reason_is_refused_by_name(self):
        self.git("tag", "v0.1.0")
        self.change("error_reason.proto", "ERROR_REASON_FACE_NOT_FOUND = 7;", "ERROR_REASON_NO_FACE = 7;")
        self.assert_refused("ERROR_REASON_FACE_NOT_FOUND")

    def test_a_removed_method_is_refused_by_name(self):
        self.git("tag", "v0.1.0")
        self.change("gallery_service.proto", "  rpc RotateKeys(RotateKeysRequest) returns (RotateKeysResponse);\n", "")
        self.assert_refused("RotateKeys", '"GalleryService"')

    def test_the_last_release_counts_and_none_before_it(self):
        self.git("tag", "v0.1.0")
        self.change("types.proto", "  int32 embedding_size = 4;\n", "  string embedding_size = 4;\n")
        self.commit("Break it, aloud")
        self.assert_refused("embedding_size")
        self.git("tag", "v0.2.0")
        self.assert_passes("contract: callers of v0.2.0 are served as before")


if __name__ == "__main__":
    sys.exit(unittest.main())
