"""The proof: an artifact and its Keras model on the same images."""

import dataclasses
import logging
import statistics
import time

import numpy as np

from kerasseg.export.errors import ExportError
from kerasseg.export.model.frozen import check_logits_size
from kerasseg.export.proof.gate import check_equal
from kerasseg.export.proof.reference import Reference
from kerasseg.export.proof.result import Proof
from kerasseg.ids import class_ids
from kerasseg.ids import default_ignored
from kerasseg.ids import unknown_ids
from kerasseg.metrics.scores import confusion_matrix
from kerasseg.metrics.scores import scores

TIE = 1e-6  # Share of the logit range that float32 rounding may decide.
_logger = logging.getLogger("kerasseg.export")


def compare(reference, candidate) -> dict:
    """Compares two arrays of logits.

    Args:
        reference: Logits `(batch, height, width, num_classes)` of the model.
        candidate: Logits of the exported file on the same images, or its
            class ids `(batch, height, width)`.

    Returns:
        Dictionary as that of `Comparison.result`.

    Raises:
        ExportError: If the shapes differ or values are not finite.
    """
    comparison = Comparison()
    comparison.add(reference, candidate)
    return comparison.result()


class Comparison:
    """Differences between model and file, summed over many images.

    Args:
        ignore_classes: Ids of mask pixels that no score counts. Defaults to
            `None`: 255 where that is no class, else none.
    """

    def __init__(self, ignore_classes=None):
        self.ignore_classes = ignore_classes
        self._max = 0.0
        self._sum = 0.0
        self._values = 0
        self._agreeing = 0
        self._ties = 0
        self.pixels = 0
        self._low = np.inf
        self._high = -np.inf
        self._matrices = None
        self._classes = set()

    def add(self, reference, candidate, mask=None) -> None:
        """Adds the logits of some images.

        Args:
            reference: Logits `(batch, height, width, num_classes)` of the
                model.
            candidate: Logits of the exported file on the same images, or
                its class ids `(batch, height, width)`.
            mask: True class ids `(height, width)` of a single image, or
                `None`. Defaults to `None`.

        Raises:
            ExportError: If the shapes differ or values are not finite.
        """
        reference = np.asarray(reference)
        candidate = np.asarray(candidate)
        _check_comparable(reference, candidate)
        if candidate.ndim == reference.ndim:
            error = np.abs(candidate.astype("float64") - reference)
            self._max = max(self._max, float(error.max()))
            self._sum += float(error.sum())
            self._values += error.size
        self._low = min(self._low, float(reference.min()))
        self._high = max(self._high, float(reference.max()))
        before = reference.argmax(-1)
        self._classes.update(np.flatnonzero(np.bincount(before.ravel())))
        after = candidate
        if candidate.ndim == reference.ndim:
            after = candidate.argmax(-1)
        self._agreeing += int((before == after).sum())
        self._ties += _count_ties(reference, before, after)
        self.pixels += before.size
        if mask is not None:
            self._count(mask, (before[0], after[0]), reference.shape[-1])

    def _count(self, mask, predictions, num_classes):
        if self._matrices is None:
            self._matrices = np.zeros((2, num_classes, num_classes), np.int64)
        if self.ignore_classes is None:
            self.ignore_classes = default_ignored(num_classes)
        mask = class_ids(mask, "A mask of `verify_on`")
        unknown = unknown_ids(mask, num_classes, self.ignore_classes)
        if unknown:
            raise ValueError(
                f"`verify_on` must have masks with class ids below "
                f"{num_classes} or ignored ids {self.ignore_classes}. "
                f"Received: a mask with ids {unknown}"
            )
        for matrix, prediction in zip(self._matrices, predictions, strict=True):
            matrix += confusion_matrix(
                mask, prediction, num_classes, self.ignore_classes
            )

    def _mean_iou(self, matrix):
        return scores(matrix, ignored=self.ignore_classes)["mean_iou"]

    def result(self) -> dict:
        """Sums up.

        Returns:
            Dictionary with `max_error` and `mean_error` of the logits (`None`
            where the file returns class ids), `logit_range` of the model,
            `mask_agreement`, `ties` (pixels with another class where
            rounding decides between the two), and `miou_before` and
            `miou_after` where masks were given (else `None`).
        """
        before, after = (
            (None, None)
            if self._matrices is None
            else (self._mean_iou(matrix) for matrix in self._matrices)
        )
        return {
            "max_error": self._max if self._values else None,
            "mean_error": self._sum / self._values if self._values else None,
            "logit_range": max(self._high - self._low, 0.0),
            "mask_agreement": self._agreeing / max(self.pixels, 1),
            "ties": self._ties,
            "miou_before": before,
            "miou_after": after,
        }

    def notes(self) -> tuple[str, ...]:
        """Says what the comparison does not show.

        Returns:
            Sentences: that the model found one class alone, or which classes
            the mean IoU leaves out.
        """
        return (*self._of_one_class(), *self._left_out())

    def _of_one_class(self):
        if len(self._classes) != 1:
            return ()
        doubt = (
            f"The Keras model finds one class alone in all images of the "
            f"proof, the id {min(self._classes)}: a file that always returned "
            f"it would agree as well. Verify it on images that show more."
        )
        _logger.warning(doubt)
        return (doubt,)

    def _left_out(self):
        if self._matrices is None:
            return ()
        matrix = sum(self._matrices)
        ious = scores(matrix, ignored=self.ignore_classes)["per_class_iou"]
        left_out = np.flatnonzero(np.isnan(ious)).tolist()
        if not left_out:
            return ()
        return (
            f"The mean IoU is over {len(ious) - len(left_out)} of {len(ious)} "
            f"classes: the ids {', '.join(map(str, left_out))} are ignored, or "
            "neither in the masks nor predicted.",
        )


