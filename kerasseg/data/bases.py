"""Bases of the Laplacian reconstruction, computed from training masks."""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from kerasseg.ids import check_ids

_TRIES = 100


def reconstruction_bases(
    masks: Sequence[np.ndarray],
    num_classes: int,
    num_bases: int = 10,
    size: int = 8,
    patch_size: int = 32,
    patches: int = 10000,
    min_share: float = 0.02,
    ignore_classes: tuple[int, ...] = (255,),
    seed: int = 0,
) -> np.ndarray:
    """Principal components of each class's shape in small patches of masks.

    Patches at random places are kept for every class that fills at least
    `min_share` of them, as binary masks `X` of that class. With the singular
    values `s` and right vectors `v` of `X - mean(X)`, basis `k` is
    `sqrt(s_k) v_k`, shrunk to `size` by an antialiased bicubic. The mean is
    not used. Where a class has fewer than `patches` patches, `s` is scaled to
    that number, so that all classes have bases of like strength; signs are
    fixed such that the entry furthest from zero is positive.

    Args:
        masks: Arrays of class ids, each of shape `(height, width)`.
        num_classes: Number of classes.
        num_bases: Number of bases per class. Defaults to 10.
        size: Height and width of a basis. Defaults to 8.
        patch_size: Height and width of a patch. Defaults to 32.
        patches: Number of patches per class; fewer are used if no more are
            found. Defaults to 10000.
        min_share: Smallest share of a patch that the class fills, 0 to 1.
            Defaults to 0.02.
        ignore_classes: Ids of no class. Defaults to `(255,)`.
        seed: Non-negative integer behind the choice of patches. Defaults to
            0.

    Returns:
        `float32` array of shape `(num_classes, num_bases, size, size)`.

    Raises:
        ValueError: If a mask is too small or holds an unknown id, or if too
            few patches of a class are found; the message names it.

    Reference:
        Ghiasi and Fowlkes 2016, https://arxiv.org/abs/1605.02264, section 3.
    """
    if not 0 < num_bases < min(patches, patch_size**2):
        raise ValueError(
            "`num_bases` must be positive, and smaller than the number of "
            "patches and of pixels in a patch. Received: "
            f"num_bases={num_bases}"
        )
    _check_masks(masks, patch_size)
    present = _presence(masks, num_classes, ignore_classes)
    found = _sample(masks, present, patch_size, patches, min_share, seed)
    for class_id, shapes in enumerate(found):
        if len(shapes) <= num_bases:
            raise ValueError(
                f"`masks` must show class {class_id} in more than {num_bases} "
                f"patches of {patch_size}x{patch_size} pixels, and fill at "
                f"least {min_share:.0%} of each. Received: {len(shapes)} such "
                "patches"
            )
    bases = np.empty((num_classes, num_bases, size, size), "float32")
    for shapes, rows in zip(found, bases, strict=True):
        components = _components(shapes, num_bases, patches)
        for component, basis in zip(components, rows, strict=True):
            basis[:] = _shrink(component.reshape(patch_size, -1), size)
    return bases


def _check_masks(masks, patch_size):
    if len(masks) == 0:
        raise ValueError("`masks` must not be empty.")
    for mask in masks:
        if mask.ndim != 2 or min(mask.shape) < patch_size:
            raise ValueError(
                f"`masks` must be (height, width) arrays of {patch_size} "
                f"pixels a side or more. Received: shape={mask.shape}"
            )


def _presence(masks, num_classes, ignore_classes):
    """Which mask shows which class, `(masks, classes)`."""
    present = np.zeros((len(masks), num_classes), bool)
    for row, mask in zip(present, masks, strict=True):
        check_ids(mask, num_classes, ignore_classes, "A mask of `masks`")
        row[np.setdiff1d(mask, ignore_classes)] = True
    return present


def _sample(masks, present, patch_size, patches, min_share, seed):
    """Binary patches of each class, a list of `(n, pixels)` arrays."""
    rng = np.random.default_rng(seed)
    classes = range(present.shape[1])
    found = [[] for _ in classes]
    count = np.zeros(len(classes), int)
    visits = np.zeros(len(classes), int)
    # Enough for a class that one patch in a hundred shows.
    most_visits = max(len(masks), patches * 100 // _TRIES)
    wanted = present.any(axis=0)
    while wanted.any():
        for mask, shown in zip(masks, present, strict=True):
            if not (shown & wanted).any():
                continue
            drawn = _draw(mask, patch_size, rng)
            for class_id in np.flatnonzero(shown & wanted):
                shapes = drawn == class_id
                enough = shapes.mean(axis=1) >= min_share
                shapes = shapes[enough][: patches - count[class_id]]
                found[class_id].append(shapes)
                count[class_id] += len(shapes)
            visits += shown
            wanted &= (count < patches) & (visits < most_visits)
    empty = np.zeros((0, patch_size**2), bool)
    return [np.concatenate([empty, *parts]) for parts in found]


def _draw(mask, patch_size, rng):
    windows = sliding_window_view(mask, (patch_size, patch_size))
    rows = rng.integers(windows.shape[0], size=_TRIES)
    columns = rng.integers(windows.shape[1], size=_TRIES)
    return windows[rows, columns].reshape(_TRIES, -1)


def _components(shapes, num_bases, patches):
    """`sqrt(s_k) v_k` of the centered patches, `(num_bases, pixels)`."""
    values = shapes.astype("float32")
    mean = values.mean(axis=0, dtype="float64")
    # The product counts pixels, which float32 does exactly.
    scatter = (values.T @ values).astype("float64")
    scatter -= len(values) * np.outer(mean, mean)
    scatter *= patches / len(values)
    squares, vectors = np.linalg.eigh(scatter)
    squares = squares[::-1][:num_bases].clip(min=0)
    vectors = vectors.T[::-1][:num_bases]
    furthest = np.abs(vectors).argmax(axis=1)[:, None]
    signs = np.sign(np.take_along_axis(vectors, furthest, axis=1))
    return (squares**0.25)[:, None] * signs * vectors


def _shrink(component, size):
    image = Image.fromarray(component.astype("float32"))
    return image.resize((size, size), Image.Resampling.BICUBIC)
