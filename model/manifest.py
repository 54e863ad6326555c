"""What a bundle's likeness.json must say. docs/bundle.md describes the fields."""

import base64
import binascii
import math
from typing import Any, Callable, Dict

FORMAT = 1
# Pixels a side of the crops that the server aligns.
ALIGNED_SIZES = {"arcface112": 112, "arcface192": 192}
CHANNELS = {"RGB": 3, "GRAY": 1}

Check = Callable[[Any], bool]


class ManifestError(ValueError):
    """A field is missing or wrong; the message starts with its name."""


def _text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _positive(value: Any) -> bool:
    return _number(value) and value > 0


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _fraction(value: Any) -> bool:
    return _number(value) and 0 < value < 1


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and len(value) > 0 and all(map(check, value))


def _one_of(*allowed: Any) -> Check:
    return lambda value: any(type(value) is type(item) and value == item for item in allowed)


_PROVENANCE: Dict[str, Check] = {"provenance.source": _text, "provenance.license": _text}

_EMBEDDING: Dict[str, Check] = {
    "name": _text,
    "version": _text,
    "input.width": _count,
    "input.height": _count,
    "input.color": _one_of(*CHANNELS),
    "input.mean": _list_of(_number),
    "input.std": _list_of(_positive),
    "alignment": _one_of(*ALIGNED_SIZES, "none"),
    "embedding.size": _count,
    "embedding.unit_length": _one_of(True, False),
    "margin": _positive,
    "operating_points": lambda value: isinstance(value, list),
    "calibration": lambda value: value is None or isinstance(value, dict),
    **_PROVENANCE,
}

_OPERATING_POINT: Dict[str, Check] = {
    "fmr": _fraction,
    "distance": _positive,
    "genuine_pairs": _count,
    "impostor_pairs": _count,
    "people": _count,
    "source": _text,
}

_INTERVAL: Dict[str, Check] = {"fmr_low": _number, "fmr_high": _number}

_CALIBRATION: Dict[str, Check] = {
    "offset": _number,
    "slope": lambda value: _number(value) and value < 0,
    "genuine_pairs": _count,
    "impostor_pairs": _count,
    "people": _count,
    "source": _text,
}

_GROUP: Dict[str, Check] = {
    "name": _text,
    "fmr": _number,
    "fmr_low": _number,
    "fmr_high": _number,
    "fnmr": _number,
    "genuine_pairs": _count,
    "impostor_pairs": _count,
    "people": _count,
}

_COHORT: Dict[str, Check] = {
    "nearest": _count,
    "cap": _positive,
    "people_in_centroid": _count,
    "sources": lambda value: isinstance(value, list) and all(isinstance(entry, dict) for entry in value),
    "centroids": _text,
}

_COHORT_SOURCE: Dict[str, Check] = {"name": _text, "people": _count, "faces": _count}

_SYNTHETIC: Dict[str, Check] = {"name": _text, "faces_of_person": _count, "faces": _text}

_HEAD: Dict[str, Check] = {
    "base_network": lambda value: value is None or _text(value),
    "mean": _list_of(_number),
    "matrix": _text,
}

_FACE_FINDER: Dict[str, Check] = {
    "name": _text,
    "version": _text,
    "detector.width": _count,
    "detector.height": _count,
    "detector.mean": _number,
    "detector.std": _positive,
    "detector.min_score": _fraction,
    "detector.max_overlap": _fraction,
    "landmarks.size": _count,
    "landmarks.mean": _number,
    "landmarks.std": _positive,
    "landmarks.rounds": _count,
    "landmarks.min_probability": _fraction,
    **_PROVENANCE,
}

_KINDS = {"embedding": _EMBEDDING, "face_finder": _FACE_FINDER}


def validate(manifest: Dict[str, Any]) -> None:
    """ManifestError with the field's name if a field is missing, ill-typed or at odds with another one."""
    _check(manifest, {"format": _one_of(FORMAT), "kind": _one_of(*_KINDS)})
    _check(manifest, _KINDS[manifest["kind"]])
    if manifest["kind"] == "embedding":
        _check_input(manifest)
        _check_operating_points(manifest["operating_points"])
        if manifest["calibration"] is not None:
            _check(manifest["calibration"], _CALIBRATION, "calibration.")
        if manifest.get("cohort") is not None:
            _check_cohort(manifest["cohort"], manifest["embedding"])
        if manifest.get("head") is not None:
            _check_head(manifest["head"], manifest["embedding"])
        if manifest.get("synthetic_people") is not None:
            _check_synthetic_people(manifest["synthetic_people"], manifest["embedding"])


