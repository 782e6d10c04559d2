"""Polygons drawn with LabelMe, a JSON file beside each image."""

import base64
import io
import math
from pathlib import Path

import numpy as np
from PIL import Image

from kerasseg.data.folder import Pair
from kerasseg.data.folder import SegmentationPairs
from kerasseg.data.layouts.layout import Layout
from kerasseg.data.layouts.layout import folders_in
from kerasseg.data.layouts.layout import names_in
from kerasseg.data.layouts.layout import with_labels
from kerasseg.data.layouts.records import check_size
from kerasseg.data.layouts.records import find_image
from kerasseg.data.layouts.records import read_record
from kerasseg.data.layouts.records import upright_size
from kerasseg.data.layouts.shapes import BACKGROUND_NAMES
from kerasseg.data.layouts.shapes import IGNORED_NAMES
from kerasseg.data.layouts.shapes import Painter
from kerasseg.labels import Labels

_NAMES = "labels.txt"
_OURS = "labels.json"


def _records(folder):
    return sorted(p for p in folder.glob("*.json") if p.name != _OURS)


def _is_labelme(folder):
    first = next(iter(_records(folder)), None)
    if first is None:
        return False
    try:
        content = first.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return '"shapes"' in content and '"imagePath"' in content


def _splits(folder):
    splits = [s for s in folders_in(folder) if _is_labelme(folder / s)]
    return [*splits, "all"] if _is_labelme(folder) else splits


def _read(folder, split, labels):
    if labels is None and (folder / _NAMES).is_file():
        labels = _labels(folder / _NAMES)
    labels = with_labels(labels, "labelme")
    reader = _Reader(labels)
    part = folder if split == "all" else folder / split
    pairs = [_pair(path, reader) for path in _records(part)]
    return SegmentationPairs(pairs, labels)


def _labels(path):
    """The classes of LabelMe's own list, with the background first."""
    names = names_in(path)
    skip = {*IGNORED_NAMES, *BACKGROUND_NAMES}
    return Labels(("background", *(n for n in names if n not in skip)))


def _pair(path, reader):
    name = str(read_record(path, "shapes", "imagePath")["imagePath"])
    parts = (name, Path(name.replace("\\", "/")).name, path.stem)
    found = (find_image(part, [path.parent]) for part in parts)
    image = next((p for p in found if p is not None), None)
    if image is None:
        raise ValueError(
            f"{path} must lie beside its image. Missing: {path.parent / name}"
        )
    return Pair(path.stem, image, path, reader)


class _Reader:
    def __init__(self, labels):
        self.labels = labels

    def __call__(self, pair):
        path = pair.mask_path
        record = read_record(path, "shapes")
        declared = record.get("imageWidth"), record.get("imageHeight")
        check_size(path, declared, pair.image_path)
        painter = Painter(upright_size(pair.image_path), self.labels, path)
        for shape in record["shapes"]:
            try:
                _paint(painter, shape, path)
            except (KeyError, TypeError, IndexError) as error:
                raise ValueError(
                    f"{path} must hold shapes with label and points. "
                    f"Received: {str(shape)[:80]}"
                ) from error
        return painter.mask()


def _paint(painter, shape, path):
    name, points = shape["label"], shape["points"]
    kind = shape.get("shape_type") or "polygon"
    if kind == "polygon":
        painter.polygon(name, points)
    elif kind == "rectangle":
        painter.box(name, points)
    elif kind == "circle":
        radius = math.dist(*points)
        painter.ellipse(name, points[0], (radius, radius))
    elif kind == "mask":
        painter.pixels(name, points[0], _stencil(shape["mask"], path))
    else:
        raise ValueError(
            f"{path} must hold shapes with an area: polygon, rectangle, "
            f"circle or mask. Received: {kind!r} for {name!r}"
        )


def _stencil(text, path):
    try:
        data = base64.b64decode(text)
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image) > 0
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError(f"{path} holds a damaged mask: {error}") from error


LAYOUT = Layout(
    "labelme",
    "NAME.jpg and NAME.json, in a folder (the split all) or one for each "
    "split; classes from labels.json or labels.txt",
    lambda folder: bool(_splits(folder)),
    _splits,
    _read,
)
