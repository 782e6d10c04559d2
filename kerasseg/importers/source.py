"""What is read of a published file: layers and their tensors, no number yet."""

import dataclasses
import math
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasseg.zoo.errors import WeightsError
from kerasseg.zoo.errors import shown

# Names of layers that have weights; other layers keep their name in the file.
CONV = "Conv2D"
CONV_TRANSPOSE = "Conv2DTranspose"
DENSE = "Dense"
BATCH_NORM = "BatchNormalization"
SCALE = "Scale"
PRELU = "PReLU"


@dataclasses.dataclass(frozen=True)
class Tensor:
    """An array of a file, read when it is asked for.

    Args:
        label: Its name in the file, for messages.
        shape: Its shape, in the layout of Keras.
        load: Returns the array, of any type of number.
    """

    label: str
    shape: tuple[int, ...]
    load: Callable[[], np.ndarray]

    def array(self) -> np.ndarray:
        """Reads the numbers.

        Returns:
            A float32 array of `shape`.

        Raises:
            WeightsError: If they are not numbers, not finite, or of another
                shape than the file declares.
        """
        array = np.asarray(self.load())
        if array.shape != self.shape or array.dtype.kind not in "fiu":
            raise WeightsError(
                f"{shown(self.label)} must hold numbers of shape {self.shape}. "
                f"Received: {array.dtype} of shape {array.shape}"
            )
        with np.errstate(over="ignore"):
            array = np.ascontiguousarray(array, "float32").reshape(self.shape)
        if not np.isfinite(array).all():
            raise WeightsError(
                f"{shown(self.label)} must hold finite numbers. "
                "Received: NaN or infinity"
            )
        return array

    def transposed(self, *axes: int) -> "Tensor":
        """The tensor with its axes in another order.

        Args:
            *axes: The axes, as `numpy.transpose` takes them.

        Returns:
            A `Tensor`.
        """
        return Tensor(
            self.label,
            tuple(self.shape[axis] for axis in axes),
            lambda: np.transpose(self.load(), axes),
        )

    def reshaped(self, *shape: int) -> "Tensor":
        """The tensor with as many numbers in another shape.

        Args:
            *shape: The shape.

        Returns:
            A `Tensor`; itself where the number of numbers differs, so that
            its shape is reported.
        """
        if math.prod(shape) != math.prod(self.shape):
            return self
        return Tensor(
            self.label, tuple(shape), lambda: np.reshape(self.load(), shape)
        )

    def sampled(self, *steps: int) -> "Tensor":
        """Every so many entries along each axis.

        Args:
            *steps: The steps, one for each axis.

        Returns:
            A `Tensor`.
        """
        places = tuple(slice(None, None, step) for step in steps)
        return Tensor(
            self.label,
            tuple(
                -(-size // step)
                for size, step in zip(self.shape, steps, strict=True)
            ),
            lambda: self.load()[places],
        )

    def mapped(self, function: Callable[[np.ndarray], np.ndarray]) -> "Tensor":
        """The tensor with a function applied that keeps its shape.

        Args:
            function: From array to array.

        Returns:
            A `Tensor`.
        """
        return Tensor(self.label, self.shape, lambda: function(self.load()))


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer of a published network.

    Args:
        name: Its name in the file; that of its weights where these have names
            of their own (`conv1_1` of `conv1_1f` and `conv1_1b`).
        kind: Class of Keras (`"Conv2D"`, `"Conv2DTranspose"`, `"Dense"`,
            `"BatchNormalization"`, `"PReLU"`), `"Scale"`, or what the file
            calls it.
        tensors: Its weights in the layout of Keras: `kernel`, `bias`,
            `gamma`, `beta`, `moving_mean`, `moving_variance`, `alpha`; those
            of layers of an unknown kind as `blob_0` and so on. Defaults to
            none.
        settings: What else the file says, in integers and floats: `strides`,
            `padding` (top, bottom, left, right), `dilation_rate`, `groups`,
            `epsilon`, and so on. Defaults to nothing.
        inputs: Names of the maps that it reads. Defaults to none.
        outputs: Names of the maps that it writes. Defaults to none.
    """

    name: str
    kind: str
    tensors: Mapping[str, Tensor] = dataclasses.field(default_factory=dict)
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Source:
    """A published network as it was read.

    Args:
        path: Path of the file.
        format: `"MatConvNet"`, `"Caffe"`, `"NumPy"`, `"PyTorch"` or
            `"Keras"`.
        layers: Its layers, in the order of the file.
        channels: `"RGB"` or `"BGR"`: what the first convolution reads.
            Defaults to `"RGB"`.
        flattening: `"HWC"` or `"CHW"`: in which order a map was flattened
            before a dense layer. Defaults to `"HWC"`.
        mean: Means of R, G and B, in 0..255, that are subtracted, or `None`
            where the file does not say. Defaults to `None`.
        deviation: Standard deviations of R, G and B, in 0..255, that are
            divided by, or `None`. Defaults to `None`.
    """

    path: str
    format: str
    layers: tuple[Layer, ...]
    channels: str = "RGB"
    flattening: str = "HWC"
    mean: tuple[float, ...] | None = None
    deviation: tuple[float, ...] | None = None

    def named(self) -> dict[str, Layer]:
        """The layers that have weights, by name.

        Returns:
            A dictionary in the order of the file.

        Raises:
            WeightsError: If two of them share a name.
        """
        found = {}
        for layer in self.layers:
            if layer.tensors and found.setdefault(layer.name, layer) != layer:
                raise WeightsError(
                    "`path` must be a network whose layers have names of "
                    f"their own. Received: path='{self.path}' with two of the "
                    f"name {shown(layer.name)}"
                )
        return found


def unreadable(path, what: str, reason: Any) -> WeightsError:
    """The error of a file that is damaged or of another kind.

    Args:
        path: Path of the file.
        what: What it should be.
        reason: Why it is not.

    Returns:
        The error.
    """
    return WeightsError(
        f"`path` must be {what}. Received: path='{path}', which is damaged or "
        f"of another kind ({shown(str(reason), 300)})"
    )
