"""One call that says what is wrong with a dataset."""

import os
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from kerasseg.channels import RGB
from kerasseg.channels import check_channel_count
from kerasseg.data import places
from kerasseg.data.doctor.file_problems import duplicates
from kerasseg.data.doctor.file_problems import gray_images
from kerasseg.data.doctor.file_problems import of_files
from kerasseg.data.doctor.files import splits_in
from kerasseg.data.doctor.label_problems import absent
from kerasseg.data.doctor.label_problems import of_masks
from kerasseg.data.doctor.report import ERROR
from kerasseg.data.doctor.report import WARNING
from kerasseg.data.doctor.report import DatasetReport
from kerasseg.data.doctor.report import Problem
from kerasseg.data.doctor.report import split_report
from kerasseg.data.doctor.scan import Scan
from kerasseg.data.doctor.scan import scan_arrays
from kerasseg.data.doctor.scan import scan_pair
from kerasseg.data.doctor.words import problem
from kerasseg.data.folder import Pair
from kerasseg.data.from_tfds import PREFIX
from kerasseg.data.from_tfds import tfds_splits
from kerasseg.data.tf_data import as_samples
from kerasseg.ids import VOID
from kerasseg.labels import Labels

# What the quick form reads at most: headers, and masks at first.
QUICK_HEADERS = 2000
QUICK_MASKS = 16
QUICK_CHUNK = 64
_MOST_THREADS = 8

Progress = Callable[[int, int], None]


def check(
    data: Any,
    labels: Labels | None = None,
    quick: bool = False,
    progress: Progress | None = None,
    channels: int | None = None,
) -> DatasetReport:
    """Says what a dataset holds and what is wrong with it.

    Every image and mask is read once; files by several threads.

    Args:
        data: A dataset; or a dict of several by the names of their splits;
            or the name of a known dataset, `tfds:` and the name of one of
            TensorFlow Datasets, or a folder, of which all splits are checked.
        labels: What the ids mean. Defaults to the labels of the dataset;
            where there are none, every id below 255 counts as a class.
        quick: Whether to read headers and a few masks alone; of one split,
            up to 2000 headers and 16 masks, and more masks only while a class
            is missing and void is not. Defaults to `False`.
        progress: Called with the number of samples done and their total.
            Defaults to `None`.
        channels: Integer from 1 to 16. Channels of the images that the model
            takes, see `kerasseg.data.read_image`. Defaults to those of the
            dataset, or 3.

    Returns:
        The `DatasetReport`. Its `problems` have these names: `layout`,
        `labels`, `no_samples`, `unpaired`, `ambiguous_names`, `mask_format`,
        `unicode_names`, `unreadable`, `sizes_differ`, `exif_orientation`,
        `constant_image`, `few_bits`, `gray_images`, `unknown_ids`,
        `one_class_and_void`, `all_void`, `absent_class`, `absent_in_train`,
        `duplicates_across_splits` and `duplicates`.

    Raises:
        ValueError: If there is no such folder or dataset.
        TypeError: If `data` is no dataset.

    Example:

    >>> report = check("camvid")
    >>> [problem.name for problem in report.errors]
    []
    >>> loss = SegmentationLoss(class_weights=report.class_weights)
    """
    if channels is not None:
        channels = check_channel_count("channels", channels)
    source, splits, labels, problems = _gathered(data, labels, channels)
    look = _Look(quick, channels or _channels(data))
    scans = _scanned(splits, labels, look, progress)
    if labels is None:
        labels = _guessed(scans)
    if not scans and not problems:
        problems.append(problem("no_samples", ERROR, "There is no sample."))
    by_split = {name: [s for s in scans if s.split == name] for name in splits}
    reports = {k: split_report(v, labels) for k, v in by_split.items()}
    problems += of_files(scans) + gray_images(scans, look.channels)
    problems += of_masks(scans, reports, labels)
    if not quick:
        problems += absent(reports, labels) + duplicates(scans)
    problems.sort(key=lambda found: found.severity != ERROR)
    return DatasetReport(
        source, labels, reports, tuple(problems), quick, splits, look.channels
    )


@dataclass(frozen=True)
class _Look:
    """How samples are looked at: the quick form, and their channels."""

    quick: bool
    channels: int


def _channels(data):
    """The channels of a dataset, or of the first of several splits."""
    if isinstance(data, Mapping):
        data = next(iter(data.values()), None)
    return getattr(data, "channels", RGB)


