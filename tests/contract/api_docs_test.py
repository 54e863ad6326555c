#!/usr/bin/env python3
"""docs/api.md is what the contract's comments say, and nothing of the contract goes without a comment."""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/api.md").read_text()


class ApiDocsTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="likeness-api-docs-"))
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copytree(ROOT / "proto", self.folder / "proto")

    def generate(self, *flags):
        return subprocess.run([sys.executable, ROOT / "scripts/api_docs.py", *flags], capture_output=True, text=True)

    def generate_from_copy(self, *flags):
        return self.generate(f"--proto={self.folder}/proto", f"--out={self.folder}/api.md", *flags)

    def change(self, file, old, new):
        path = self.folder / "proto/likeness/v1" / file
        text = path.read_text()
        self.assertEqual(text.count(old), 1, f"{file} has changed: give this test another line of it")
        path.write_text(text.replace(old, new))

    def test_the_page_is_what_the_contract_says(self):
        done = self.generate("--check")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_page_is_the_same_each_time(self):
        self.assertEqual(self.generate_from_copy().returncode, 0)
        self.assertEqual((self.folder / "api.md").read_text(), PAGE)

    def test_a_page_that_the_contract_has_left_behind_is_told_with_the_difference(self):
        self.change("types.proto", "// A face found in a photo.", "// A face that was found in a photo.")
        shutil.copy(ROOT / "docs/api.md", self.folder)
        done = self.generate_from_copy("--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("+A face that was found in a photo.", done.stderr)
        self.assertEqual((self.folder / "api.md").read_text(), PAGE, "a check changes nothing")

    def test_whatever_has_no_comment_is_named(self):
        self.change("gallery_service.proto", "// Request of RotateKeys.\n", "\n")
        self.change("gallery_service.proto", "  // The operation. Its response says how many persons' keys were wrapped by another "
                    "master key before.\n", "")
        self.change("gallery_service.proto",
                    "// Gives out what is held on a person, and changes the keys it is encrypted with. "
                    "Errors carry a stable reason, see\n// ErrorReason.\n", "\n")
        self.change("face_verification_service.proto", "  // Compares the faces in two photos, both the caller's own. Nothing is stored.\n", "")
        self.change("training_service.proto", "// How weights follow the gradient.\n", "\n")
        self.change("training_service.proto", "  // It runs.\n", "")
        self.change("training_service.proto", "  // What happened.\n", "")
        done = self.generate_from_copy()
        self.assertEqual(done.returncode, 1)
        self.assertEqual(set(done.stderr.split()[3:]),
                         {"GalleryService", "RotateKeysRequest", "RotateKeysResponse.operation",
                          "FaceVerificationService.Compare", "Optimizer", "TrainingState.TRAINING_STATE_RUNNING",
                          "TrainResponse.event"})
        self.assertFalse((self.folder / "api.md").exists())

    def test_it_says_which_calls_are_streams(self):
        for row in ("| **Train** | stream of [TrainRequest](#trainrequest) | stream of [TrainResponse](#trainresponse) |",
                    "| **ExportModel** | [ExportModelRequest](#exportmodelrequest) | stream of [ExportModelResponse]",
                    "| **Verify** | [VerifyRequest](#verifyrequest) | [VerifyResponse](#verifyresponse) |"):
            self.assertIn(row, PAGE)

    def test_every_link_within_the_page_leads_to_one_heading(self):
        headings = [heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)]
        self.assertEqual(len(headings), len(set(headings)))
        self.assertLessEqual(set(re.findall(r"\]\(#([^)]+)\)", PAGE)), set(headings))

    def test_every_link_into_the_project_leads_to_a_file(self):
        links = re.findall(r"\]\((\.\./[^)#]+)\)", PAGE)
        self.assertTrue(links)
        for link in links:
            self.assertTrue((ROOT / "docs" / link).exists(), link)


if __name__ == "__main__":
    sys.exit(unittest.main())
