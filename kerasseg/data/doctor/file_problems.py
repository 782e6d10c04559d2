"""What is wrong with the files of a dataset, whatever their ids mean."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from kerasseg.channels import RGB
from kerasseg.data.bands import FEW_BITS
from kerasseg.data.doctor.report import ERROR
from kerasseg.data.doctor.report import WARNING
from kerasseg.data.doctor.report import Problem
from kerasseg.data.doctor.scan import GRAY_MODES
from kerasseg.data.doctor.scan import Scan
from kerasseg.data.doctor.words import are
from kerasseg.data.doctor.words import many
from kerasseg.data.doctor.words import problem
from kerasseg.data.doctor.words import size_text
from kerasseg.data.doctor.words import verb

# EXIF orientations that turn by 180 degrees or mirror, and keep the size.
_SAME_SIZE = (2, 3, 4)


def of_files(scans: list[Scan]) -> list[Problem]:
    """What is wrong with samples, whatever their ids mean.

    Args:
        scans: What was seen of all samples.

    Returns:
        The problems.
    """
    found = []
    for look in (_unreadable, _sizes, _turned, _flat, _few_bits, _forms):
        found += look(scans)
    return found


def duplicates(scans: list[Scan]) -> list[Problem]:
    """Which images are there more than once.

    Args:
        scans: What was seen of all samples, with hashes.

    Returns:
        The problems.
    """
    same = defaultdict(list)
    for scan in scans:
        if scan.image_hash and scan.color is None:
            same[scan.image_hash].append(scan)
    groups = [group for group in same.values() if len(group) > 1]
    nested = _nested(scans)
    across = [g for g in groups if not _belong_together(g, nested)]
    within = [g for g in groups if len({s.split for s in g}) < len(g)]
    found = []
    if across:
        found.append(_copies("duplicates_across_splits", ERROR, across))
    if within:
        found.append(_copies("duplicates", WARNING, within))
    return found


def _nested(scans):
    """Pairs of splits of which one holds all files of the other.

    Such as `train` and `trainval`, which is not an error.
    """
    files = defaultdict(set)
    for scan in scans:
        files[scan.split].add(scan.image_file)
    return {(a, b) for a in files for b in files if files[a] <= files[b]}


def _belong_together(group, nested):
    splits = {scan.split for scan in group}
    return all((a, b) in nested or (b, a) in nested
               for a in splits for b in splits)  # fmt: skip


def _copies(name, severity, groups):
    shown = " = ".join(f"{scan.split}/{scan.name}" for scan in groups[0][:3])
    unlike = sum(len({scan.mask_hash for scan in g}) > 1 for g in groups)
    where, effect = {
        ERROR: ("in more than one split", "Scores on images that were trained "
                "on are too good: keep each in one split."),
        WARNING: ("more than once in a split", "Each counts several times."),
    }[severity]  # fmt: skip
    masks = f", {unlike} of them with unlike masks" if unlike else ""
    return problem(
        name,
        severity,
        f"{many(len(groups), 'image')} {are(len(groups))} {where}{masks}: "
        f"{shown}{_and_others(len(groups))}. {effect}",
        (scan.image_file for group in groups for scan in group),
    )


def _unreadable(scans):
    bad = [scan for scan in scans if scan.faults]
    if not bad:
        return []
    return [
        problem(
            "unreadable",
            ERROR,
            f"{many(len(bad), 'sample')} cannot be used. "
            + " ".join(fault for scan in bad[:3] for fault in scan.faults),
            (scan.image_file for scan in bad),
        )
    ]


def _sizes(scans):
    bad = [
        scan
        for scan in scans
        if None not in (scan.image_size, scan.mask_size)
        and scan.image_size != scan.mask_size
    ]
    if not bad:
        return []
    first = bad[0]
    why = sum(_exif_is_why(scan) for scan in bad)
    reason = ""
    if why:
        reason = (
            f" EXIF is the reason for {why} of them: the image is stored as "
            "it lies and turned as it is read, the mask was drawn on it as it "
            "is stored. Turn these images for good and save them without EXIF, "
            "or turn the masks, or read the dataset "
            '`.with_orientation("stored")`.'
        )
    elif first.image_size == first.mask_size[::-1]:
        reason = " The mask seems to be turned by 90 degrees."
    return [
        problem(
            "sizes_differ",
            ERROR,
            f"{many(len(bad), 'pair')} of an image and a mask "
            f"{verb('differ', len(bad))} in size: "
            f"{size_text(first.image_size)} for {first.image_file}, "
            f"{size_text(first.mask_size)} for {first.mask_file}.{reason}",
            (scan.image_file for scan in bad),
        )
    ]


def _exif_is_why(scan):
    turned = scan.stored_size != scan.image_size
    return turned and scan.stored_size == scan.mask_size


def _turned(scans):
    """EXIF orientations after which nobody sees whether the mask fits."""
    unclear = [
        scan
        for scan in scans
        if scan.orientation in _SAME_SIZE
        or (scan.orientation > max(_SAME_SIZE) and _is_square(scan))
    ]
    if not unclear:
        return []
    first = unclear[0]
    return [
        problem(
            "exif_orientation",
            WARNING,
            f"{many(len(unclear), 'image')} {are(len(unclear))} turned or "
            f"mirrored by EXIF (orientation {first.orientation}: "
            f"{first.image_file}) and the size does not tell whether the mask "
            "was drawn before or after that. Look at an overlay; then save the "
            "images upright and without EXIF, or read the dataset "
            '`.with_orientation("exif")` or `.with_orientation("stored")`.',
            (scan.image_file for scan in unclear),
        )
    ]


def _is_square(scan):
    return scan.stored_size is not None and len({*scan.stored_size}) == 1


def _flat(scans):
    flat = [scan for scan in scans if scan.color is not None]
    if not flat:
        return []
    return [
        problem(
            "constant_image",
            WARNING,
            f"{many(len(flat), 'image')} {are(len(flat))} of one color, as "
            f"{flat[0].color} in {flat[0].image_file}.",
            (scan.image_file for scan in flat),
        )
    ]


def _few_bits(scans):
    deep = [scan for scan in scans if scan.bits]
    few = [scan for scan in deep if scan.bits <= FEW_BITS]
    if not few:
        return []
    most = max(scan.bits for scan in few)
    dark = 2 ** max(most - 8, 0) - 1
    return [
        problem(
            "few_bits",
            ERROR if len(few) == len(deep) else WARNING,
            f"{many(len(few), 'image')} of 16 bits {verb('use', len(few))} "
            f"only {most} of them. Read as 8 bits, the values end at {dark} of "
            "255, nearly black. Multiply the values so that they fill the 16 "
            f"bits, or save 8 bits. The first: {few[0].image_file}",
            (scan.image_file for scan in few),
        )
    ]


def gray_images(scans: list[Scan], channels: int) -> list[Problem]:
    """Which files are gray, where the model takes RGB images.

    Args:
        scans: What was seen of all samples.
        channels: Channels of the images that the model takes.

    Returns:
        The problems.
    """
    gray = [scan for scan in scans if scan.image_mode in GRAY_MODES]
    if channels != RGB or not gray:
        return []
    what = (
        f"All of the {len(gray)} images are"
        if len(gray) == len(scans)
        else f"{many(len(gray), 'image')} of {len(scans)} {are(len(gray))}"
    )
    advice = (
        "For a model of one channel, read the dataset with `channels=1`."
        if len(gray) == len(scans)
        else f"The first: {gray[0].image_file}"
    )
    return [
        problem(
            "gray_images",
            WARNING,
            f"{what} gray, and read as RGB with three equal channels. "
            f"{advice}",
            (scan.image_file for scan in gray),
        )
    ]


def _forms(scans):
    """Names that look the same and are not: composed and decomposed."""
    same = defaultdict(set)
    for scan in scans:
        form = unicodedata.normalize("NFC", scan.name)
        same[scan.split, form].add(scan.name)
    twins = [(split, names) for (split, _), names in same.items()
             if len(names) > 1]  # fmt: skip
    if not twins:
        return []
    files = [f"{split}/{n}" for split, names in twins for n in sorted(names)]
    return [unicode_names(files, "two samples")]


def unicode_names(files: Iterable[str], what: str) -> Problem:
    """The problem of names that differ only in Unicode form.

    Args:
        files: The files with such names.
        what: What has these names.

    Returns:
        The `Problem`.
    """
    files = list(files)
    return problem(
        "unicode_names",
        ERROR,
        f"The names of {what} look the same and differ in Unicode form "
        f"(composed and decomposed letters), as {files[0]!r}. Rename all files "
        "to one form, for instance with `convmv -f utf8 -t utf8 --nfc`.",
        files,
    )




def _and_others(count):
    return f" and {count - 1} more" if count > 1 else ""
