"""COCO's JSON of instances: polygons and run lengths."""

import os
from collections import defaultdict
from pathlib import Path

import numpy as np

from kerasseg.data.folder import Pair
from kerasseg.data.folder import SegmentationPairs
from kerasseg.data.layouts.layout import Layout
from kerasseg.data.layouts.layout import folders_in
from kerasseg.data.layouts.records import check_size
from kerasseg.data.layouts.records import find_image
from kerasseg.data.layouts.records import read_record
from kerasseg.data.layouts.records import upright_size
from kerasseg.data.layouts.shapes import BACKGROUND_NAMES
from kerasseg.data.layouts.shapes import FARTHEST
from kerasseg.data.layouts.shapes import Painter
from kerasseg.labels import Labels

_BESIDE = "_annotations.coco.json"
_PREFIX = "instances_"
# A compressed run is in digits of five bits, with a sixth where more follow.
_FIRST_DIGIT, _DIGIT_BITS = ord("0"), 5


def coco(
    images: str | os.PathLike,
    annotations: str | os.PathLike,
    labels: Labels | None = None,
) -> SegmentationPairs:
    """Samples of a file of annotations in COCO's form.

    The objects of an image are painted over each other, the largest first,
    so that a small one in front of a large one stays; crowds count as their
    class. What no object covers is background, id 0. Needs pycocotools,
    which reads the polygons and run lengths.

    Args:
        images: Folder of the images.
        annotations: JSON file with images, annotations and categories.
        labels: Classes by the names of categories. Defaults to `None`: the
            background, and the categories in the order of their ids.

    Returns:
        The samples, in the order of the file.

    Raises:
        ValueError: If the file cannot be used, an image is missing, or an
            annotation is of none of the images.
    """
    path = Path(annotations)
    record = read_record(path, "images", "annotations", "categories")
    try:
        return _samples(Path(images), path, record, labels)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} must have the form of COCO's instances. Not found in "
            f"one of its records: {error}"
        ) from error


def _samples(folder, path, record, labels):
    categories = {
        key: c["name"] for key, c in _by_id(path, record, "categories").items()
    }
    images = _by_id(path, record, "images")
    if labels is None:
        names = [categories[i] for i in sorted(categories)]
        named = (n for n in names if n not in BACKGROUND_NAMES)
        labels = Labels(("background", *named))
    painter = Painter((1, 1), labels, path)
    ids = {i: painter.class_id(name) for i, name in categories.items()}
    objects = defaultdict(list)
    for annotation in record["annotations"]:
        for key, what, known in (
            ("category_id", "a category", ids),
            ("image_id", "an image", images),
        ):
            if annotation[key] not in known:
                raise ValueError(
                    f"{path} must have {what} for each annotation. "
                    f"Received: {key}={annotation[key]!r}"
                )
        objects[annotation["image_id"]].append(annotation)
    pairs = []
    for image in images.values():
        name = str(image["file_name"])
        found = find_image(name, [folder])
        if found is None:
            raise ValueError(
                f"{path} must lie with its images. Missing: {folder / name}"
            )
        size = _size(path, image)
        reader = _Objects(objects[image["id"]], ids, size)
        stem = Path(name).with_suffix("").as_posix()
        pairs.append(Pair(stem, found, path, reader))
    return SegmentationPairs(pairs, labels)


def _by_id(path, record, what):
    """Records by their ids."""
    found = {}
    for item in record[what]:
        if item["id"] in found:
            raise ValueError(
                f"{path} must give each of its {what} another id. "
                f"Received twice: id={item['id']!r}"
            )
        found[item["id"]] = item
    return found


def _size(path, image):
    """Height and width in pixels."""
    given = image["height"], image["width"]
    try:
        height, width = map(int, given)
    except (ValueError, OverflowError):
        height = width = 0
    if min(height, width) < 1:
        raise ValueError(
            f"{path} must have the height and width of each image in pixels. "
            f"Received: {given} of {image['file_name']}"
        )
    return height, width


