"""Laplacian pyramid reconstruction and refinement."""

import keras

from kerasseg.arguments import check_choice
from kerasseg.arguments import check_integer
from kerasseg.arguments import check_number
from kerasseg.backbones.data_format import channels_last
from kerasseg.channels import check_image_shape
from kerasseg.layers import BilinearUpSampling2D
from kerasseg.layers import BoundaryMask
from kerasseg.layers import LaplacianHead
from kerasseg.layers import LaplacianReconstruction
from kerasseg.layers import NearestUpSampling2D
from kerasseg.layers import PadToMultiple
from kerasseg.models.head import HEADS
from kerasseg.models.head import as_float32
from kerasseg.models.head import check_num_classes
from kerasseg.models.head import checked_backbone
from kerasseg.models.head import upsample_to_image

LEVELS = ("32x", "16x", "8x", "4x")
TAPS = {"32x": "P5", "16x": "P4", "8x": "P3", "4x": "P2"}
UPSAMPLING = 4
# Filters and depthwise window of the light head, chosen so that the four
# levels together cost about a third of MobileNetV2.
LIGHT_HEAD = {"32x": (256, 5), "16x": (128, 5), "8x": (64, 3), "4x": (32, 3)}


@channels_last
def lrr(
    num_classes,
    backbone=None,
    image_shape=(None, None, 3),
    level="4x",
    mask=True,
    num_bases=10,
    bases=None,
    head="light",
    head_width=1.0,
    finest_upsampling=4,
    name=None,
):
    """Laplacian pyramid reconstruction and refinement.

    Each level predicts coefficients of class-specific basis functions at its
    stride and reconstructs a map at four times that resolution. A finer
    level corrects the upsampled prediction of the coarser one where that
    one has a boundary:
    `prediction_L = u + BoundaryMask(u) * reconstruction_L` with
    `u = bilinear_x2(prediction_2L)`.

    Args:
        num_classes: Integer >= 2.
        backbone: A backbone of `kerasseg.backbones`. Defaults to
            `mobilenet_v2` with random weights.
        image_shape: `(height, width, channels)`, 1 to 16 channels; sizes may
            be `None`, any size of 32 or more works (padded and cropped
            inside). Defaults to `(None, None, 3)`.
        level: `"32x"`, `"16x"`, `"8x"` or `"4x"`. The finest level. Defaults
            to `"4x"`.
        mask: Boolean. Whether corrections are masked by boundaries. Defaults
            to `True`.
        num_bases: Integer. Basis functions per class. Defaults to 10.
        bases: Array `(num_classes, num_bases, 8, 8)`, see
            `kerasseg.data.reconstruction_bases`. Defaults to cosines.
        head: `"paper"`, 5x5 coefficient convolutions on the features, or
            `"light"`: separable convolutions to a few channels, to which
            the coarser level's are added, then 1x1 coefficient convolutions;
            boundaries are then found before the upsampling, and their mask
            is repeated. Defaults to `"light"`.
        head_width: Float, 0.125 to 8. Width multiplier of the light head: its
            levels have `head_width` times 256, 128, 64 and 32 channels, from
            the coarsest. Defaults to 1.0.
        finest_upsampling: 4 or 2. Factor of the reconstruction of the finest
            level. With 2, that level corrects the coarser prediction at its
            own resolution, and the result is interpolated to the image: for
            `"4x"`, everything before the logits is at half the resolution,
            which saves most of the decoder's time. Defaults to 4, the
            paper's.
        name: String. Defaults to `"lrr_<level>"`.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)` in
        0..255, RGB if they have three, to float32 logits
        `(batch, height, width, num_classes)`.

    Raises:
        ValueError: If an argument is out of its range, or the backbone lacks
            a level.

    Reference:
        Ghiasi and Fowlkes, "Laplacian Pyramid Reconstruction and Refinement
        for Semantic Segmentation", ECCV 2016, Figure 3. The light head and
        the finest level at half the resolution are this project's own.
    """
    _check_arguments(num_classes, level, head, bases, num_bases)
    _check_head_width(head_width, head)
    if finest_upsampling not in (2, UPSAMPLING):
        raise ValueError(
            "`finest_upsampling` must be 2 or 4. "
            f"Received: finest_upsampling={finest_upsampling!r}"
        )
    levels = LEVELS[: LEVELS.index(level) + 1]
    image_shape = check_image_shape(image_shape)
    backbone = checked_backbone(
        backbone, [TAPS[this] for this in levels], image_shape[2]
    )

    images = keras.Input(image_shape, name="images")
    padded = PadToMultiple(name="pad")(images)
    features = backbone(padded)

    prediction = hidden = None
    for this in levels:
        tap = features[TAPS[this]]
        if head == "paper":
            hidden = tap
        else:
            hidden = _light_head(tap, hidden, this, head_width)
        if head == "paper" or prediction is None:
            hidden_or_coefficients = _coefficients(
                hidden, num_classes * num_bases, head, this
            )
            layer = LaplacianReconstruction
        else:
            hidden_or_coefficients = hidden
            layer = LaplacianHead
        factor = finest_upsampling if this == level else UPSAMPLING
        layer = layer(
            num_classes, num_bases, factor, name=f"reconstruction_{this}"
        )
        reconstruction = layer(hidden_or_coefficients)
        if bases is not None:
            # A copy: JAX refuses to train two variables on one buffer.
            layer.bases.assign(keras.ops.copy(_bases_at(bases, factor)))
        if prediction is None:
            prediction = reconstruction
        else:
            coarse = prediction
            if factor == UPSAMPLING:
                coarse = BilinearUpSampling2D(
                    border="zeros" if head == "paper" else "edge",
                    name=f"upsampling_{this}",
                )(prediction)
            if mask:
                boundary = _boundary(prediction, coarse, head, this)
                reconstruction = keras.layers.Multiply(name=f"detail_{this}")(
                    [boundary, reconstruction]
                )
            prediction = keras.layers.Add(name=f"prediction_{this}")(
                [coarse, reconstruction]
            )

    stride = int(level[:-1]) // finest_upsampling
    logits = upsample_to_image(prediction, images, stride)
    return keras.Model(images, logits, name=name or f"lrr_{level}")


