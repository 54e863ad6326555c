import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from model import catalogue
from model.bundle import read_bundle

EXPORT = Path(__file__).resolve().parent.parent / "export.py"


def export(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(EXPORT), "--out", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class ExportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.first = export(cls.folder, "--all")

    def test_every_bundle_of_the_catalogue_is_made_and_loads(self):
        self.assertEqual(self.first.returncode, 0, self.first.stderr)
        for name in catalogue.CATALOGUE:
            bundle = read_bundle(self.folder / f"{name}.pt")
            self.assertEqual(bundle.manifest, catalogue.manifest(name))
            self.assertIn(bundle.digest, self.first.stdout)

    def test_what_is_up_to_date_is_left_alone(self):
        path = self.folder / "mobilefacenet-192.pt"
        before = path.stat().st_mtime_ns
        self.assertIn("mobilefacenet-192: up to date", export(self.folder, "mobilefacenet-192").stdout)
        self.assertEqual(path.stat().st_mtime_ns, before)

    def test_a_damaged_bundle_is_made_again_with_the_same_bytes(self):
        for name in ("face-finder", "mobilefacenet-192"):
            path = self.folder / f"{name}.pt"
            content = path.read_bytes()
            path.write_bytes(content[:-1] + b"x")
            self.assertIn(f"{name}: exporting", export(self.folder, name).stdout)
            self.assertTrue(path.read_bytes() == content, f"{name}: two exports differ")

    def test_an_unknown_name_is_refused_with_the_known_ones(self):
        result = export(self.folder, "facenet")
        self.assertEqual(result.returncode, 2)
        self.assertIn("no bundle is called facenet; there are face-finder, mobilefacenet-192", result.stderr)


if __name__ == "__main__":
    unittest.main()
