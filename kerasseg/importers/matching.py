"""Which tensor of a file belongs to which variable of a model."""

import dataclasses
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence

import keras
import numpy as np

from kerasseg.importers.source import Layer
from kerasseg.importers.source import Source
from kerasseg.importers.source import Tensor
from kerasseg.zoo.errors import WeightsError
from kerasseg.zoo.errors import shown


@dataclasses.dataclass(frozen=True)
class Target:
    """A variable, and where its numbers may be.

    Args:
        variable: The variable.
        group: What it belongs to, such as `"head"`: a file has all of a group
            or nothing.
        names: Names of layers that may have it, the first that exists does.
        part: Which of the weights of the layer it is.
        adapt: From the layer to the tensor. Defaults to `None`: the part as
            it is.
        optional: Whether it may be missing and is zero then, as the bias of a
            convolution before a batch normalization. Defaults to `False`.
    """

    variable: keras.Variable
    group: str
    names: Sequence[str]
    part: str
    adapt: Callable[[Layer], Tensor] | None = None
    optional: bool = False


@dataclasses.dataclass(frozen=True)
class Match:
    """What a file gives to a model.

    Args:
        pairs: Targets with their tensors, `None` for zeros.
        read: Groups that were found.
        kept: Groups that the file does not have.
        left_out: Labels of tensors that no model needs.
    """

    pairs: tuple[tuple[Target, Tensor | None], ...]
    read: tuple[str, ...]
    kept: tuple[str, ...]
    left_out: tuple[str, ...]

    def assign(self) -> None:
        """Reads the numbers into the variables, one after the other.

        Raises:
            WeightsError: If a tensor is not finite.
        """
        for target, tensor in self.pairs:
            shape = tuple(target.variable.shape)
            target.variable.assign(
                np.zeros(shape) if tensor is None else tensor.array()
            )


def match(
    source: Source,
    targets: Iterable[Target],
    checked: Iterable[str] = (),
    ignored: str = "(?!)",
    wanted: str = "the entry",
) -> Match:
    """Finds the tensor of each variable.

    Args:
        source: The file.
        targets: The variables.
        checked: Names of layers that were used in another way. Defaults to
            none.
        ignored: Regular expression of the names of layers that the model does
            without. Defaults to none.
        wanted: What the file should be, for the message. Defaults to `"the
            entry"`.

    Returns:
        A `Match`.

    Raises:
        WeightsError: If anything is missing, surplus or of another shape; the
            message lists all of it.
    """
    layers = source.named()
    found = [(target, _holder(target, layers)) for target in targets]
    groups = dict.fromkeys(target.group for target, _ in found)
    read = {target.group for target, holder in found if holder is not None}
    pairs = [
        (target, _tensor(target, holder))
        for target, holder in found
        if target.group in read
    ]
    rest = _unused(layers, found, checked)
    surplus = [x for x in rest if not re.fullmatch(ignored, x[0].name)]
    _refuse(
        source,
        wanted,
        [
            _described(t)
            for t, holder in found
            if not holder and _misses(t, read)
        ],
        [_surplus(layer, part) for layer, part in surplus],
        [_difference(*pair) for pair in pairs if _differs(*pair)],
    )
    return Match(
        tuple(pairs),
        tuple(group for group in groups if group in read),
        tuple(group for group in groups if group not in read),
        tuple(layer.tensors[part].label for layer, part in rest),
    )


def _holder(target, layers):
    """The layer that has a variable."""
    for name in target.names:
        layer = layers.get(name)
        if layer is not None and target.part in layer.tensors:
            return layer
    return None


def _misses(target, read):
    """Whether a variable without a tensor is an error."""
    # Where nothing was found, everything is.
    return not read or (target.group in read and not target.optional)


def _tensor(target, holder):
    if holder is None:
        return None
    if target.adapt is not None:
        return target.adapt(holder)
    return holder.tensors[target.part]


def _described(target):
    return f"{target.part} of {' or '.join(target.names)}"


def _unused(layers, found, checked):
    """Layers and their parts that no variable took."""
    used = {(holder.name, target.part) for target, holder in found if holder}
    return [
        (layer, part)
        for layer in layers.values()
        for part in layer.tensors
        if (layer.name, part) not in used and layer.name not in checked
    ]


def _differs(target, tensor):
    return tensor is not None and tensor.shape != tuple(target.variable.shape)


def _difference(target, tensor):
    wanted = tuple(target.variable.shape)
    return f"{shown(tensor.label)} {tensor.shape}, in the model {wanted}"


def _surplus(layer, part):
    label = shown(layer.tensors[part].label)
    if part.startswith("blob_"):
        return f"{label} of the unknown type {shown(layer.kind)}"
    return label


def _refuse(source, wanted, missing, surplus, shapes):
    problems = [
        f"{what} ({len(names)}): {', '.join(names)}"
        for what, names in (
            ("missing", missing),
            ("not in the model", surplus),
            ("of another shape", shapes),
        )
        if names
    ]
    if problems:
        raise WeightsError(
            f"`path` must hold the weights of {wanted}. Received: "
            f"path='{source.path}', a {source.format} file with other weights: "
            f"{'; '.join(problems)}."
        )


def layers_of(model: keras.Model) -> dict[str, keras.Layer]:
    """All layers of a model and of the models in it, by name.

    Args:
        model: The model.

    Returns:
        A dictionary.
    """
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found.update(layers_of(layer))
        else:
            found[layer.name] = layer
    return found


def variance_for(epsilon: float) -> Callable[[Layer], Tensor]:
    """Adapts variances to a batch normalization with another epsilon.

    Args:
        epsilon: What the Keras layer adds to variances.

    Returns:
        From the layer of a file to a tensor: its variances, so shifted that
        the sum is the same. Where they were smaller than the difference, it
        holds negative numbers. Reading it raises a `WeightsError` where the
        sum is not above zero.
    """

    def adapt(layer):
        own = layer.settings.get("epsilon", epsilon)
        tensor = layer.tensors["moving_variance"]
        return tensor.mapped(
            lambda array: _shifted(tensor, array, own, epsilon)
        )

    return adapt


def _shifted(tensor, array, own, epsilon):
    if (array + own <= 0).any():
        raise WeightsError(
            f"{shown(tensor.label)} must hold variances, from 0 on. "
            f"Received: {array.min()}"
        )
    return array + (own - epsilon)