def lrr_heads(model, dilation_erosion=True, background=None):
    """Adds what LRR learns from besides its prediction.

    Args:
        model: A model made by `lrr`. Its weights are shared.
        dilation_erosion: Boolean. Adds the two heads that predict, from the
            coarsest features, the dilated and the eroded mask of each class.
            Defaults to `True`.
        background: Class whose masks these heads expect at first, by a bias
            of +1, as the reference implementation does of the background; of
            other classes it is -1. Defaults to `None`: of all.

    Returns:
        A `keras.Model` from images to a dict of logits: `"logits"`, the
        coarser levels by name (`"32x"` at stride 8, `"16x"` at 4, `"8x"` at
        2) and `"dilation_erosion"` at stride 8 with
        `[dilation, erosion]` times `num_classes` channels.

    Raises:
        ValueError: If `model` was not made by `lrr`, or `background` is no
            class of it.

    Reference:
        Ghiasi and Fowlkes, ECCV 2016, section 4 and supplement.
    """
    names = {layer.name for layer in model.layers}
    if "reconstruction_32x" not in names:
        raise ValueError(
            "`model` must be a model made by kerasseg.models.lrr. "
            f"Received: model={model.name!r}"
        )
    _check_background(background, model.output_shape[-1])
    outputs = {"logits": model.output}
    if "reconstruction_16x" in names:
        first = model.get_layer("reconstruction_32x")
        outputs["32x"] = as_float32(first.output, "32x")
    for finer, coarser in (("8x", "16x"), ("4x", "8x")):
        if f"prediction_{finer}" in names:
            coarse = model.get_layer(f"prediction_{coarser}")
            outputs[coarser] = as_float32(coarse.output, coarser)
    if dilation_erosion:
        outputs["dilation_erosion"] = _dilation_erosion(model, background)
    return keras.Model(model.input, outputs, name=f"{model.name}_heads")


