"""Published weights as models of the zoo."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import keras

from kerasseg.arguments import check_choice
from kerasseg.importers.matching import Match
from kerasseg.importers.matching import match
from kerasseg.importers.network import read_network
from kerasseg.importers.plans import fcn
from kerasseg.importers.plans import gdn
from kerasseg.importers.plans import lrr
from kerasseg.importers.plans import resnet
from kerasseg.importers.source import Source
from kerasseg.labels import Labels
from kerasseg.zoo.catalog import info
from kerasseg.zoo.catalog import names
from kerasseg.zoo.entry import Entry
from kerasseg.zoo.loading import build_entry

_PLANS = {
    "fcn": fcn.plan,
    "gdn": gdn.plan,
    "guided_duc_dlc": resnet.plan,
    "lrr": lrr.plan,
}
# Those that each plan can read.
_BACKBONES = {
    "fcn": ("vgg16",),
    "gdn": ("vgg16_large_fov",),
    "guided_duc_dlc": ("resnet50", "resnet101", "resnet152"),
    "lrr": ("vgg16", "resnet101"),
}


@dataclasses.dataclass(frozen=True)
class Imported:
    """A model with published weights.

    Args:
        model: The `keras.Model`, from images, 0..255 RGB, to logits.
        labels: Its classes, or `None` where the file has another number than
            the entry.
        source: The file as it was read.
        read: What was read of it, such as `"head"`.
        kept: What it does not have, and starts as in a new model.
        left_out: Labels of tensors that the model does without.
    """

    model: keras.Model
    labels: Labels | None
    source: Source
    read: tuple[str, ...]
    kept: tuple[str, ...]
    left_out: tuple[str, ...]


def importable() -> list[str]:
    """The entries that published weights can be read into.

    Returns:
        Names of entries of the zoo, in its order.
    """
    return [name for name in names() if _is_importable(info(name))]


def import_weights(
    path: str | Path | Sequence[str | Path],
    entry: str,
    mean: Sequence[float] | None = None,
    channels: str | None = None,
) -> Imported:
    """Reads published weights into the architecture of an entry.

    The file decides on what the entry leaves open: the number of classes, the
    geometry of an FCN, the means. A file that holds a part alone, such as a
    classifier of ImageNet, gives that part, and the rest is left as it is in a
    new model. Everything in the file must belong to the model, or to layers
    for training alone.

    Args:
        path: Path of a file, see `read_network`; or the paths of GDN's two
            matrices, that for rows first.
        entry: Name of an entry, one of `importable()`.
        mean: Means of R, G and B that are subtracted. Defaults to `None`:
            those of the file, else those of the reference implementation.
        channels: `"RGB"` or `"BGR"`: what the first convolution of the file
            reads. Defaults to `None`: the convention of its framework. A file
            in the names of torchvision that reads BGR is one that was
            converted from Caffe: its pixels are not divided by deviations.

    Returns:
        An `Imported`; its model can be saved with `kerasseg.zoo.save`.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If an argument is out of its range.
        WeightsError: A `ValueError`: if the file is damaged, a pickle, or of
            another network. Everything that is missing, surplus or of another
            shape is listed.
        ImportError: If a package is missing; the extra `import` has them.

    Example:

    >>> found = import_weights("fcn8s-heavy-pascal.caffemodel", "fcn_8s_vgg16")
    >>> kerasseg.zoo.save(found.model, "fcn8s", found.labels)
    """
    record = _checked_entry(entry)
    if channels is not None:
        check_choice("channels", channels, ("RGB", "BGR"))
    mean = _checked_mean(mean)
    paths = [path] if isinstance(path, str | Path) else list(path)
    source = read_network(*paths)
    if channels is not None:
        if source.format == "NumPy":
            raise ValueError(
                "`channels` must be left out for matrices, which read no "
                f"image. Received: channels={channels!r}"
            )
        if channels == "BGR" and source.deviation:
            source = dataclasses.replace(source, mean=None, deviation=None)
        source = dataclasses.replace(source, channels=channels)
    plan = _PLANS[record.builder](source, record)
    model = _build(record, plan, mean or source.mean or plan.mean)
    found = match(
        source, plan.targets(model), plan.checked, plan.ignored, f"`{entry}`"
    )
    found.assign()
    labels = record.labels
    if model.output_shape[-1] != record.num_classes:
        labels = None
    return _imported(model, labels, source, found)


def _build(record, plan, mean):
    backbone = {**record.backbone_arguments, **plan.backbone_arguments}
    if mean is not None:
        backbone["mean"] = list(mean)
    record = dataclasses.replace(
        record,
        arguments={**record.arguments, **plan.arguments},
        backbone_arguments=backbone,
    )
    # Two is the least that a builder takes: a head of one is of another shape.
    return build_entry(record, max(2, plan.num_classes or record.num_classes))


def _imported(model, labels, source, found: Match):
    return Imported(
        model, labels, source, found.read, found.kept, found.left_out
    )


def _is_importable(record: Entry):
    return record.backbone in _BACKBONES.get(record.builder, ())


def _checked_entry(entry):
    record = info(entry)
    if not _is_importable(record):
        raise ValueError(
            f"`entry` must be one of {', '.join(importable())}: those with "
            f"the backbones of published weights. Received: entry={entry!r}"
        )
    return record


def _checked_mean(mean):
    if mean is None:
        return None
    mean = tuple(mean)
    if len(mean) != 3 or not all(
        isinstance(x, int | float) and math.isfinite(x) for x in mean
    ):
        raise ValueError(
            "`mean` must be three finite numbers, of R, G and B. "
            f"Received: mean={mean!r}"
        )
    return tuple(map(float, mean))