def _gathered(data, labels, channels):
    """What to call the data, its splits, its labels, and first problems."""
    if isinstance(data, str) and data.startswith(PREFIX):
        parts = tfds_splits(
            data.removeprefix(PREFIX), labels, channels or RGB
        )
        own = next(iter(parts.values())).labels
        return data, parts, labels or own, []
    if isinstance(data, str | os.PathLike):
        return _of_folder(data, labels)
    many = isinstance(data, Mapping)
    parts = dict(data) if many else {getattr(data, "split", "data"): data}
    parts = {
        name: as_samples(part, channels=channels)
        for name, part in parts.items()
    }
    for part in parts.values():
        if not hasattr(part, "__len__") or not hasattr(part, "__getitem__"):
            raise TypeError(
                "`data` must be a dataset, a dict of datasets by split, a "
                f"name or a folder. Received: {type(part).__name__}"
            )
    own = (getattr(part, "labels", None) for part in parts.values())
    labels = labels or next(filter(None, own), None)
    root = next((getattr(p, "root", None) for p in parts.values()), None)
    splits = {
        name: getattr(part, "pairs", part) for name, part in parts.items()
    }
    return str(root or "The dataset"), splits, labels, []


def _of_folder(data, labels):
    folder, layout, known = places.located(data)
    problems: list[Problem] = []
    if layout is None:
        forms = "; ".join(kind.files for kind in places.LAYOUTS.values())
        message = f"{folder} has none of the layouts: {forms}"
        return str(folder), {}, labels, [problem("layout", ERROR, message)]
    try:
        labels = labels or known or places.labels_in(folder, layout)
    except ValueError as error:
        missing = not (folder / places.LABELS_FILE).exists()
        severity = WARNING if missing else ERROR
        problems.append(problem("labels", severity, str(error)))
    splits, labels, found = splits_in(Path(folder), layout, labels)
    return str(folder), splits, labels, problems + found


def _scanned(splits, labels, look, progress):
    """What was seen of all samples."""
    jobs = [
        job
        for name, samples in splits.items()
        for job in _jobs(name, samples, look)
    ]
    # The samples of others may not be made for threads.
    files = all(map(_are_files, splits.values()))
    scans = list(_done(jobs, progress, _MOST_THREADS if files else 1))
    if not look.quick or labels is None:
        return scans
    return [
        scan
        for name, samples in splits.items()
        for scan in _until_seen(
            name, samples, [s for s in scans if s.split == name], labels, look
        )
    ]


def _done(jobs, progress, most_threads) -> Iterator[Scan]:
    threads = min(most_threads, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        for done, scan in enumerate(pool.map(lambda job: job(), jobs), 1):
            if progress is not None:
                progress(done, len(jobs))
            yield scan


def _jobs(split, samples, look):
    size, quick = len(samples), look.quick
    masks = {*_spread(size, QUICK_MASKS if quick else size)}
    if not _are_files(samples):
        return [
            partial(_scan_sample, samples, i, split, look.channels)
            for i in sorted(masks)
        ]
    headers = {*_spread(size, QUICK_HEADERS if quick else size)} | masks
    return [
        partial(
            scan_pair, samples[i], split, not quick, i in masks, look.channels
        )
        for i in sorted(headers)
    ]


def _until_seen(split, samples, scans, labels, look):
    """The scans, with more masks read while one class alone was seen.

    Void may be what hides the others; a few masks do not tell.
    """
    read = {found.name: found for found in scans}
    seen = split_report(scans, labels)
    order = iter(range(len(samples)))
    while seen.void and sum(n > 0 for n in seen.pixels) < 2:
        some = list(islice(order, QUICK_CHUNK))
        if not some:
            break
        threads = 1
        if _are_files(samples):
            jobs = [
                partial(
                    scan_pair, samples[i], split, False, True, look.channels
                )
                for i in some
            ]
            threads = _MOST_THREADS
        else:
            scan = partial(_scan_sample, split=split, channels=look.channels)
            jobs = [partial(scan, samples, i) for i in some]
        read |= {found.name: found for found in _done(jobs, None, threads)}
        seen = split_report(list(read.values()), labels)
    return list(read.values())


def _are_files(samples: Sequence) -> bool:
    several = isinstance(samples, list | tuple) and len(samples) > 0
    return several and isinstance(samples[0], Pair)


def _scan_sample(samples, index, split, channels):
    name = f"sample {index}"
    try:
        image, mask = samples[index]
    except (ValueError, TypeError, OSError) as error:
        return Scan(split, name, name, name, faults=(str(error),))
    return scan_arrays(image, mask, split, name, channels)


def _spread(size, most):
    """Up to so many indices, evenly spread."""
    if size <= most:
        return range(size)
    return np.linspace(0, size - 1, most).round().astype(int).tolist()


def _guessed(scans):
    """Labels in which all ids below 255 are classes."""
    ids = {i for scan in scans for i in scan.ids or ()} - {VOID}
    count = max(2, max(ids, default=0) + 1)
    names = [f"class {i}" for i in range(min(count, VOID))]
    return Labels(tuple(names), ignore_classes=(VOID,))
