import hashlib
import tempfile
import unittest
import zipfile
from pathlib import Path
from typing import Tuple

import torch
from torch import nn

from model.bundle import BundleError, check_network, read_bundle, save_bundle, seal, verify_seal
from model.manifest import ManifestError
from model.networks.landmarks import FaceFinder

MANIFEST = {
    "format": 1,
    "kind": "embedding",
    "name": "tiny",
    "version": "1.0.0",
    "input": {"width": 4, "height": 4, "color": "GRAY", "mean": [0], "std": [255]},
    "alignment": "none",
    "embedding": {"size": 3, "unit_length": False},
    "margin": 2.0,
    "operating_points": [],
    "calibration": None,
    "provenance": {"source": "a test", "license": "Apache-2.0"},
}


def tiny_network(size: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, size))


FACE_FINDER = {
    "kind": "face_finder",
    "detector": {"width": 4, "height": 3},
    "landmarks": {"size": 2},
}


class Detector(nn.Module):
    def forward(self, pictures: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        return torch.zeros(len(pictures), 5), torch.zeros(len(pictures), 5, 4)


class Landmarks(nn.Module):
    def __init__(self, outputs: int, upright_shape: Tuple[int, ...] = (2,)) -> None:
        super().__init__()
        self.shapes = ((2,), (2, 4), (2, 5, 2), upright_shape)[:outputs]

    def forward(self, crops: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        return tuple(torch.zeros(shape) for shape in self.shapes)


class BundleTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "tiny.pt"

    def test_what_was_saved_can_be_read(self):
        network = tiny_network()
        digest = save_bundle(network, self.path, MANIFEST)
        bundle = read_bundle(self.path)
        self.assertEqual(bundle.manifest, MANIFEST)
        self.assertEqual(bundle.digest, digest)
        self.assertEqual(digest, hashlib.sha256(self.path.read_bytes()).hexdigest())
        picture = torch.rand(2, 1, 4, 4)
        torch.testing.assert_close(bundle.network(picture), network(picture))

    def test_any_altered_byte_is_noticed(self):
        save_bundle(tiny_network(), self.path, MANIFEST)
        content = self.path.read_bytes()
        # Every byte of the end record and the comment, and a sample of the rest.
        positions = set(range(0, len(content), 97)) | set(range(len(content) - 110, len(content)))
        for position in sorted(positions):
            altered = bytearray(content)
            altered[position] ^= 0x20
            with self.subTest(position=position), self.assertRaisesRegex(BundleError, "seal"):
                verify_seal(bytes(altered), "altered")

    def test_a_file_that_was_cut_short_or_grew_is_noticed(self):
        save_bundle(tiny_network(), self.path, MANIFEST)
        content = self.path.read_bytes()
        for altered in (b"", content[:50], content[: len(content) // 2], content[:-1], content + b"\n"):
            with self.subTest(length=len(altered)), self.assertRaisesRegex(BundleError, "has no seal"):
                verify_seal(altered, "altered")

    def test_a_torchscript_archive_without_a_seal_is_refused(self):
        torch.jit.save(torch.jit.script(tiny_network()), str(self.path))
        with self.assertRaisesRegex(BundleError, "has no seal"):
            read_bundle(self.path)

    def test_a_sealed_archive_without_a_manifest_is_refused(self):
        torch.jit.save(torch.jit.script(tiny_network()), str(self.path))
        self.path.write_bytes(seal(self.path.read_bytes()))
        with self.assertRaisesRegex(BundleError, "holds no likeness.json"):
            read_bundle(self.path)

    def test_the_seal_is_a_zip_comment_over_all_bytes_before_it(self):
        save_bundle(tiny_network(), self.path, MANIFEST)
        content = self.path.read_bytes()
        with zipfile.ZipFile(self.path) as archive:
            self.assertIsNone(archive.testzip())
            self.assertEqual(archive.comment.decode(), "likeness-sha256:" + hashlib.sha256(content[:-80]).hexdigest())

    def test_nothing_of_the_exporting_machine_gets_into_the_bundle(self):
        save_bundle(tiny_network(), self.path, MANIFEST)
        with zipfile.ZipFile(self.path) as archive:
            for name in archive.namelist():
                self.assertNotIn(str(Path(__file__).parent.parent.parent).encode(), archive.read(name), name)

    def test_weights_too_small_to_matter_become_zero(self):
        network = tiny_network()
        with torch.no_grad():
            network[1].weight[0, :4] = torch.tensor([1e-40, -1e-31, 1e-29, -0.5])
        save_bundle(network, self.path, MANIFEST)
        saved = read_bundle(self.path).network.state_dict()["1.weight"][0, :4]
        self.assertEqual(saved.tolist(), torch.tensor([0, 0, 1e-29, -0.5]).tolist())
        self.assertNotEqual(network[1].weight[0, 1].item(), 0, "the caller's network must stay as it was")

    def test_the_bundle_does_not_depend_on_the_mode_the_network_was_in(self):
        network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.BatchNorm1d(3)).train()
        save_bundle(network, self.path, MANIFEST)
        self.assertFalse(read_bundle(self.path).network.training)
        self.assertTrue(network.training)

    def test_a_network_that_breaks_its_manifest_is_refused(self):
        unit_length = {**MANIFEST, "embedding": {"size": 3, "unit_length": True}}
        blown_up = tiny_network()
        with torch.no_grad():
            blown_up[1].bias[0] = float("nan")
        for network, described, message in (
            (tiny_network(size=4), MANIFEST, r"\(2, 4\), expected float32 \(2, 3\)"),
            (tiny_network(), unit_length, "embedding.unit_length"),
            (tiny_network(), {**MANIFEST, "margin": 0}, "margin"),
            (blown_up, MANIFEST, "not finite"),
        ):
            with self.subTest(message), self.assertRaisesRegex((BundleError, ManifestError), message):
                save_bundle(network, self.path, described)
        self.assertFalse(self.path.exists())

    def test_a_face_finder_that_does_not_tell_upright_faces_is_a_bundle_all_the_same(self):
        check_network(FaceFinder(Detector(), Landmarks(outputs=3)), FACE_FINDER)
        check_network(FaceFinder(Detector(), Landmarks(outputs=4)), FACE_FINDER)
        with self.assertRaisesRegex(BundleError, "landmarks upright"):
            check_network(FaceFinder(Detector(), Landmarks(outputs=4, upright_shape=(2, 1))), FACE_FINDER)

    def test_a_refused_bundle_leaves_the_old_one_and_nothing_else(self):
        save_bundle(tiny_network(), self.path, MANIFEST)
        before = self.path.read_bytes()
        with self.assertRaises(BundleError):
            save_bundle(tiny_network(size=4), self.path, MANIFEST)
        self.assertEqual(self.path.read_bytes(), before)
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])


if __name__ == "__main__":
    unittest.main()
