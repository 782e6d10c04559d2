"""The pairs of files in a folder, with what is wrong instead of an error."""

import unicodedata
from collections import defaultdict
from pathlib import Path

from kerasseg.data.doctor.file_problems import unicode_names
from kerasseg.data.doctor.report import ERROR
from kerasseg.data.doctor.report import Problem
from kerasseg.data.doctor.words import many
from kerasseg.data.doctor.words import problem
from kerasseg.data.folder import MASK_SUFFIXES
from kerasseg.data.folder import Pair
from kerasseg.data.folder import image_files
from kerasseg.data.layouts.layout import Layout
from kerasseg.data.layouts.layout import folders_in
from kerasseg.labels import Labels

Splits = dict[str, list[Pair]]


def splits_in(
    folder: Path, layout: Layout, labels: Labels | None
) -> tuple[Splits, Labels | None, list[Problem]]:
    """The pairs of each split in a folder, and what is wrong with the files.

    Args:
        folder: The folder of the dataset.
        layout: How its files lie there.
        labels: What the ids mean, if that is known.

    Returns:
        The pairs by split, the labels (those in the files, if none were
        given) and the problems.
    """
    if layout.name == "folders":
        splits, problems = _in_plain_folders(folder)
        return splits, labels, problems
    splits, problems = {}, []
    for split in layout.splits(folder):
        try:
            data = layout.read(folder, split, labels)
        except (ValueError, OSError) as error:
            problems.append(problem("layout", ERROR, f"{split}: {error}"))
            continue
        splits[split] = list(data.pairs)
        labels = labels or data.labels
    return splits, labels, problems


def _in_plain_folders(folder):
    names = {*folders_in(folder / "images"), *folders_in(folder / "masks")}
    splits, problems = {}, []
    for split in sorted(names):
        pairs, found = _paired(folder, split)
        splits[split] = pairs
        problems += found
    if not names:
        loose = len(image_files(folder / "images"))
        hint = (
            f"; {many(loose, 'image')} in it are in no split: move them to "
            "images/train, and their masks to masks/train"
        )
        problems.append(
            problem(
                "no_samples",
                ERROR,
                f"There are no folders of splits in {folder / 'images'}"
                f"{hint if loose else ''}.",
            )
        )
    return splits, problems


def _paired(folder, split):
    """The pairs of a split, and what is wrong with the names."""
    images, problems = _by_name(folder / "images" / split)
    masks, more = _by_name(folder / "masks" / split)
    problems += more + _no_masks(masks)
    names = sorted({*images} & {*masks})
    pairs = [Pair(name, images[name], masks[name]) for name in names]
    twins, without = _partners({*images} - {*masks}, {*masks} - {*images})
    if twins:
        files = [str(masks[mask]) for _, mask in twins]
        problems.append(unicode_names(files, "an image and its mask"))
        pairs += [Pair(i, images[i], masks[m]) for i, m in twins]
    alone = [str(images.get(n) or masks[n]) for n in sorted(without)]
    if alone:
        problems.append(
            problem(
                "unpaired",
                ERROR,
                f"{many(len(alone), 'file')} of {split!r} "
                f"{'have' if len(alone) > 1 else 'has'} no partner of the same "
                f"name among the masks or images. The first: {alone[0]}",
                alone,
            )
        )
    if not pairs:
        problems.append(
            problem("no_samples", ERROR, f"There is no pair in {split!r}.")
        )
    return pairs, problems


def _by_name(folder):
    """The first file of each name, and a problem where there are more."""
    found = image_files(folder)
    files = {name: paths[0] for name, paths in found.items()}
    again = [str(path) for _, *more in found.values() for path in more]
    if not again:
        return files, []
    message = (
        f"{many(len(again), 'file')} have the name of another one with another "
        f"suffix. The first: {again[0]}"
    )
    return files, [problem("ambiguous_names", ERROR, message, again)]


def _no_masks(masks):
    """Files among the masks that are in no format for masks."""
    wrong = {n: p for n, p in masks.items() if not _may_be_mask(p)}
    for name in wrong:
        del masks[name]
    if not wrong:
        return []
    files = [str(path) for path in wrong.values()]
    message = (
        f"{many(len(files), 'mask')} must be PNG files; JPEG changes ids. The "
        f"first: {files[0]}"
    )
    return [problem("mask_format", ERROR, message, files)]


def _may_be_mask(path):
    return path.suffix.lower() in MASK_SUFFIXES


def _partners(images, masks):
    """Names that are the same in composed form, and those without a twin."""
    forms = defaultdict(list)
    for name in masks:
        forms[unicodedata.normalize("NFC", name)].append(name)
    twins = []
    for name in sorted(images):
        others = forms[unicodedata.normalize("NFC", name)]
        if others:
            twins.append((name, others.pop()))
    paired = {name for twin in twins for name in twin}
    return twins, (images | masks) - paired
