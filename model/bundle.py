"""Writes and reads model bundles: sealed TorchScript archives that carry their manifest. See docs/bundle.md.

    save_bundle(network, Path("my-network.pt"), manifest)

The same network, manifest and PyTorch version give the same bytes if they are saved first thing in a process that was
started with PYTHONHASHSEED=0: TorchScript numbers classes of equal name in the order in which a process meets them, and
writes their constants in the order of a Python set.
"""

import copy
import hashlib
import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict

import torch
from torch import nn

from model import manifest as manifests

MANIFEST_FILE = "likeness.json"
SEAL_PREFIX = b"likeness-sha256:"
SEAL_LENGTH = len(SEAL_PREFIX) + 64

# Smaller weights cannot change a float32 result, but subnormal ones make a processor ten times slower.
SMALLEST_WEIGHT = 1e-30
# How far from 1 the norm of a unit-length embedding may be.
NORM_TOLERANCE = 1e-4

_END_RECORD_SIZE = 22
_END_SIGNATURE = b"PK\x05\x06"


class BundleError(ValueError):
    """The file is no bundle, is damaged, or its network does not do what its manifest says."""


@dataclass(frozen=True)
class Bundle:
    network: torch.jit.ScriptModule
    manifest: Dict[str, Any]
    digest: str


def save_bundle(network: nn.Module, path: Path, manifest: Dict[str, Any]) -> str:
    """Writes the bundle and returns its digest. A bundle of that name is replaced whole or left as it was."""
    manifests.validate(manifest)
    scripted = torch.jit.script(_without_tiny_weights(network).eval())
    check_network(scripted, manifest)

    archive = io.BytesIO()
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    torch.jit.save(scripted, archive, _extra_files={MANIFEST_FILE: text})
    content = seal(_without_debug_records(archive.getvalue()))
    _replace(Path(path), content)
    return hashlib.sha256(content).hexdigest()


def read_bundle(path: Path) -> Bundle:
    """Verifies the seal and the manifest, and loads the network; BundleError or ManifestError if they are wrong."""
    content = Path(path).read_bytes()
    verify_seal(content, str(path))
    files = {MANIFEST_FILE: ""}
    network = torch.jit.load(io.BytesIO(content), map_location="cpu", _extra_files=files)
    if not files[MANIFEST_FILE]:
        raise BundleError(f"{path}: holds no {MANIFEST_FILE}")
    manifest = json.loads(files[MANIFEST_FILE])
    manifests.validate(manifest)
    return Bundle(network.eval(), manifest, hashlib.sha256(content).hexdigest())


def seal(archive: bytes) -> bytes:
    """The zip archive with its SHA-256 as its comment. The comment's length is part of what is hashed."""
    if archive[-_END_RECORD_SIZE:][:4] != _END_SIGNATURE:
        raise BundleError("not a zip archive without a comment")
    covered = archive[:-2] + SEAL_LENGTH.to_bytes(2, "little")
    return covered + SEAL_PREFIX + hashlib.sha256(covered).hexdigest().encode()


def verify_seal(content: bytes, source: str) -> None:
    covered, comment = content[:-SEAL_LENGTH], content[-SEAL_LENGTH:]
    if not comment.startswith(SEAL_PREFIX) or covered[-2:] != SEAL_LENGTH.to_bytes(2, "little"):
        raise BundleError(f"{source}: has no seal: not a model bundle, or cut short")
    if comment != SEAL_PREFIX + hashlib.sha256(covered).hexdigest().encode():
        raise BundleError(f"{source}: does not match its seal: the file is damaged")


def check_network(network: nn.Module, manifest: Dict[str, Any]) -> None:
    """Runs the network on noise; BundleError if what comes out is not what the manifest promises."""
    with torch.no_grad():
        if manifest["kind"] == "embedding":
            _check_embedding(network, manifest)
        else:
            _check_face_finder(network, manifest)


def _check_embedding(network: nn.Module, manifest: Dict[str, Any]) -> None:
    described = manifest["input"]
    channels = manifests.CHANNELS[described["color"]]
    embeddings = network(_noise(2, channels, described["height"], described["width"]))
    _check_output("embedding", embeddings, (2, manifest["embedding"]["size"]))
    if manifest["embedding"]["unit_length"]:
        norms = embeddings.norm(dim=1)
        if (norms - 1).abs().max() > NORM_TOLERANCE:
            raise BundleError(f"embedding.unit_length: the network's output has norms {norms.tolist()}")


def _check_face_finder(network: nn.Module, manifest: Dict[str, Any]) -> None:
    for part in ("detector", "landmarks"):
        if not hasattr(network, part):
            raise BundleError(f"{part}: the network has no submodule of this name")
    detector = manifest["detector"]
    scores, boxes = network.detector(_noise(2, 3, detector["height"], detector["width"]))
    _check_output("detector scores", scores, (2, boxes.shape[1]))
    _check_output("detector boxes", boxes, (2, scores.shape[1], 4))
    size = manifest["landmarks"]["size"]
    # Bundles made before there was a fourth output have three.
    probability, box, points, *upright = network.landmarks(_noise(2, 3, size, size))
    _check_output("landmarks probability", probability, (2,))
    _check_output("landmarks box", box, (2, 4))
    _check_output("landmarks points", points, (2, 5, 2))
    for output in upright:
        _check_output("landmarks upright", output, (2,))


def _noise(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def _check_output(name: str, output: torch.Tensor, shape: tuple) -> None:
    if tuple(output.shape) != shape or output.dtype != torch.float32:
        raise BundleError(f"{name}: the network returns {output.dtype} {tuple(output.shape)}, expected float32 {shape}")
    if not torch.isfinite(output).all():
        raise BundleError(f"{name}: the network returns values that are not finite")


def _without_tiny_weights(network: nn.Module) -> nn.Module:
    with torch.no_grad():
        network = copy.deepcopy(network).cpu()
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor[tensor.abs() < SMALLEST_WEIGHT] = 0
    return network


def _without_debug_records(archive: bytes) -> bytes:
    """The archive without the records that map code to the exporting machine's source files.

    They would make the bytes depend on where the project's folder lies.
    """
    cleaned = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(cleaned, "w") as target:
        for record in source.infolist():
            if not record.filename.endswith(".debug_pkl"):
                # A new ZipInfo carries no time of day; records stay uncompressed, as LibTorch writes them.
                target.writestr(zipfile.ZipInfo(record.filename), source.read(record))
    return cleaned.getvalue()


def _replace(path: Path, content: bytes) -> None:
    """Puts the file in place in one step, on disk before its name is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
