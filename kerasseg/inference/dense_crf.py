"""Masks that follow the edges of the image: a fully connected CRF."""

import dataclasses

import numpy as np

from kerasseg.arguments import check_integer
from kerasseg.arguments import check_number
from kerasseg.inference.permutohedral import PermutohedralLattice
from kerasseg.inference.whole_image import channels_of
from kerasseg.inference.whole_image import predict_logits
from kerasseg.inference.whole_image import read_pixels
from kerasseg.inference.whole_image import softmax

# Keeps the square root of a sum of weights away from zero.
_EPSILON = 1e-20


@dataclasses.dataclass(frozen=True)
class DenseCRF:
    """A conditional random field between all pairs of pixels of an image.

    Pixels that are near each other, and pixels that are near and of like
    color, are drawn to the same class. The mean-field approximation makes the
    probabilities of a network agree with that. The two kernels are

        smoothness * exp(-|p_i - p_j|^2 / (2 smoothness_xy^2))
        appearance * exp(-|p_i - p_j|^2 / (2 appearance_xy^2)
                         - |I_i - I_j|^2 / (2 appearance_rgb^2))

    each normalized by the square roots of its sums at both pixels, with
    positions `p` in pixels and colors `I` in 0..255. Classes that differ all
    cost the same. Sums over all pixels are taken on a permutohedral lattice
    (extra `crf`), within a few percent of the exact ones.

    Args:
        appearance: Weight of the kernel of positions and colors, 0 or more.
            Defaults to 4.
        appearance_xy: Its standard deviation in pixels, 0.1 or more, like the
            others. Defaults to 49.
        appearance_rgb: Its standard deviation in units of the colors, 0..255.
            Defaults to 5.
        smoothness: Weight of the kernel of positions. Defaults to 3.
        smoothness_xy: Its standard deviation in pixels. Defaults to 3.
        steps: Integer. Steps of the mean-field approximation. Defaults to 10.

    Raises:
        ValueError: If an argument is out of its range.
        ImportError: From `refine`, if SciPy is not installed.

    Reference:
        Krähenbühl and Koltun, 2011, https://arxiv.org/abs/1210.5644.

    Example:

    >>> crf = DenseCRF(appearance_xy=60.0)
    >>> mask = predict_mask_crf(model, "street.jpg", crf)
    """

    appearance: float = 4.0
    appearance_xy: float = 49.0
    appearance_rgb: float = 5.0
    smoothness: float = 3.0
    smoothness_xy: float = 3.0
    steps: int = 10

    def __post_init__(self) -> None:
        for name in ("appearance", "smoothness"):
            check_number(name, getattr(self, name))
        for name in ("appearance_xy", "appearance_rgb", "smoothness_xy"):
            check_number(name, getattr(self, name), least=0.1)
        check_integer("steps", self.steps)

    def refine(self, image, probabilities):
        """Probabilities that follow the image.

        Args:
            image: Array `(height, width, channels)`, values in 0..255.
            probabilities: Array `(height, width, num_classes)`: of each pixel
                those of its classes, 0 or more, which sum to 1.

        Returns:
            Float32 array like `probabilities`.

        Raises:
            ValueError: If the two differ in size, or `probabilities` are none.
        """
        image = np.asarray(image, dtype="float32")
        given = _checked(image, probabilities)
        unary = np.log(np.maximum(given, 1e-5)).reshape(-1, given.shape[-1])
        kernels = self._kernels(image)
        found = softmax(unary)
        for _ in range(self.steps):
            found = softmax(unary + sum(kernel(found) for kernel in kernels))
        return found.reshape(given.shape)

    def _kernels(self, image):
        """Functions from probabilities to what neighbors say, weighted."""
        height, width = image.shape[:2]
        places = np.stack(np.mgrid[:height, :width], axis=-1)
        places = places.reshape(height * width, 2).astype("float32")
        colors = image.reshape(height * width, -1) / self.appearance_rgb
        kernels = []
        if self.appearance:
            features = np.hstack([places / self.appearance_xy, colors])
            kernels.append(_kernel(features, self.appearance))
        if self.smoothness:
            kernels.append(
                _kernel(places / self.smoothness_xy, self.smoothness)
            )
        return kernels


def predict_mask_crf(model, image, crf=None):
    """Class ids of one image, made to follow its edges by a dense CRF.

    Args:
        model: `keras.Model` as of `predict_mask`.
        image: Image as of `predict_mask`.
        crf: `DenseCRF`. Defaults to `None`: one with the default parameters.

    Returns:
        Int32 array `(height, width)` of class ids.

    Raises:
        ValueError: As `predict_mask` does.
        ImportError: If SciPy is not installed.
    """
    crf = DenseCRF() if crf is None else crf
    probabilities = softmax(predict_logits(model, image))
    pixels = read_pixels(image, channels_of(model))
    refined = crf.refine(pixels, probabilities)
    return np.argmax(refined, axis=-1).astype("int32")


def _kernel(features, weight):
    lattice = PermutohedralLattice(features)
    sums = lattice.filter(np.ones((len(features), 1)))
    scale = 1 / np.sqrt(sums + _EPSILON)

    def message(found):
        return weight * scale * lattice.filter(scale * found)

    return message


def _checked(image, probabilities):
    given = np.asarray(probabilities, dtype="float32")
    if image.ndim != 3 or given.ndim != 3 or image.shape[:2] != given.shape[:2]:
        raise ValueError(
            "`probabilities` must be (height, width, num_classes) with the "
            f"height and width of `image`. Received: probabilities.shape="
            f"{given.shape}, image.shape={image.shape}"
        )
    sums = given.sum(axis=-1)
    if not (given.min() >= 0 and np.allclose(sums, 1, atol=1e-3)):
        raise ValueError(
            "`probabilities` must be 0 or more and sum to 1 at each pixel, as "
            f"a softmax does. Received: {given.min():.4g} to "
            f"{given.max():.4g}, sums of {sums.min():.4g} to {sums.max():.4g}"
        )
    return given
