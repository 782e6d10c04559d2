"""ESPNet with its published weights on CamVid: a check of our evaluation.

    python benchmarks/espnet.py espnet_p_2_q_8_camvid.pth

The file is `pretrained/decoder/espnet_p_2_q_8_camvid.pth` of the repository
sacmehta/ESPNet (MIT), whose README gives a mean IoU of 55.64 % on the test
images and a mean accuracy of 68.30 %. The network is that of Mehta et al.,
"ESPNet: Efficient Spatial Pyramid of Dilated Convolutions for Semantic
Segmentation", ECCV 2018, with p=2 and q=8.
"""

import argparse

import keras
import numpy as np
from keras import layers

from kerasseg import data
from kerasseg.importers import read_network
from kerasseg.importers.matching import Target
from kerasseg.importers.matching import match
from kerasseg.training.evaluate import evaluate

CLASSES, VOID = 11, 255
# Those, and what is not labeled.
OUTPUTS = 12
PUBLISHED = (0.5564, 0.6830)
DILATIONS = (1, 2, 4, 8, 16)
EPSILON = 1e-3


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    args = parser.parse_args()
    mean, deviation = moments(data.load("camvid", "train"))
    print(f"means {mean.round(2)}, deviations {deviation.round(2)}\n")
    model = load(args.file, mean, deviation)
    dataset = data.load("camvid", "test")
    ours, theirs = both_protocols(model, dataset)
    print("| pixels without a label | mean IoU | mean accuracy |")
    print("| --- | ---: | ---: |")
    for name, (iou, accuracy) in (
        ("not scored, not predicted (kerasseg)", ours),
        ("a twelfth class, left out of the means", theirs),
        ("published", PUBLISHED),
    ):
        print(f"| {name} | {100 * iou:.2f} % | {100 * accuracy:.2f} % |")


def both_protocols(model, dataset):
    """Scores as kerasseg counts, and as the repository seems to.

    Args:
        model: What `load` returned.
        dataset: Pairs of image and mask, with labels.

    Returns:
        Two pairs of mean IoU and mean accuracy, as fractions.
    """
    labels = dataset.labels
    eleven = keras.Model(model.input, model.output[..., :CLASSES])
    found = evaluate(eleven, dataset, labels)
    with_void = data.Labels(
        (*labels.class_names, "Void"), data.default_palette(OUTPUTS)
    )
    twelve = evaluate(model, _Relabeled(dataset), with_void)
    matrix = np.array(twelve["confusion_matrix"])
    hits = np.diag(matrix)[:CLASSES]
    seen, said = (matrix.sum(axis)[:CLASSES] for axis in (1, 0))
    theirs = (hits / (seen + said - hits)).mean(), (hits / seen).mean()
    return (found["mean_iou"], found["mean_accuracy"]), theirs


class _Relabeled:
    """A dataset whose pixels without a label are of a class."""

    def __init__(self, dataset):
        self._dataset = dataset

    def __len__(self):
        return len(self._dataset)

    def __getitem__(self, index):
        image, mask = self._dataset[index]
        return image, np.where(mask == VOID, CLASSES, mask)


def moments(dataset):
    """Means and deviations as the repository computes them.

    Args:
        dataset: Pairs of image and mask.

    Returns:
        For R, G and B the mean of the images' means, and the mean of their
        standard deviations.
    """
    images = [
        np.asarray(dataset[index][0], "float64")
        for index in range(len(dataset))
    ]
    means = [image.mean((0, 1)) for image in images]
    deviations = [image.std((0, 1)) for image in images]
    return np.mean(means, axis=0), np.mean(deviations, axis=0)


def load(path, mean, deviation):
    """ESPNet with the weights of a file.

    Args:
        path: Path of the state dictionary.
        mean: Three means that are subtracted from R, G and B.
        deviation: Three numbers that they are divided by, before 255.

    Returns:
        A `keras.Model` from images, 0..255 RGB, to logits of twelve classes.
    """
    model = espnet()
    match(read_network(path), targets(model), wanted="ESPNet").assign()
    images = keras.Input((None, None, 3), name="images")
    scale = 1 / (255 * np.asarray(deviation))
    x = layers.Rescaling(scale.tolist(), (-mean * scale).tolist())(images)
    # The published network reads B, G, R.
    return keras.Model(images, model(x[..., ::-1]), name="espnet_camvid")


