"""Images that show a converter what values occur in a model."""

from collections.abc import Iterator

import numpy as np

from kerasseg.export.samples import Samples

MAX_IMAGES = 32
PROOF_IMAGES = 24


class Calibration:
    """Up to 32 images of the user, evenly spread over what was given.

    Every image is read and checked at once, so that a wrong one is named
    before the conversion starts. Data sets and files are resized to the
    input; arrays must have its size already, because whoever passes arrays
    has prepared them.

    Args:
        shape: `(1, height, width, channels)` of the exported input.
        items: Data set or sequence of images, `(image, mask)` pairs or
            paths, as in `Samples`.

    Raises:
        TypeError: If `items` is no data set or sequence.
        ValueError: If an image has another shape or its pixels are not
            0..255.
    """

    def __init__(self, shape, items):
        given = Samples(shape, items, "calibration")
        self.labels = getattr(items, "labels", None)
        self._samples = given.spread(MAX_IMAGES)
        highest = 0.0
        prepared = self.labels is None
        for index, (image, size) in enumerate(self._samples.with_sizes()):
            if prepared and size is not None and size != tuple(shape[1:3]):
                raise ValueError(
                    f"`calibration` must hold arrays of height and width "
                    f"{tuple(shape[1:3])}, the size of the file's input; "
                    f"resize them as they will be where the file is used, or "
                    f"pass the data set or the paths. Received: image "
                    f"{index} of {size}"
                )
            _check_range(image, index)
            highest = max(highest, float(image.max()))
        if highest <= 1.0:
            raise ValueError(
                f"`calibration` must hold images with values 0..255; the "
                f"model rescales them itself. Received: images whose largest "
                f"value is {highest:g}"
            )

    def __len__(self):
        return len(self._samples)

    def batches(self, count=None) -> Iterator:
        """Reads the images.

        Args:
            count: How many to read at most, evenly spread over all, or
                `None` for all. Defaults to `None`.

        Yields:
            `float32` arrays `(1, height, width, channels)`.
        """
        samples = self._samples
        if count is not None:
            samples = samples.spread(count)
        for image, _ in samples:
            yield image[None]

    def proof(self) -> Samples:
        """Chooses the images for the proof where the user gave none.

        Returns:
            Up to 24 of the images, as `Samples`.
        """
        return self._samples.spread(PROOF_IMAGES)


def _check_range(image, index):
    low, high = float(image.min()), float(image.max())
    if not (np.isfinite(image).all() and low >= 0 and high <= 255):
        raise ValueError(
            f"`calibration` must hold images with values 0..255. Received: "
            f"image {index} with values from {low:g} to {high:g}"
        )
