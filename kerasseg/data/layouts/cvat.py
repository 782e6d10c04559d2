"""Exports of CVAT: its XML of shapes, and its painted masks."""

import math
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from kerasseg.data.folder import Pair
from kerasseg.data.folder import SegmentationPairs
from kerasseg.data.layouts.color import color_reader
from kerasseg.data.layouts.layout import Layout
from kerasseg.data.layouts.layout import lists_in
from kerasseg.data.layouts.layout import names_in
from kerasseg.data.layouts.records import check_size
from kerasseg.data.layouts.records import find_image
from kerasseg.data.layouts.records import upright_size
from kerasseg.data.layouts.shapes import BACKGROUND_NAMES
from kerasseg.data.layouts.shapes import IGNORED_NAMES
from kerasseg.data.layouts.shapes import Painter
from kerasseg.labels import Labels

_XML = "annotations.xml"
_WITHOUT_AREA = ("polyline", "points", "skeleton", "cuboid")


def _root(folder):
    path = folder / _XML
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise ValueError(f"Cannot read {path}: {error}") from error
    if root.tag != "annotations" or root.find("track") is not None:
        raise ValueError(
            f'{path} must be of the form "CVAT for images"; export it so.'
        )
    return root


def _xml_splits(folder):
    images = _root(folder).iter("image")
    return sorted({image.get("subset") or "all" for image in images})


def _read_xml(folder, split, labels):
    root = _root(folder)
    labels = labels or _labels(root, folder)
    pairs = [
        _xml_pair(image, folder, labels)
        for image in root.iter("image")
        if (image.get("subset") or "all") == split
    ]
    return SegmentationPairs(pairs, labels)


def _labels(root, folder):
    """The classes that the file declares, with the background first."""
    declared = [
        (label.findtext("name", ""), label.findtext("color") or "")
        for label in root.findall("meta//labels/label")
        if label.findtext("type") != "skeleton"
    ]
    skip = {*IGNORED_NAMES, *BACKGROUND_NAMES}
    declared = {n: c for n, c in declared if n and n not in skip}
    if not declared:
        raise ValueError(
            f"{folder / _XML} declares no classes: `labels` must be given."
        )
    try:
        colors = [bytes.fromhex(c.lstrip("#")) for c in declared.values()]
        palette = ((0, 0, 0), *(tuple(color) for color in colors))
        return Labels(("background", *declared), palette)
    except ValueError:
        return Labels(("background", *declared))


def _xml_pair(image, folder, labels):
    name = image.get("name") or ""
    places = [
        folder / "images",
        folder,
        folder / "images" / image.get("subset", ""),
    ]
    path = find_image(name, places)
    if path is None:
        raise ValueError(
            f"{folder / _XML} must lie beside its images; export them too. "
            f"Missing: {folder / 'images' / name}"
        )
    return Pair(
        Path(name).with_suffix("").as_posix(),
        path,
        folder / _XML,
        _Shapes(image, labels),
    )


class _Shapes:
    def __init__(self, image, labels):
        self.declared = image.get("width"), image.get("height")
        self.shapes = sorted(image, key=lambda s: int(s.get("z_order") or 0))
        self.labels = labels

    def __call__(self, pair):
        source = f"{pair.mask_path}, image {pair.name}"
        check_size(source, self.declared, pair.image_path)
        size = upright_size(pair.image_path)
        painter = Painter(size, self.labels, source)
        for shape in self.shapes:
            paint = _PAINT.get(shape.tag)
            if shape.tag in _WITHOUT_AREA:
                raise ValueError(
                    f"{source} must have shapes with an area. Received: "
                    f"{shape.tag} for {shape.get('label')!r}"
                )
            if paint is not None:
                try:
                    paint(painter, shape, shape.get("label"))
                except (KeyError, TypeError, ValueError) as error:
                    if source in str(error):
                        raise
                    raise ValueError(
                        f"{source} has a damaged {shape.tag}: {error}"
                    ) from error
        return painter.mask()


def _numbers(shape, *names):
    return [float(shape.attrib[name]) for name in names]


def _polygon(painter, shape, name):
    points = [p.split(",") for p in shape.attrib["points"].split(";")]
    painter.polygon(name, [(float(x), float(y)) for x, y in points])