def _light_head(tap, coarser, level, width):
    filters, window = LIGHT_HEAD[level]
    filters = round(width * filters)
    x = keras.layers.DepthwiseConv2D(
        window, padding="same", use_bias=False, name=f"spatial_{level}"
    )(tap)
    x = keras.layers.Conv2D(filters, 1, name=f"project_{level}")(x)
    if coarser is not None:
        context = keras.layers.Conv2D(
            filters, 1, use_bias=False, name=f"context_{level}"
        )(coarser)
        context = BilinearUpSampling2D(
            2, border="edge", name=f"context_up_{level}"
        )(context)
        x = keras.layers.Add(name=f"sum_{level}")([x, context])
    return keras.layers.ReLU(name=f"hidden_{level}")(x)


def _boundary(coarse, upsampled, head, level):
    window = UPSAMPLING + 1
    if coarse is upsampled and head == "light":
        # The same distance in the image, at every second row and column.
        window = UPSAMPLING // 2 + 1
        coarse = keras.layers.MaxPooling2D(1, 2, name=f"sparse_{level}")(coarse)
    elif coarse is upsampled:
        return BoundaryMask(window, name=f"mask_{level}")(coarse)
    elif head == "paper":
        layer = BoundaryMask(2 * UPSAMPLING + 1, name=f"mask_{level}")
        return layer(upsampled)
    # The same distance in the image, for a quarter of the pixels.
    layer = BoundaryMask(window, name=f"boundary_{level}")
    upsample = NearestUpSampling2D(name=f"mask_{level}")
    return upsample(layer(coarse))


def _bases_at(bases, factor):
    """Bases for a factor: at half the resolution, the means of 2x2 pixels."""
    step = UPSAMPLING // factor
    shape = (*bases.shape[:2], 2 * factor, step, 2 * factor, step)
    return keras.ops.mean(keras.ops.reshape(bases, shape), axis=(3, 5))


def _coefficients(hidden, count, head, level):
    return keras.layers.Conv2D(
        count,
        5 if head == "paper" else 1,
        padding="same",
        kernel_initializer="zeros",
        name=f"coefficients_{level}",
    )(hidden)


def _dilation_erosion(model, background):
    source = model.get_layer("coefficients_32x")
    first = model.get_layer("reconstruction_32x")
    classes = range(first.num_classes)
    biases = [1.0 if c == background else -1.0 for c in classes]
    heads = []
    for kind in ("dilation", "erosion"):
        coefficients = keras.layers.Conv2D(
            source.filters,
            source.kernel_size,
            padding="same",
            kernel_initializer="zeros",
            name=f"coefficients_{kind}",
        )(source.input)
        layer = LaplacianReconstruction(
            first.num_classes,
            first.num_bases,
            first.strides,
            use_bias=True,
            name=f"reconstruction_{kind}",
        )
        heads.append(layer(coefficients))
        layer.bases.assign(keras.ops.copy(first.bases))
        layer.bias.assign(biases)
    joined = keras.layers.Concatenate(name="dilation_erosion_maps")(heads)
    return as_float32(joined, "dilation_erosion")


def _check_arguments(num_classes, level, head, bases, num_bases):
    check_num_classes(num_classes)
    check_choice("level", level, LEVELS)
    check_choice("head", head, HEADS)
    check_integer("num_bases", num_bases)
    expected = (num_classes, num_bases, 2 * UPSAMPLING, 2 * UPSAMPLING)
    if bases is None:
        return
    if not hasattr(bases, "shape"):
        raise ValueError(
            f"`bases` must be an array. Received: bases of {type(bases)}"
        )
    if tuple(bases.shape) != expected:
        raise ValueError(
            f"`bases` must have the shape {expected}. "
            f"Received: bases.shape={tuple(bases.shape)}"
        )


def _check_head_width(width, head):
    check_number("head_width", width, 0.125, 8)
    if head != "light" and width != 1:
        raise ValueError(
            "`head_width` must be 1 unless `head` is \"light\": the paper's "
            f"head has no channels of its own. Received: head_width={width!r}"
        )


def _check_background(background, num_classes):
    if background is not None and background not in range(num_classes):
        raise ValueError(
            f"`background` must be a class id, 0 to {num_classes - 1}, or "
            f"`None`. Received: background={background!r}"
        )
