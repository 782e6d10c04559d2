"""Global deconvolutional network."""

import keras

from kerasseg.arguments import check_choice
from kerasseg.backbones.data_format import channels_last
from kerasseg.channels import check_image_shape
from kerasseg.layers import CropToMatch
from kerasseg.layers import GlobalInterpolation
from kerasseg.layers import PadToMultiple
from kerasseg.models.head import as_float32
from kerasseg.models.head import check_num_classes
from kerasseg.models.head import checked_backbone


@channels_last
def gdn(
    num_classes,
    backbone=None,
    image_shape=(None, None, 3),
    size=None,
    level="P5",
    multiple=32,
    initializer="bilinear",
    resampling="crop",
    name=None,
):
    """Global deconvolutional network: logits upsampled by learned matrices.

    A 1x1 classifier on the features, then `y_c = K_h x_c K_w^T` to the size
    of the image, see `GlobalInterpolation`. With `"P5"` of a backbone such as
    `vgg16` it is FCN-32s with the matrices in place of its transposed
    convolution; with `"P3"` of `vgg16_large_fov` and `multiple=1` it is the
    reference network that was released.

    The matrices belong to images of one size. What smaller and larger ones
    do is decided by `resampling`. A model of a fixed `image_shape` takes any
    image through `kerasseg.inference`, which resizes it and the logits.

    Args:
        num_classes: Integer >= 2.
        backbone: A backbone of `kerasseg.backbones`. Defaults to
            `mobilenet_v2` with random weights.
        image_shape: `(height, width, channels)`, 1 to 16 channels; sizes may
            be `None`. Images must have 32 pixels or more per side. Defaults
            to `(None, None, 3)`.
        size: `(height, width)` of the images that the matrices belong to,
            rounded up to `multiple`. Defaults to the sizes of `image_shape`.
        level: `"P1"` .. `"P5"`. The features that are classified. Defaults
            to `"P5"`.
        multiple: Integer >= 1. What images are padded to: the stride that
            the backbone needs, 1 for `vgg16_large_fov`. Defaults to 32.
        initializer: `"bilinear"`, `"glorot_gdn"` (the reference
            implementation's) or a Keras initializer, see `GlobalInterpolation`.
            Defaults to `"bilinear"`.
        resampling: `"crop"`, as in the reference implementation: smaller images
            use the top left of the matrices, larger ones are an error;
            `"resize"`: the logits are resized to those of `size`, and the
            logits back; `"resample"`: the matrices are resized. Defaults to
            `"crop"`.
        name: String. Defaults to `"gdn"`.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)` in
        0..255, RGB if they have three, to float32 logits
        `(batch, height, width, num_classes)`.

    Raises:
        ValueError: If an argument is out of its range, `size` is missing, or
            the backbone lacks the level.

    Reference:
        Nekrasov, Ju and Choi, "Global Deconvolutional Networks for Semantic
        Segmentation", BMVC 2016, Figure 1.
    """
    check_num_classes(num_classes)
    image_shape = check_image_shape(image_shape)
    backbone = checked_backbone(backbone, [level], image_shape[2])
    pad = PadToMultiple(multiple, name="pad")
    size = _padded_size(size, image_shape, multiple)

    images = keras.Input(image_shape, name="images")
    padded = pad(images)
    features = backbone(padded)[level]
    logits = keras.layers.Conv2D(num_classes, 1, name="score")(features)
    interpolation = GlobalInterpolation(
        size,
        _cells(backbone, level, size),
        initializer=initializer,
        resampling=resampling,
        name="interpolation",
    )
    if resampling == "crop":
        # The rows of the padding are not computed.
        logits = interpolation([logits, images])
    else:
        logits = interpolation([logits, padded])
        logits = CropToMatch(name="crop")([logits, images])
    return keras.Model(images, as_float32(logits, "logits"), name=name or "gdn")


def gdn_heads(model, pooling="average"):
    """Adds the branch that predicts which classes an image shows.

    The features before the classifier are pooled over the whole image, and a
    dense layer gives one logit per class. `MultiLabelLoss` compares them with
    the classes that occur in the mask. The paper's own branch is not published;
    the branch is dropped after training.

    Args:
        model: A model made by `gdn`. Its weights are shared.
        pooling: `"average"` or `"max"`. Defaults to `"average"`.

    Returns:
        A `keras.Model` from images to a dict of logits: `"logits"` and
        `"multi_label"`, `(batch, num_classes)`.

    Raises:
        ValueError: If `model` was not made by `gdn`, or `pooling` is neither
            of the two.

    Example:
        >>> trainer = DeepSupervision(
        ...     gdn_heads(model), {"multi_label": MultiLabelLoss()})

    Reference:
        Nekrasov, Ju and Choi, BMVC 2016, section 3.
    """
    poolings = {
        "average": keras.layers.GlobalAveragePooling2D,
        "max": keras.layers.GlobalMaxPooling2D,
    }
    check_choice("pooling", pooling, tuple(poolings))
    if not {"score", "interpolation"} <= {x.name for x in model.layers}:
        raise ValueError(
            "`model` must be a model made by kerasseg.models.gdn. "
            f"Received: model={model.name!r}"
        )
    score = model.get_layer("score")
    pooled = poolings[pooling](name="pool")(score.input)
    classes = keras.layers.Dense(score.filters, name="multi_label_score")
    outputs = {
        "logits": model.output,
        "multi_label": as_float32(classes(pooled), "multi_label"),
    }
    return keras.Model(model.input, outputs, name=f"{model.name}_heads")


def _padded_size(size, image_shape, multiple):
    given = tuple(image_shape[:2] if size is None else size)
    if len(given) != 2 or not all(isinstance(n, int) for n in given):
        raise ValueError(
            "`size` must be (height, width) of the largest images where "
            "`image_shape` may have any size. "
            f"Received: size={size!r}, image_shape={tuple(image_shape)}"
        )
    return tuple(n + -n % multiple for n in given)


def _cells(backbone, level, size):
    """Height and width of the features of images of a size."""
    probe = keras.KerasTensor((1, *size, backbone.input_shape[-1]))
    return tuple(backbone(probe)[level].shape[1:3])