def _box(painter, shape, name):
    left, top, right, bottom = _numbers(shape, "xtl", "ytl", "xbr", "ybr")
    turn = float(shape.get("rotation") or 0)
    if not turn:
        painter.box(name, ((left, top), (right, bottom)))
        return
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    center = ((left + right) / 2, (top + bottom) / 2)
    painter.polygon(name, _turned(corners, center, turn))


def _ellipse(painter, shape, name):
    x, y, rx, ry = _numbers(shape, "cx", "cy", "rx", "ry")
    turn = float(shape.get("rotation") or 0)
    if not turn:
        painter.ellipse(name, (x, y), (rx, ry))
        return
    angles = np.linspace(0, 2 * math.pi, 180, endpoint=False)
    edge = [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]
    painter.polygon(name, _turned(edge, (x, y), turn))


def _turned(points, center, degrees):
    """Points turned clockwise, as the y axis points down."""
    sine = math.sin(math.radians(degrees))
    cosine = math.cos(math.radians(degrees))
    x0, y0 = center
    return [
        (
            x0 + (x - x0) * cosine - (y - y0) * sine,
            y0 + (x - x0) * sine + (y - y0) * cosine,
        )
        for x, y in points
    ]


def _mask(painter, shape, name):
    left, top, width, height = (
        int(v) for v in _numbers(shape, "left", "top", "width", "height")
    )
    runs = [int(run) for run in shape.attrib["rle"].split(",")]
    if sum(runs) > width * height:
        raise ValueError(
            f"A mask must have runs for {width * height} pixels at most. "
            f"Received: {sum(runs)} for {name!r}"
        )
    # The runs alternate, and begin with pixels outside.
    inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    inside = np.pad(inside, (0, width * height - inside.size))
    painter.pixels(name, (left, top), inside.reshape(height, width))


_PAINT: dict[str, Callable] = {
    "polygon": _polygon,
    "box": _box,
    "ellipse": _ellipse,
    "mask": _mask,
}

LAYOUT = Layout(
    "cvat",
    'annotations.xml of the form "CVAT for images" and images/NAME.jpg; the '
    "subsets are the splits, else there is one, all",
    lambda folder: (folder / _XML).is_file(),
    _xml_splits,
    _read_xml,
)


def _colors(folder):
    """The color of each class in labelmap.txt, `{name: color}`."""
    path = folder / "labelmap.txt"
    colors = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, rest = line.partition(":")
            color = rest.split(":")[0].split(",")
            try:
                red, green, blue = (int(value) for value in color)
            except ValueError as error:
                raise ValueError(
                    f'{path} must have lines like "car:64,0,128::". '
                    f"Received: {line!r}"
                ) from error
            colors[name.strip()] = (red, green, blue)
    return colors


def _read_masks(folder, split, labels):
    colors = _colors(folder)
    scored = {n: c for n, c in colors.items() if n not in IGNORED_NAMES}
    labels = labels or Labels(tuple(scored), tuple(scored.values()))
    painter = Painter((1, 1), labels, folder / "labelmap.txt")
    ids = {color: painter.class_id(name) for name, color in colors.items()}
    read = color_reader(ids)
    places = [folder / "JPEGImages", folder / "images", folder]
    pairs = []
    for name in names_in(
        folder / "ImageSets" / "Segmentation" / f"{split}.txt"
    ):
        image = find_image(name, places)
        if image is None:
            raise ValueError(
                "An export of masks must have its images too. Missing: "
                f"{folder / 'JPEGImages' / name}"
            )
        mask = folder / "SegmentationClass" / f"{name}.png"
        pairs.append(Pair(name, image, mask, read))
    return SegmentationPairs(pairs, labels)


MASKS = Layout(
    "cvat_masks",
    "labelmap.txt, SegmentationClass/NAME.png, JPEGImages/NAME.jpg and "
    "ImageSets/Segmentation/SPLIT.txt",
    lambda folder: (
        (folder / "labelmap.txt").is_file()
        and (folder / "SegmentationClass").is_dir()
    ),
    lambda folder: lists_in(folder / "ImageSets" / "Segmentation"),
    _read_masks,
)