def _check(manifest: Dict[str, Any], checks: Dict[str, Check], prefix: str = "") -> None:
    for field, check in checks.items():
        value: Any = manifest
        for part in field.split("."):
            if not isinstance(value, dict) or part not in value:
                raise ManifestError(f"{prefix}{field}: is missing")
            value = value[part]
        if not check(value):
            raise ManifestError(f"{prefix}{field}: cannot be {value!r}")


def _check_input(manifest: Dict[str, Any]) -> None:
    described = manifest["input"]
    channels = CHANNELS[described["color"]]
    for field in ("mean", "std"):
        count = len(described[field])
        if count != channels:
            raise ManifestError(f"input.{field}: has {count} entries, {described['color']} has {channels} channels")
    size = (described["width"], described["height"])
    side = ALIGNED_SIZES.get(manifest["alignment"])
    if side is not None and size != (side, side):
        raise ManifestError(f"input.width, input.height: {size} is not the {side}x{side} of {manifest['alignment']}")


def _check_operating_points(points: list) -> None:
    for index, point in enumerate(points):
        _check(point, _OPERATING_POINT, f"operating_points[{index}].")
        if "fmr_low" in point:
            _check(point, _INTERVAL, f"operating_points[{index}].")
            if not 0 <= point["fmr_low"] <= point["fmr"] <= point["fmr_high"] <= 1:
                raise ManifestError(f"operating_points[{index}].fmr_low, fmr_high: do not hold the rate")
        for number, group in enumerate(point.get("groups", [])):
            _check(group, _GROUP, f"operating_points[{index}].groups[{number}].")
        if index > 0 and not all(points[index - 1][field] < point[field] for field in ("fmr", "distance")):
            raise ManifestError(f"operating_points[{index}]: fmr and distance must ascend")


def _decoded(text: str, field: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ManifestError(f"{field}: is no base64: {error}") from error


def _check_head(head: Any, embedding: Dict[str, Any]) -> None:
    if not isinstance(head, dict):
        raise ManifestError(f"head: cannot be {head!r}")
    _check(head, _HEAD, "head.")
    if not embedding["unit_length"]:
        raise ManifestError("head: is only for embeddings of unit length")
    size = embedding["size"]
    if len(head["mean"]) != size or len(_decoded(head["matrix"], "head.matrix")) != 2 * size * size:
        raise ManifestError(f"head: is not a mean of {size} numbers and a matrix of {size}x{size}")


def _check_synthetic_people(groups: Any, embedding: Dict[str, Any]) -> None:
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise ManifestError(f"synthetic_people: cannot be {groups!r}")
    if not embedding["unit_length"]:
        raise ManifestError("synthetic_people: is only for embeddings of unit length")
    for index, group in enumerate(groups):
        field = f"synthetic_people[{index}]."
        _check(group, _SYNTHETIC, field)
        faces, rest = divmod(len(_decoded(group["faces"], field + "faces")), embedding["size"])
        if rest or group["faces_of_person"] < 2 or faces % group["faces_of_person"]:
            raise ManifestError(f"{field}faces: are not those of whole people")


def _check_cohort(cohort: Any, embedding: Dict[str, Any]) -> None:
    if not isinstance(cohort, dict):
        raise ManifestError(f"cohort: cannot be {cohort!r}")
    _check(cohort, _COHORT, "cohort.")
    for index, source in enumerate(cohort["sources"]):
        _check(source, _COHORT_SOURCE, f"cohort.sources[{index}].")
    if not embedding["unit_length"]:
        raise ManifestError("cohort: is only for embeddings of unit length")
    numbers = _decoded(cohort["centroids"], "cohort.centroids")
    count, rest = divmod(len(numbers), embedding["size"])
    if rest or not 1 <= cohort["nearest"] <= count:
        raise ManifestError(f"cohort.centroids: are not {cohort['nearest']} or more of {embedding['size']} bytes each")
