"""Evaluates a TensorFlow Lite graph operator by operator, as the file says, knowing nothing of our networks.

Slow and plain on purpose: it is what the networks are compared with.
"""

from pathlib import Path
from typing import Dict, List

import numpy as np
import torch
import torch.nn.functional as F
from flatbuffers import number_types as types

from model.weights import tflite
from model.weights.tflite import Record

ADD, MAX_POOL_2D, RELU, RESHAPE, SUB, DIV, EXP, NEG, SUM, REDUCE_MAX, ABS = 0, 17, 19, 22, 41, 42, 47, 59, 74, 82, 101
SAME = 0
ELEMENTWISE = {
    ADD: np.add,
    tflite.MUL: np.multiply,
    SUB: np.subtract,
    DIV: np.divide,
    EXP: np.exp,
    NEG: np.negative,
    ABS: np.abs,
    RELU: lambda x: np.maximum(x, 0),
}


def run(path: Path, picture: np.ndarray) -> List[np.ndarray]:
    """The graph's outputs for one input [N, height, width, channels]."""
    model = tflite.read_model(path)
    codes = [tflite.operator_code(record) for record in model.records(1)]
    graph = model.records(2)[0]
    values: Dict[int, np.ndarray] = {}
    for number, tensor in enumerate(graph.records(0)):
        value = tflite.constant(tensor, model.records(4))
        if value is not None:
            values[number] = value
    values[int(graph.array(1, "<i4")[0])] = picture
    for record in graph.records(3):
        inputs = [values.get(int(number)) for number in record.array(1, "<i4")]
        output = int(record.array(2, "<i4")[0])
        values[output] = _apply(codes[record.number(0, types.Uint32Flags)], inputs, record)
    return [values[int(number)] for number in graph.array(2, "<i4")]


def _apply(code: int, x: List[np.ndarray], record: Record) -> np.ndarray:
    if code == tflite.CONV_2D:
        return _convolve(x[0], x[1].transpose(0, 3, 1, 2), x[2], 1, record.record(4))
    if code == tflite.DEPTHWISE_CONV_2D:
        return _convolve(x[0], x[1].transpose(3, 0, 1, 2), x[2], x[1].shape[3], record.record(4))
    if code == MAX_POOL_2D:
        options = record.record(4)
        size = options.number(3, types.Int32Flags)
        padded = _pad(x[0], size, options, -np.inf)
        return F.max_pool2d(padded, size, _stride(options)).permute(0, 2, 3, 1).numpy()
    if code == tflite.FULLY_CONNECTED:
        return x[0].reshape(len(x[0]), -1) @ x[1].T + x[2]
    if code == RESHAPE:
        return x[0].reshape(len(x[0]), -1)
    if code == SUM:
        return x[0].sum(axis=1, keepdims=True)
    if code == REDUCE_MAX:
        return x[0].max(axis=1, keepdims=True)
    return ELEMENTWISE[code](*x)


# Options of convolutions and pooling: 0 padding, 1 stride_w, 2 stride_h; of pooling also 3 filter_width.
def _stride(options: Record) -> int:
    return options.number(1, types.Int32Flags)


def _pad(x: np.ndarray, kernel: int, options: Record, value: float) -> torch.Tensor:
    channels_first = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    if options.number(0, types.Int8Flags) != SAME:
        return channels_first
    size, stride = x.shape[1], _stride(options)
    missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    before, after = missing // 2, missing - missing // 2
    return F.pad(channels_first, (before, after, before, after), value=value)


def _convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, groups: int, options: Record) -> np.ndarray:
    padded = _pad(x, kernel.shape[2], options, 0)
    weights = torch.from_numpy(np.array(kernel)), torch.from_numpy(np.array(bias))
    return F.conv2d(padded, *weights, stride=_stride(options), groups=groups).permute(0, 2, 3, 1).numpy()