@dataclasses.dataclass(frozen=True)
class Verified:
    """A file that passed its proof.

    Args:
        proof: The `Proof`.
        output_shape: Shape of what the file returns for one image, channels
            last.
        num_classes: Number of classes of the model.
        latency_ms: Median time of one image in the runtime.
        notes: Sentences on what the proof does not show. Defaults to none.
    """

    proof: Proof
    output_shape: tuple[int, ...]
    num_classes: int
    latency_ms: float
    notes: tuple[str, ...] = ()


def verify(frozen, run, samples, ignore_classes) -> Verified:
    """Runs an artifact and its model on images and checks the difference.

    Args:
        frozen: The `FrozenModel` that was exported.
        run: Function from an image batch to logits or class ids: the opened
            artifact.
        samples: `Samples` to run.
        ignore_classes: Ids of mask pixels that no score counts, as of
            `Comparison`.

    Returns:
        A `Verified` file.

    Raises:
        ExportError: If the logits or the masks differ too much.
    """
    comparison = Comparison(ignore_classes)
    model = Reference(frozen, len(samples))
    count = 0
    for image, mask in samples:
        reference = model(image[None])
        # Only now known where the model takes images of any size.
        check_logits_size(reference.shape, frozen.shape)
        mask = _fit_mask(mask, reference.shape[1:3])
        result = run(image[None])
        comparison.add(reference, result, mask)
        count += 1
    measures = comparison.result()
    options = frozen.options
    if options.exact:
        gate = check_equal(measures, comparison.pixels)
    else:
        gate = options.limits.check(measures, options.precision, options.coarse)
    proof = Proof(
        images=count,
        verified_on=samples.description,
        gate=gate,
        **measures,
    )
    return Verified(
        proof=proof,
        output_shape=tuple(result.shape),
        num_classes=reference.shape[-1],
        latency_ms=measure_latency(run, image[None]),
        notes=(*comparison.notes(), *samples.notes()),
    )


def warnings_for(proof: Proof) -> tuple[str, ...]:
    """Says so where agreement means little.

    Args:
        proof: The `Proof`.

    Returns:
        Sentences, which are logged too; none in the usual case.
    """
    if proof.logit_range > 0:
        return ()
    warning = (
        "The model returns one and the same logit everywhere, as untrained "
        "models may: the agreement says nothing."
    )
    _logger.warning(warning)
    return (warning,)


def measure_latency(run, images, budget=1.0) -> float:
    """Times an opened artifact.

    Args:
        run: Function from an image batch to logits.
        images: The batch to run.
        budget: Seconds after which no further run starts. Defaults to `1.0`.

    Returns:
        Median milliseconds of up to 20 runs.
    """
    run(images)
    times = []
    while len(times) < 3 or (len(times) < 20 and sum(times) < budget):
        start = time.perf_counter()
        run(images)
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def _check_comparable(reference, candidate):
    if candidate.shape not in (reference.shape, reference.shape[:-1]):
        raise ExportError(
            f"The exported file returns values of shape {candidate.shape}, "
            f"the Keras model logits of shape {reference.shape}."
        )
    for name, values in (
        ("Keras model", reference),
        ("exported file", candidate),
    ):
        bad = int((~np.isfinite(values)).sum())
        if bad:
            raise ExportError(
                f"The {name} returns {bad} logits of {values.size} that are "
                f"not finite (NaN or infinite)."
            )
    known = candidate.max(initial=0) < reference.shape[-1]
    if candidate.ndim < reference.ndim and not known:
        raise ExportError(
            f"The exported file returns the class id {candidate.max()}, the "
            f"Keras model has {reference.shape[-1]} classes."
        )


def _count_ties(reference, before, after):
    """Counts changed pixels whose two classes are equal up to rounding."""
    changed = before != after
    if not changed.any():
        return 0
    logits = reference[changed]
    rows = np.arange(len(logits))
    gap = logits[rows, before[changed]] - logits[rows, after[changed]]
    spread = float(reference.max()) - float(reference.min())
    return int((gap <= TIE * spread).sum())


def _fit_mask(mask, size):
    if mask is None or mask.shape == tuple(size):
        return mask
    rows, columns = (
        np.minimum((np.arange(n) + 0.5) * m / n, m - 1).astype(int)
        for n, m in zip(size, mask.shape, strict=True)
    )
    return mask[rows[:, None], columns]
