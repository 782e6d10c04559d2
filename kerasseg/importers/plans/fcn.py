"""FCN-32s, FCN-16s and FCN-8s on VGG-16: of Caffe, MatConvNet and PyTorch."""

import math
from pathlib import Path

import numpy as np

from kerasseg.backbones.vgg16 import MEAN
from kerasseg.importers.matching import Target
from kerasseg.importers.matching import layers_of
from kerasseg.importers.plans.backbones import CLASSIFIER
from kerasseg.importers.plans.backbones import vgg16_targets
from kerasseg.importers.plans.bilinear import diagonal
from kerasseg.importers.plans.bilinear import upsampling_kind
from kerasseg.importers.plans.plan import HEAD
from kerasseg.importers.plans.plan import Plan
from kerasseg.importers.plans.plan import convolution_targets
from kerasseg.importers.plans.plan import count_filters
from kerasseg.importers.plans.plan import refuse
from kerasseg.importers.source import CONV_TRANSPOSE
from kerasseg.models.fcn import AT_ONCE
from kerasseg.models.fcn import VARIANTS
from kerasseg.papers import FCN_MEAN

# Of the reference implementation, of matconvnet-fcn.
_SCORES = {
    32: ("score_fr", "fc8"),
    16: ("score_pool4", "skip4"),
    8: ("score_pool3", "skip3"),
}
_SCALES = {16: "scale_pool4", 8: "scale_pool3"}
# The upsampling from stride 16 to 8, as large as the one before it.
_FROM_16 = ("upscore_pool4", "deconv2bis")
_BORDER, _SAME = 100, 1
_AT_ONCE_NAME = "atonce"


def plan(source, entry):
    """Plans the import of an FCN, or of a classifier to start one from.

    The file decides on the geometry: 100 pixels around the image, or "same".

    Args:
        source: The file.
        entry: The `kerasseg.zoo.Entry`.

    Returns:
        A `Plan`.

    Raises:
        WeightsError: If an upsampling, a scale or the border is not one that
            the model computes.
    """
    layers = source.named()
    upsamplings = sorted(filter(_upsamples, layers.values()), key=_rank)
    if not upsamplings:
        return Plan(
            lambda model: vgg16_targets(model, source) + _scores(model, source),
            ignored=CLASSIFIER,
            mean=MEAN,
        )
    strides = VARIANTS[entry.arguments["variant"]]
    learned = _check_upsamplings(source, upsamplings, strides)
    scales = [name for name in _SCALES.values() if name in layers]
    _check_scales(source, layers, [_SCALES[s] for s in strides[1:]])
    padding = "caffe" if _has_border(source, layers) else "same"
    at_once = bool(scales) or _is_named_at_once(source)
    arguments = {"at_once": at_once, "learn_upsampling": bool(learned)}
    return Plan(
        lambda model: (
            vgg16_targets(model, source)
            + _scores(model, source)
            + _learned(model, learned, strides)
        ),
        count_filters(layers, _SCORES[32]),
        {"padding": padding, **arguments},
        {"padding": padding},
        (*(layer.name for layer in upsamplings), *scales),
        mean=FCN_MEAN,
    )


def _upsamples(layer):
    # PyTorch does not tell a transposed convolution from another.
    named = layer.kind == CONV_TRANSPOSE or layer.name.startswith("upscore")
    return named and "kernel" in layer.tensors


def _rank(layer):
    """Sorts upsamplings from coarse to fine; safetensors sorts by name."""
    size = layer.tensors["kernel"].shape[0]
    return size, layer.name in _FROM_16


def _has_border(source, layers):
    if source.format == "PyTorch":
        return True
    first = layers.get("conv1_1")
    sides = first.settings.get("padding") if first else None
    if sides not in (None, 4 * (_SAME,), 4 * (_BORDER,)):
        raise refuse(
            source,
            f"a conv1_1 with a border of {_BORDER} pixels or of {_SAME}",
            f"one of {sides}",
        )
    return sides == 4 * (_BORDER,)


def _scores(model, source):
    layers, targets = layers_of(model), []
    for stride, names in _SCORES.items():
        layer = layers.get(f"score_{stride}")
        if layer is not None:
            if not any(map(_upsamples, source.named().values())):
                names = names[:1]
            targets += convolution_targets(layer, HEAD, names, source)
    return targets


def _learned(model, layers, strides):
    """Targets of upsamplings between levels that are not bilinear."""
    if not layers:
        return []
    found = layers_of(model)
    return [
        Target(
            found[f"upsampling_{2 * stride}_to_{stride}"].kernel,
            HEAD,
            (layer.name,),
            "kernel",
            diagonal,
        )
        for layer, stride in zip(layers, strides[1:], strict=True)
    ]


def _check_upsamplings(source, layers, strides):
    """The upsamplings between levels, if one of them was learned."""
    expected = [2 for _ in strides[1:]] + [strides[-1]]
    sizes = [layer.tensors["kernel"].shape[0] // 2 for layer in layers]
    if sizes != expected:
        raise refuse(
            source,
            f"transposed convolutions of strides {expected}",
            f"those of strides {sizes}: another variant",
        )
    kinds = [upsampling_kind(layer) for layer in layers]
    for layer, kind in zip(layers, kinds, strict=True):
        if kind == "dense" or (kind == "diagonal" and layer is layers[-1]):
            raise refuse(
                source,
                "upsamplings with a kernel for each class alone, and a "
                "bilinear one at the end",
                f"another kernel in {layer.name!r}",
            )
    return layers[:-1] if "diagonal" in kinds else []


def _is_named_at_once(source):
    # In PyTorch the scales are part of the code, and not of the file.
    name = Path(source.path).name.lower().replace("-", "").replace("_", "")
    return source.format == "PyTorch" and _AT_ONCE_NAME in name


def _check_scales(source, layers, expected):
    for stride, name in _SCALES.items():
        if name not in layers:
            continue
        (tensor, *_) = layers[name].tensors.values()
        if math.prod(tensor.shape) != 1 or not np.isclose(
            tensor.array().item(), AT_ONCE[stride], rtol=1e-3
        ):
            raise refuse(
                source,
                f"features at stride {stride} scaled by {AT_ONCE[stride]}",
                f"another scale in {name!r}",
            )
    found = [name for name in expected if name in layers]
    if found and found != expected:
        raise refuse(
            source,
            f"the scales {', '.join(expected)} or none of them",
            f"{', '.join(found)} alone",
        )
