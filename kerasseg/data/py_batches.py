"""Batches of samples as a `keras.utils.PyDataset`."""

import logging
from collections.abc import Callable
from collections.abc import Sequence

import keras
import numpy as np

from kerasseg.arguments import check_integer
from kerasseg.data.augmented import check_augmented
from kerasseg.data.augmented import known_ids
from kerasseg.data.occurrence import Occurrence
from kerasseg.data.occurrence import where_masks_lie
from kerasseg.data.tf_data import as_samples
from kerasseg.ids import class_ids

logger = logging.getLogger(__name__)


class Batches(keras.utils.PyDataset):
    """Batches of images and masks, shuffled and augmented anew each epoch.

    A batch is `(images, masks)`: `uint8` of shape
    `(batch, height, width, channels)` and `int32` of shape
    `(batch, height, width)`.
    Its content depends on `seed`, the epoch and its index alone; an epoch
    counts once all of its batches were asked for. The order is random
    already, so pass `shuffle=False` to `model.fit`: with its default, Keras
    permutes the batches once more. `error` is the first exception that was
    raised for a batch, as it was, or `None`.

    Args:
        dataset, batch_size, augmentation, shuffle: See `batches`.
        seed, drop_remainder, workers, initial_epoch: See `batches`.
        share, current_epoch, replicas: See `batches`.
    """

    def __init__(
        self,
        dataset: Sequence,
        batch_size: int,
        augmentation: Callable | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_remainder: bool = False,
        workers: int = 1,
        initial_epoch: int = 0,
        share: tuple[int, int] = (0, 1),
        current_epoch: Callable[[], int] | None = None,
        replicas: int = 1,
    ) -> None:
        super().__init__(workers=workers)
        if batch_size < 1:
            raise ValueError(
                "`batch_size` must be a positive integer. "
                f"Received: batch_size={batch_size!r}"
            )
        # Not inside of another pipeline, which may hold all threads.
        dataset = as_samples(dataset, read=True)
        _check_replicas(replicas, batch_size)
        size = len(dataset)
        if size < (batch_size if drop_remainder else replicas):
            raise ValueError(
                "`dataset` must fill at least one batch. Received: "
                f"{size} samples, batch_size={batch_size}, "
                f"drop_remainder={drop_remainder}"
                + (f", replicas={replicas}" if replicas > 1 else "")
            )
        _check_share(share, batch_size, 0 if drop_remainder else size)
        _check_padding(dataset, augmentation)
        self.dataset = dataset
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.shuffle = shuffle
        self.seed = seed
        self.drop_remainder = drop_remainder
        self.share = share
        self.replicas = replicas
        self._current_epoch = current_epoch
        self._counted = initial_epoch
        self._asked = set()
        self._seen = set()
        self._known = known_ids(dataset)
        self._augment = _of_dataset(augmentation, self._known)
        self.error = None
        self._occurrence = getattr(dataset, "occurrence", None)
        self.channels = _channels(dataset)
        if self._occurrence is None:
            self._occurrence = _occurrence(dataset)
        if size > self.num_samples and not drop_remainder:
            self._tell_what_is_left_out(size - self.num_samples)

    @property
    def num_samples(self) -> int:
        """Number of samples of an epoch, as many for each replica."""
        return len(self.dataset) - len(self.dataset) % self.replicas

    def __len__(self) -> int:
        whole, rest = divmod(self.num_samples, self.batch_size)
        return whole + (rest > 0 and not self.drop_remainder)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if not 0 <= index < len(self):
            raise IndexError(
                f"`index` must be from 0 to {len(self) - 1}. "
                f"Received: index={index}"
            )
        self._asked.add(index)
        try:
            return self._batch(index)
        except Exception as error:
            # What reaches the caller of an input pipeline is one of its own.
            self.error = self.error or error
            raise

    def _batch(self, index):
        first = index * self.batch_size
        chosen = self._order()[first : first + self.batch_size]
        part, parts = self.share
        chosen = np.split(chosen, parts)[part]
        images, masks = zip(*map(self._sample, chosen), strict=True)
        sizes = sorted({image.shape[:2] for image in images})
        if len(sizes) > 1:
            raise ValueError(
                "All images of a batch must have the same height and width; "
                "use an `augmentation` that crops, or `batch_size=1`. "
                f"Received: sizes {sizes}"
            )
        counts = {image.shape[2] for image in images} - {self.channels}
        if counts:
            raise ValueError(
                f"All images must have {self.channels} channels. "
                f"Received: an image of {counts.pop()}"
            )
        return np.stack(images), np.stack(masks).astype("int32")

    @property
    def epoch(self) -> int:
        """Number of the epoch whose batches are handed out."""
        if self._current_epoch is None:
            return self._counted
        return self._current_epoch()

    def on_epoch_end(self) -> None:
        # Keras also calls this when it has only looked at the first batch.
        if len(self._asked) == len(self):
            self._counted += 1
        self._asked.clear()
        if len(self._seen) >= self.num_samples:
            self._tell_what_never_occurs()

    def _tell_what_is_left_out(self, count):
        logger.warning(
            "each epoch leaves out %s %d of %d samples, which %d devices "
            "cannot share",
            "other" if self.shuffle else "the last",
            count,
            len(self.dataset),
            self.replicas,
        )

    def _tell_what_never_occurs(self):
        warning = self._occurrence.warning() if self._occurrence else ""
        self._occurrence = None
        if warning:
            logger.warning(warning)

    def _order(self):
        order = np.arange(len(self.dataset))
        if self.shuffle:
            # Trailing zeros change no seed, hence 1 + index in _sample.
            rng = np.random.default_rng((self.seed, self.epoch, 0))
            order = rng.permutation(len(self.dataset))
        return order[: self.num_samples]

    def _sample(self, index):
        index = int(index)
        sample = self._checked(index, *self.dataset[index])
        if self.augmentation is None:
            return sample
        rng = np.random.default_rng((self.seed, self.epoch, 1 + index))
        sample = self._augmented(index, sample, rng)
        mix = getattr(self._augment, "mix", None)
        if mix is None:
            return sample
        return mix(*sample, lambda: self._partner(rng), rng)

    def _partner(self, rng):
        """Another sample, of all there are, drawn by the generator of one."""
        index = int(rng.integers(len(self.dataset)))
        sample = self._checked(index, *self.dataset[index])
        return self._augmented(index, sample, rng)

    def _augmented(self, index, sample, rng):
        size = getattr(self.augmentation, "crop_size", None)
        result = self._augment(*sample, rng)
        return check_augmented(
            result, index, self._known, size, self.channels
        )

    def _checked(self, index, image, mask):
        image = np.asarray(image)
        if image.dtype != np.uint8:
            raise TypeError(
                f"Sample {index} must be an image of uint8, 0 to 255, which a "
                f"model rescales itself. Received: image.dtype={image.dtype}"
            )
        mask = class_ids(mask, f"The mask of sample {index}")
        if index not in self._seen:
            self._seen.add(index)
            if self._occurrence is not None:
                self._occurrence.add(mask)
        return image, mask