def targets(model):
    """Where each variable is in the state dictionary.

    Args:
        model: What `espnet` returned.

    Returns:
        A list of `kerasseg.importers.matching.Target`.
    """
    found = []
    for layer in model.layers:
        for variable in layer.weights:
            adapt = _flat if variable.name == "alpha" else None
            found.append(
                Target(variable, "all", (layer.name,), variable.name, adapt)
            )
    return found


def _flat(layer):
    alpha = layer.tensors["alpha"]
    return alpha.reshaped(1, 1, *alpha.shape)


def espnet(outputs=OUTPUTS, p=2, q=8):
    """The network; its layers are named as in the state dictionary.

    Args:
        outputs: Number of channels of the output. Defaults to 12.
        p: Blocks at a stride of 4. Defaults to 2.
        q: Blocks at a stride of 8. Defaults to 8.

    Returns:
        A `keras.Model` from scaled images, BGR, to logits at their size, which
        must be a multiple of 8.
    """
    images = keras.Input((None, None, 3), name="scaled")
    half = _pooled(images)
    first = _activated(
        _convolution(images, 16, 3, "encoder.level1.conv", strides=2),
        "encoder.level1",
    )
    first = _activated(layers.Concatenate()([first, half]), "encoder.b1")
    down = _downsampled(first, 64, "encoder.level2_0")
    x = _blocks(down, p, "encoder.level2")
    second = _activated(
        layers.Concatenate()([x, down, _pooled(half)]), "encoder.b2"
    )
    down = _downsampled(second, 128, "encoder.level3_0")
    x = _blocks(down, q, "encoder.level3")
    x = _activated(layers.Concatenate()([down, x]), "encoder.b3")
    x = _convolution(x, outputs, 1, "encoder.classifier.conv")

    # === Decoder ===
    x = _upsampled(_normalized(x, "br"), "up_l3.0")
    skip = _convolution(second, outputs, 1, "level3_C.conv")
    x = _activated(layers.Concatenate()([skip, x]), "combine_l2_l3.0")
    x = _pyramid(x, outputs, "combine_l2_l3.1", residual=False)
    x = _activated(_upsampled(x, "up_l2.0"), "up_l2.1")
    x = _convolution(layers.Concatenate()([x, first]), outputs, 3, "conv.conv")
    logits = _upsampled(_activated(x, "conv"), "classifier")
    return keras.Model(images, logits, name="espnet")


def _pyramid(x, filters, name, residual=True):
    """The block of the paper: reduce, split, transform and merge."""
    reduced = _convolution(x, filters // 5, 1, f"{name}.c1.conv")
    merged = _merged(reduced, filters, name)
    if residual:
        merged = layers.Add()([x, merged])
    return _activated(merged, f"{name}.bn")


def _downsampled(x, filters, name):
    reduced = _convolution(x, filters // 5, 3, f"{name}.c1.conv", strides=2)
    merged = _normalized(_merged(reduced, filters, name), f"{name}.bn")
    return layers.PReLU(shared_axes=[1, 2], name=f"{name}.act")(merged)


def _merged(reduced, filters, name):
    """Dilated convolutions; from the second on, each adds those before."""
    each = filters // 5
    maps = [
        layers.Conv2D(
            filters - 4 * each if rate == 1 else each,
            3,
            padding="same",
            dilation_rate=rate,
            use_bias=False,
            name=f"{name}.d{rate}.conv",
        )(reduced)
        for rate in DILATIONS
    ]
    sums = maps[:2]
    for x in maps[2:]:
        sums.append(layers.Add()([sums[-1], x]))
    return layers.Concatenate()(sums)


def _blocks(x, count, name):
    for index in range(count):
        x = _pyramid(x, x.shape[-1], f"{name}.{index}")
    return x


def _convolution(x, filters, size, name, strides=1):
    # PyTorch pads both sides alike.
    x = layers.ZeroPadding2D(size // 2)(x)
    return layers.Conv2D(
        filters, size, strides=strides, use_bias=False, name=name
    )(x)


def _upsampled(x, name):
    return layers.Conv2DTranspose(
        x.shape[-1], 2, strides=2, use_bias=False, name=name
    )(x)


def _pooled(x):
    # The zeros of the border count.
    return layers.AveragePooling2D(3, 2)(layers.ZeroPadding2D(1)(x))


def _normalized(x, name):
    return layers.BatchNormalization(epsilon=EPSILON, name=name)(x)


def _activated(x, name):
    x = _normalized(x, f"{name}.bn")
    return layers.PReLU(shared_axes=[1, 2], name=f"{name}.act")(x)


if __name__ == "__main__":
    main()
