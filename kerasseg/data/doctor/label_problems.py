"""What is wrong with the ids in the masks of a dataset."""

from collections.abc import Mapping

from kerasseg.data.doctor.report import ERROR
from kerasseg.data.doctor.report import WARNING
from kerasseg.data.doctor.report import Problem
from kerasseg.data.doctor.report import SplitReport
from kerasseg.data.doctor.report import meaning
from kerasseg.data.doctor.scan import Scan
from kerasseg.data.doctor.words import are
from kerasseg.data.doctor.words import many
from kerasseg.data.doctor.words import part
from kerasseg.data.doctor.words import problem
from kerasseg.data.doctor.words import ranges
from kerasseg.data.doctor.words import them
from kerasseg.data.doctor.words import verb
from kerasseg.labels import Labels


def of_masks(
    scans: list[Scan], splits: Mapping[str, SplitReport], labels: Labels
) -> list[Problem]:
    """What is wrong with the ids in the masks.

    Args:
        scans: What was seen of all samples.
        splits: What each split holds.
        labels: What the ids mean.

    Returns:
        The problems.
    """
    known = meaning(labels)
    found = []
    for name, split in splits.items():
        own = [s for s in scans if s.split == name and s.ids is not None]
        found += _unknown(name, split, own, known, labels)
        found += _one_class(name, split, own, labels)
        found += _all_void(name, split, own, known, labels)
    return found


def _unknown(name, split, scans, known, labels):
    if not split.unknown:
        return []
    strange = {*split.unknown}
    files = [scan.mask_file for scan in scans if strange & {*scan.ids}]
    ids = ", ".join(
        f"{i} ({part(n, split.total())})"
        for i, n in list(split.unknown.items())[:8]
    )
    more = ", ..." if len(strange) > 8 else ""
    return [
        problem(
            "unknown_ids",
            ERROR,
            f"{many(len(files), 'mask')} of {name!r} "
            f"{verb('hold', len(files))} ids that the labels do not know: "
            f"{ids}{more}. Known are "
            f"{ranges(known)}.{_hint(strange, split, scans, labels)} "
            f"The first: {files[0]}",
            files,
        )
    ]


def _hint(strange, split, scans, labels):
    """What the reason of unknown ids may be."""
    there = {i for scan in scans for i in scan.ids}
    if strange == {255}:
        return " 255 is void as a rule: `ignore_classes=(255,)`."
    if strange == {labels.num_classes} and 0 not in there:
        return (
            " The ids seem to begin with 1: `labels.reduce_zero_label()` takes "
            "0 as void and 1 as the first class."
        )
    if len(strange) > max(16, 2 * labels.num_classes):
        return (
            " So many look like shades of gray: were the masks resized with "
            "interpolation, or stored as JPEG once?"
        )
    return " An `id_map` of the labels can say what they stand for."


def _one_class(name, split, scans, labels):
    """The masks of 0 and 255, on which any model would be perfect."""
    classes = [i for i, n in enumerate(split.pixels) if n]
    void = sum(split.void.values())
    if len(classes) != 1 or not void:
        return []
    listed = ", ".join(str(i) for i in split.void)
    others = [n for i, n in enumerate(labels.class_names) if i != classes[0]]
    return [
        problem(
            "one_class_and_void",
            ERROR,
            f"In {name!r} only the class {labels.class_names[classes[0]]!r} "
            f"occurs, and void (id {listed}, {part(void, split.total())} of "
            f"the pixels). Is {others[0]!r} stored as {listed}? A model then "
            "scores 100 % whatever it predicts. Write the ids of the classes "
            "into the masks, or say what they stand for: "
            f"`Labels(..., ignore_classes=(), id_map={{{classes[0]}: "
            f"{classes[0]}, {next(iter(split.void))}: "
            f"{1 if classes[0] == 0 else 0}}})`.",
            (scan.mask_file for scan in scans),
        )
    ]


def _all_void(name, split, scans, known, labels):
    void = {i for i, new in known.items() if new in labels.ignore_classes}
    empty = [scan.mask_file for scan in scans if {*scan.ids} <= void]
    if not empty:
        return []
    all_of_them = len(empty) == len(scans)
    return [
        problem(
            "all_void",
            ERROR if all_of_them else WARNING,
            f"{'All ' if all_of_them else ''}{many(len(empty), 'mask')} of "
            f"{name!r} {verb('hold', len(empty))} void alone: nothing is "
            f"learned from {them(len(empty))}. The first: {empty[0]}",
            empty,
        )
    ]


def absent(
    splits: Mapping[str, SplitReport], labels: Labels
) -> list[Problem]:
    """Classes that never occur, in all splits or in the one to train on.

    Args:
        splits: What each split holds.
        labels: What the ids mean.

    Returns:
        The problems.
    """
    read = {k: v for k, v in splits.items() if any(v.pixels)}
    if not read:
        return []
    count = range(labels.num_classes)
    nowhere = [i for i in count if not any(v.pixels[i] for v in read.values())]
    void = any(v.void for v in read.values())
    found = []
    if nowhere:
        beside = ", while void does: are they stored as void?" if void else "."
        found.append(
            problem(
                "absent_class",
                WARNING,
                f"{_named(nowhere, labels)} {verb('never occur', len(nowhere))}"
                f"{beside}",
            )
        )
    train = read.get("train")
    unseen = [i for i in count if i not in nowhere
              and train and not train.pixels[i]]  # fmt: skip
    if unseen:
        found.append(
            problem(
                "absent_in_train",
                WARNING,
                f"{_named(unseen, labels)} {are(len(unseen))} in other splits "
                "and never in 'train': nothing learns "
                f"{them(len(unseen))}.",
            )
        )
    return found


def _named(ids, labels, most=8):
    names = ", ".join(repr(labels.class_names[i]) for i in ids[:most])
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return f"The class{'es' if len(ids) > 1 else ''} {names}{more}"


