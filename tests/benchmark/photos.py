"""The pictures that benchmarks send, made from a folder of photos. Needs Pillow."""

from pathlib import Path
from typing import List

from PIL import Image, ImageOps


def find(folder: Path) -> List[Path]:
    photos = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".jpg", ".jpeg"))
    if not photos:
        raise SystemExit(f"compare_engines: there are no JPEG files in {folder}")
    return photos


def write_faces(photos: List[Path], side: int, target: Path) -> None:
    """The middle of each photo as 8-bit RGB without a header: what engines run on. Where a face lies does not matter."""
    target.write_bytes(b"".join(ImageOps.fit(_open(photo), (side, side)).tobytes() for photo in photos))


def write_small(photo: Path, target: Path) -> None:
    """250x250, as in Labeled Faces in the Wild; a photo of that size is taken as it is."""
    picture = _open(photo)
    if picture.size == (250, 250):
        target.write_bytes(photo.read_bytes())
    else:
        ImageOps.fit(picture, (250, 250)).save(target, quality=90)


def write_large(photo: Path, target: Path, noise: float) -> None:
    """4000x3000, 12 megapixels. Enlarged photos are smooth; noise makes files as large as those of real sensors."""
    size = (4000, 3000)
    picture = ImageOps.pad(_open(photo), size, Image.BICUBIC, color=(96, 96, 96))
    if noise > 0:
        picture = Image.blend(picture, Image.effect_noise(size, 10 * noise).convert("RGB"), 0.1)
    picture.save(target, quality=90)


def _open(photo: Path) -> Image.Image:
    return Image.open(photo).convert("RGB")
