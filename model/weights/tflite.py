"""Reads constants out of a TensorFlow Lite file, a FlatBuffer of the public schema (tensorflow/lite/schema.fbs).

Weights need no more than the operators of the first subgraph in execution order, with their constant inputs. Field
numbers below are the positions of the fields in the schema's tables.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import numpy as np
from flatbuffers import encode
from flatbuffers import number_types as types
from flatbuffers.table import Table

IDENTIFIER = b"TFL3"
FLOAT32 = 0

# BuiltinOperator
CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, MUL = 3, 4, 9, 18


@dataclass(frozen=True)
class Operator:
    """One step of the graph: what it does, and its inputs that are float32 constants, by input position."""

    code: int
    constants: Dict[int, np.ndarray]


class Record:
    """A FlatBuffer table whose fields are asked for by number. Absent ones read as the default or as empty."""

    def __init__(self, buffer: bytes, position: int) -> None:
        self._buffer = buffer
        self._table = Table(buffer, position)

    def _offset(self, field: int) -> int:
        return self._table.Offset(4 + 2 * field)  # two 16-bit sizes stand before the field offsets

    def number(self, field: int, flags: type, default: int = 0) -> int:
        offset = self._offset(field)
        return self._table.Get(flags, offset + self._table.Pos) if offset else default

    def _vector(self, field: int) -> Tuple[int, int]:
        offset = self._offset(field)
        return (self._table.Vector(offset), self._table.VectorLen(offset)) if offset else (0, 0)

    def array(self, field: int, dtype: str) -> np.ndarray:
        start, count = self._vector(field)
        return np.frombuffer(self._buffer, dtype, count, start)

    def record(self, field: int) -> "Record":
        return Record(self._buffer, self._table.Indirect(self._offset(field) + self._table.Pos))

    def records(self, field: int) -> List["Record"]:
        start, count = self._vector(field)
        return [Record(self._buffer, self._table.Indirect(start + 4 * i)) for i in range(count)]


def read_model(path: Path) -> Record:
    """The file's root table, Model; ValueError if it is no TFLite file."""
    buffer = path.read_bytes()
    if buffer[4:8] != IDENTIFIER:
        raise ValueError(f"{path}: not a TensorFlow Lite file")
    return Record(buffer, encode.Get(types.UOffsetTFlags.packer_type, buffer, 0))


def read_operators(path: Path) -> List[Operator]:
    """The operators of the file's first subgraph in execution order; ValueError if it is no TFLite file."""
    model = read_model(path)
    # Model: 1 operator_codes, 2 subgraphs, 4 buffers. SubGraph: 0 tensors, 3 operators.
    codes = [operator_code(record) for record in model.records(1)]
    contents = model.records(4)
    graph = model.records(2)[0]
    tensors = graph.records(0)

    operators = []
    for record in graph.records(3):
        # Operator: 0 opcode_index, 1 inputs (tensor numbers, -1 for an absent one).
        constants = {}
        for position, tensor in enumerate(record.array(1, "<i4")):
            if tensor >= 0:
                value = constant(tensors[tensor], contents)
                if value is not None:
                    constants[position] = value
        operators.append(Operator(codes[record.number(0, types.Uint32Flags)], constants))
    return operators


def operator_code(record: Record) -> int:
    # OperatorCode: 0 deprecated_builtin_code (a byte, all that old files have), 3 builtin_code.
    return max(record.number(0, types.Int8Flags), record.number(3, types.Int32Flags))


def constant(tensor: Record, contents: List[Record]) -> Optional[np.ndarray]:
    """The tensor's value if it is a float32 constant, else None (activations have an empty buffer)."""
    # Tensor: 0 shape, 1 type, 2 buffer. Buffer: 0 data.
    data = contents[tensor.number(2, types.Uint32Flags)].array(0, "u1")
    if data.size == 0 or tensor.number(1, types.Int8Flags) != FLOAT32:
        return None
    return data.view("<f4").reshape(tuple(tensor.array(0, "<i4")))
