"""Writes generated images in the layouts of published datasets."""

import numpy as np
from PIL import Image
from scipy.io import savemat

SIZES = ((120, 150), (150, 110))
VOC = "VOCdevkit/VOC2011"
SBD = "benchmark_RELEASE/dataset"
# Of VOC's val, the first is in SBD's train: the others are seg11valid.
VOC_NAMES = {
    "train": ("2007_000032", "2007_000039"),
    "val": ("2008_000002", "2007_000033"),
}
SBD_NAMES = {
    "train": ("2008_000002", "2008_000008"),
    "val": ("2007_000033", "2008_000015"),
}


def write_voc_and_sbd(root, rng):
    """Pascal VOC 2011 with SBD beside it, 21 classes and void.

    Args:
        root: Folder that KERASSEG_DATA names.
        rng: A `numpy.random.Generator`.
    """
    lists = root / VOC / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    palette = [value for c in range(256) for value in (c, 255 - c, 9)]
    for split, names in VOC_NAMES.items():
        _write_lines(lists / f"{split}.txt", names)
        for name, size in zip(names, SIZES, strict=True):
            _save_image(root / VOC / "JPEGImages" / f"{name}.jpg", size, rng)
            mask = Image.fromarray(_blocks(21, size, rng, void=255))
            mask.putpalette(palette)
            _save(mask, root / VOC / "SegmentationClass" / f"{name}.png")
    for split, names in SBD_NAMES.items():
        for name, size in zip(names, SIZES, strict=True):
            _save_image(root / SBD / "img" / f"{name}.jpg", size, rng)
            content = np.zeros((1, 1), [("Segmentation", "O")])
            content[0, 0]["Segmentation"] = _blocks(21, size, rng, void=0)
            path = root / SBD / "cls" / f"{name}.mat"
            path.parent.mkdir(exist_ok=True)
            savemat(path, {"GTcls": content})
        _write_lines(root / SBD / f"{split}.txt", names)


def write_ade20k(root, rng):
    """ADE20K of the scene parsing benchmark: 0 is void, 1 the first class.

    Args:
        root: Folder that KERASSEG_DATA names.
        rng: A `numpy.random.Generator`.
    """
    folder = root / "ADEChallengeData2016"
    for split, short in (("training", "train"), ("validation", "val")):
        for number, size in enumerate(SIZES, start=1):
            name = f"ADE_{short}_{number:08}"
            _save_image(folder / "images" / split / f"{name}.jpg", size, rng)
            mask = Image.fromarray(_blocks(151, size, rng, void=0))
            _save(mask, folder / "annotations" / split / f"{name}.png")


def _blocks(count, size, rng, void):
    """Ids in squares of ten pixels, below a strip of void."""
    rows, columns = (length // 10 for length in size)
    ids = rng.integers(0, count, (rows, columns), dtype="uint8")
    mask = ids.repeat(10, axis=0).repeat(10, axis=1)
    mask[:5] = void
    return mask


def _save_image(path, size, rng):
    pixels = rng.integers(0, 256, (*size, 3), dtype="uint8")
    _save(Image.fromarray(pixels), path)


def _save(image, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def _write_lines(path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