def _channels(dataset):
    """The channels of the images of a dataset, of the first if need be."""
    known = getattr(dataset, "channels", None)
    if known is not None:
        return known
    shape = np.shape(dataset[0][0])
    if len(shape) != 3:
        raise ValueError(
            "Samples must be images (height, width, channels) and masks. "
            f"Received: a first image of shape {shape}"
        )
    return shape[2]


def _check_replicas(replicas, batch_size):
    check_integer("replicas", replicas)
    if batch_size % replicas:
        raise ValueError(
            f"`batch_size` must be a multiple of the {replicas} devices that "
            f"share a batch. Received: batch_size={batch_size}"
        )


def _check_share(share, batch_size, size):
    part, parts = share
    if not 0 <= part < parts:
        raise ValueError(
            "`share` must be (index, count) with an index from 0 to count - "
            f"1. Received: share={share!r}"
        )
    if batch_size % parts or size % parts:
        raise ValueError(
            f"`share` must divide each batch into {parts} equal parts. "
            f"Received: share={share!r}, batch_size={batch_size}"
            + (f", {size} samples" if size else "")
        )


def _occurrence(dataset):
    labels = getattr(dataset, "labels", None)
    if labels is None:
        return None
    return Occurrence(
        labels.num_classes,
        labels.ignore_classes,
        labels.class_names,
        where_masks_lie(dataset),
    )


def _of_dataset(augmentation, known):
    """An augmentation that knows which ids of the dataset are no classes."""
    ignoring = getattr(augmentation, "ignoring", None)
    if ignoring is None or known is None:
        return augmentation
    return ignoring(known[1])


def _check_padding(dataset, augmentation):
    labels = getattr(dataset, "labels", None)
    ignored = getattr(augmentation, "ignore_class", None)
    if labels is None or ignored is None:
        return
    if ignored not in labels.ignore_classes:
        raise ValueError(
            "`augmentation` must pad masks with an ignored id, one of "
            f"{list(labels.ignore_classes)}. Received: ignore_class={ignored}"
        )