class _Objects:
    def __init__(self, annotations, ids, size):
        self.annotations = annotations
        self.ids = ids
        self.size = size

    def __call__(self, pair):
        tools = _pycocotools()
        actual = upright_size(pair.image_path)
        # How the image is turned, the pairs themselves heed.
        if sorted(actual) != sorted(self.size):
            check_size(pair.mask_path, self.size[::-1], pair.image_path)
        mask = np.zeros(self.size, "int32")
        shapes = []
        for annotation in self.annotations:
            try:
                inside = _inside(tools, annotation["segmentation"], self.size)
            except Exception as error:
                raise ValueError(
                    f"{pair.mask_path} has a damaged segmentation of image "
                    f"{pair.name}: {error!r}"
                ) from error
            shapes.append((inside.sum(), annotation["category_id"], inside))
        for _, category, inside in sorted(shapes, key=lambda s: -s[0]):
            mask[inside] = self.ids[category]
        return mask


def _inside(tools, segmentation, size):
    """Where an object is; the parts of a polygon together."""
    if not isinstance(segmentation, list):
        return _in_runs(segmentation, size)
    # One or two points have no area, and pycocotools takes four numbers for a
    # box.
    parts = [p for p in map(_corners, segmentation) if len(p) >= 6]
    if not parts:
        return np.zeros(size, bool)
    code = tools.merge(tools.frPyObjects(parts, *size))
    return tools.decode(code).astype(bool)


def _corners(part):
    """The numbers of a part of a polygon: x, y, x, y and so on."""
    numbers = np.array(part, "float64")
    if numbers.ndim != 1 or numbers.size % 2:
        raise ValueError(f"a part must be x, y, x, y and so on, not {part}")
    # Infinity included, for which pycocotools takes all memory.
    if not (np.abs(numbers) <= FARTHEST).all():
        raise ValueError(f"a part must be within {FARTHEST} pixels, not {part}")
    return numbers.tolist()


def _in_runs(segmentation, size):
    """Where an object is of run lengths, which go down the columns."""
    if tuple(segmentation["size"]) != size:
        raise ValueError(
            f"its size is {segmentation['size']}, not {list(size)}"
        )
    runs = segmentation["counts"]
    runs = _decompressed(runs) if isinstance(runs, str) else runs
    if any(run != int(run) or run < 0 for run in runs):
        raise ValueError("a run is no number of pixels")
    # pycocotools leaves pixels of no run as they happen to be in memory.
    if sum(runs) != size[0] * size[1]:
        raise ValueError(f"its runs have {sum(runs)} pixels of {list(size)}")
    inside = np.arange(len(runs)) % 2 == 1
    return inside.repeat(np.array(runs, int)).reshape(size[::-1]).T


def _decompressed(text):
    """The run lengths of a text, from the third the differences to before."""
    runs, run, shift = [], 0, 0
    for letter in text:
        digit = ord(letter) - _FIRST_DIGIT
        if not 0 <= digit < 1 << (_DIGIT_BITS + 1):
            raise ValueError(f"{letter!r} is no digit of a run")
        run |= (digit & 31) << shift
        shift += _DIGIT_BITS
        if digit & 32:
            continue
        # The last digit begins with the sign.
        run -= (digit & 16) << (shift - _DIGIT_BITS + 1)
        runs.append(run + (runs[-2] if len(runs) > 2 else 0))
        run, shift = 0, 0
    if shift:
        raise ValueError("its last run is cut off")
    return runs


def _pycocotools():
    try:
        from pycocotools import mask
    except ImportError as error:
        raise ImportError(
            "COCO's polygons and run lengths need pycocotools: "
            'pip install "kerasseg[formats]"'
        ) from error
    return mask


def _files(folder):
    """The file of annotations of each split."""
    files = {
        split: folder / split / _BESIDE
        for split in folders_in(folder)
        if (folder / split / _BESIDE).is_file()
    }
    for path in sorted((folder / "annotations").glob(f"{_PREFIX}*.json")):
        files[path.stem.removeprefix(_PREFIX)] = path
    return files


def _read(folder, split, labels):
    path = _files(folder)[split]
    places = (folder / "images" / split, folder / split, folder / "images")
    images = next((p for p in places if p.is_dir()), folder)
    return coco(images, path, labels)


LAYOUT = Layout(
    "coco",
    "annotations/instances_SPLIT.json and images/SPLIT/NAME.jpg (or SPLIT/), "
    f"or SPLIT/{_BESIDE} beside the images",
    lambda folder: bool(_files(folder)),
    lambda folder: list(_files(folder)),
    _read,
)
