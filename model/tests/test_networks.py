import json
import unittest
from pathlib import Path

import torch

from model import catalogue


def input_of(name: str, count: int) -> torch.Tensor:
    described = catalogue.manifest(name)["input"]
    channels = len(described["mean"])
    generator = torch.Generator().manual_seed(3)
    return torch.rand(count, channels, described["height"], described["width"], generator=generator) * 2 - 1


class EmbeddingNetworksTest(unittest.TestCase):
    """What the manifests promise of every embedding network of the catalogue."""

    @classmethod
    def setUpClass(cls):
        names = [name for name in catalogue.CATALOGUE if catalogue.manifest(name)["kind"] == "embedding"]
        cls.networks = {name: catalogue.CATALOGUE[name].make().eval() for name in names}

    def test_rows_of_a_batch_do_not_depend_on_each_other(self):
        for name, network in self.networks.items():
            with self.subTest(name), torch.no_grad():
                batch = input_of(name, 3)
                alone = torch.cat([network(row.unsqueeze(0)) for row in batch])
                torch.testing.assert_close(network(batch), alone, rtol=1e-4, atol=1e-5)

    def test_unit_length_is_as_the_manifest_says(self):
        for name, network in self.networks.items():
            with self.subTest(name), torch.no_grad():
                norms = network(input_of(name, 2)).norm(dim=1)
                is_one = bool(((norms - 1).abs() < 1e-5).all())
                self.assertEqual(is_one, catalogue.manifest(name)["embedding"]["unit_length"])

    def test_scripted_and_optimised_networks_equal_the_eager_one(self):
        for name, network in self.networks.items():
            with self.subTest(name), torch.no_grad():
                batch = input_of(name, 2)
                scripted = torch.jit.script(network)
                optimised = torch.jit.optimize_for_inference(scripted)
                torch.testing.assert_close(scripted(batch), network(batch), rtol=1e-4, atol=1e-5)
                torch.testing.assert_close(optimised(batch), network(batch), rtol=1e-4, atol=1e-5)

    def test_every_parameter_learns(self):
        for name, network in self.networks.items():
            with self.subTest(name):
                network.train()
                network(input_of(name, 4))[:, 0].sum().backward()
                silent = [key for key, value in network.named_parameters() if value.grad is None]
                network.zero_grad()
                network.eval()
                self.assertEqual(silent, [])


class FaceFinderTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.finder = catalogue.CATALOGUE["face-finder"].make().eval()

    def test_detector_sees_no_face_in_an_empty_picture(self):
        with torch.no_grad():
            scores, boxes = self.finder.detector(torch.zeros(1, 3, 240, 320))
        self.assertEqual(tuple(scores.shape), (1, 4420))
        self.assertEqual(tuple(boxes.shape), (1, 4420, 4))
        self.assertLess(scores.max().item(), 0.6)

    def test_boxes_are_corners_in_order_around_the_anchors(self):
        with torch.no_grad():
            _, boxes = self.finder.detector(torch.rand(2, 3, 240, 320) * 2 - 1)
        self.assertTrue((boxes[:, :, :2] < boxes[:, :, 2:]).all())
        centres = (boxes[:, :, :2] + boxes[:, :, 2:]) / 2
        self.assertLess((centres - self.finder.detector.anchors[:, :2]).abs().max().item(), 1)

    def test_rows_of_a_batch_do_not_depend_on_each_other(self):
        crops = torch.rand(3, 3, 48, 48) * 2 - 1
        with torch.no_grad():
            for together, alone in zip(self.finder.landmarks(crops), self.finder.landmarks(crops[1:2])):
                torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-5)

    def test_upright_is_linear_in_what_the_other_outputs_are_computed_from(self):
        head = json.loads((Path(catalogue.__file__).parent / "networks" / "upright_head.json").read_text())
        crops = torch.rand(2, 3, 48, 48) * 2 - 1
        with torch.no_grad():
            seen = self.finder.landmarks.features(crops)
            expected = seen @ torch.tensor(head["weights"]) + head["bias"]
            torch.testing.assert_close(self.finder.landmarks(crops)[3], expected, rtol=1e-4, atol=1e-4)

    def test_noise_is_no_upright_face(self):
        with torch.no_grad():
            upright = self.finder.landmarks(torch.rand(50, 3, 48, 48) * 2 - 1)[3]
        self.assertEqual(tuple(upright.shape), (50,))
        self.assertLess(upright.max().item(), -1)

    def test_scripted_networks_equal_the_eager_ones(self):
        for part, size in ((self.finder.detector, (240, 320)), (self.finder.landmarks, (48, 48))):
            batch = torch.rand(2, 3, *size) * 2 - 1
            optimised = torch.jit.optimize_for_inference(torch.jit.script(part))
            with torch.no_grad():
                for expected, actual in zip(part(batch), optimised(batch)):
                    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


if __name__ == "__main__":
    unittest.main()
