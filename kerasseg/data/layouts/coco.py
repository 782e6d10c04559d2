"""COCO's JSON of instances: polygons and run lengths."""

import os
from collections import defaultdict
from pathlib import Path

import numpy as np

from kerasseg.data.folder import Pair
from kerasseg.data.folder import SegmentationPairs
from kerasseg.data.layouts.layout import Layout
from kerasseg.data.layouts.layout import folders_in
from kerasseg.data.layouts.records import find_image
from kerasseg.data.layouts.records import read_record
from kerasseg.data.layouts.shapes import BACKGROUND_NAMES
from kerasseg.data.layouts.shapes import Painter
from kerasseg.labels import Labels

_BESIDE = "_annotations.coco.json"
_PREFIX = "instances_"


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
        ValueError: If the file cannot be used, or an image is missing.
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
    categories = {c["id"]: c["name"] for c in record["categories"]}
    if labels is None:
        names = [categories[i] for i in sorted(categories)]
        named = (n for n in names if n not in BACKGROUND_NAMES)
        labels = Labels(("background", *named))
    painter = Painter((1, 1), labels, path)
    ids = {i: painter.class_id(name) for i, name in categories.items()}
    objects = defaultdict(list)
    for annotation in record["annotations"]:
        if annotation["category_id"] not in ids:
            raise ValueError(
                f"{path} must have a category for each annotation. "
                f"Received: category_id={annotation['category_id']!r}"
            )
        objects[annotation["image_id"]].append(annotation)
    pairs = []
    for image in record["images"]:
        name = str(image["file_name"])
        found = find_image(name, [folder])
        if found is None:
            raise ValueError(
                f"{path} must lie with its images. Missing: {folder / name}"
            )
        size = int(image["height"]), int(image["width"])
        reader = _Objects(objects[image["id"]], ids, size)
        stem = Path(name).with_suffix("").as_posix()
        pairs.append(Pair(stem, found, path, reader))
    return SegmentationPairs(pairs, labels)


class _Objects:
    def __init__(self, annotations, ids, size):
        self.annotations = annotations
        self.ids = ids
        self.size = size

    def __call__(self, pair):
        tools = _pycocotools()
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
    if isinstance(segmentation, list):
        if not segmentation:
            return np.zeros(size, bool)
        code = tools.merge(tools.frPyObjects(segmentation, *size))
    elif isinstance(segmentation["counts"], list):
        code = tools.frPyObjects(segmentation, *size)
    else:
        code = segmentation
    if tuple(code["size"]) != size:
        raise ValueError(f"its size is {code['size']}, not {list(size)}")
    return tools.decode(code).astype(bool)


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
