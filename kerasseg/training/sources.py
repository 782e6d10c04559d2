"""What a recipe trains on and is validated on."""

import dataclasses
import logging

from kerasseg.data import Batches
from kerasseg.data.tf_data import as_samples
from kerasseg.training.samples import CheckedSamples
from kerasseg.training.samples import look_at

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class AsItIs:
    """Leaves samples alone and says how large they are.

    The batches then have a known size, which some losses need.
    """

    crop_size: tuple[int, int]

    def __call__(self, image, mask, rng):
        return image, mask


def augmentation_of(recipe, train):
    """The augmentation of a recipe; without one, images of one size.

    Args:
        recipe: The recipe.
        train: `CheckedSamples` to train on.

    Returns:
        A function `(image, mask, rng) -> (image, mask)`, or `None`.

    Raises:
        ValueError: If nothing crops, and images of several sizes are to share
            a batch.
    """
    if recipe.augmentation is not None or recipe.batch_size == 1:
        return recipe.augmentation
    sizes = sorted(train.sizes())
    if len(sizes) > 1:
        raise ValueError(
            "`augmentation` must crop where images differ in size; or use "
            f"`batch_size=1`. Received: augmentation=None, sizes {sizes}"
        )
    return AsItIs(sizes[0])


def held_out_of(recipe, known, channels, replicas):
    """Samples for validation, as many for each replica.

    Args:
        recipe: The recipe.
        known: Number of classes, and ids that are ignored.
        channels: Channels of the images.
        replicas: Devices that share a batch.

    Returns:
        `CheckedSamples`, or `None` without a validation.
    """
    if recipe.validation is None:
        return None
    validation = as_samples(recipe.validation(), read=True, channels=channels)
    look_at("validation", validation, *known, channels)
    samples = CheckedSamples(
        validation,
        *known,
        multiple_of=replicas,
        name="the validation data",
        channels=channels,
    )
    if samples.left_out:
        logger.warning(
            "%d devices leave out the last %d of %d images of the validation",
            replicas,
            samples.left_out,
            len(samples) + samples.left_out,
        )
    return samples


def in_order(samples, batch_size, replicas, part):
    """Batches for validation.

    Args:
        samples: `CheckedSamples`, or `None`.
        batch_size: Samples in a batch, where all have one size.
        replicas: Devices that share a batch.
        part: Which part of how many this process reads.

    Returns:
        `Batches`, or `None`.

    Raises:
        ValueError: If images of several sizes are to be shared by devices.
    """
    if samples is None:
        return None
    sizes = sorted(samples.sizes())
    if len(sizes) > 1 and replicas > 1:
        raise ValueError(
            "`validation` must return images of one size when several "
            f"devices share a batch. Received: sizes {sizes}"
        )
    if len(sizes) > 1:
        return Batches(samples, 1, shuffle=False, share=part)
    return Batches(
        samples, batch_size, AsItIs(sizes[0]), shuffle=False, share=part
    )
