"""GDN on DeepLab-LargeFOV, of Caffe; its two matrices alone, of NumPy."""

from kerasseg.backbones.vgg16 import MEAN
from kerasseg.importers.matching import Target
from kerasseg.importers.matching import layers_of
from kerasseg.importers.plans.backbones import CLASSIFIER
from kerasseg.importers.plans.backbones import vgg16_targets
from kerasseg.importers.plans.plan import HEAD
from kerasseg.importers.plans.plan import Plan
from kerasseg.importers.plans.plan import convolution_targets
from kerasseg.importers.plans.plan import count_filters
from kerasseg.papers import FCN_MEAN

_SCORE = "fc8_voc12"
# Of fc6 in DeepLab-LargeFOV.
_SIDE = 3
_MATRICES = "interpolation matrices"


def plan(source, entry):
    """Plans the import of a GDN, of its matrices, or of its backbone.

    Args:
        source: The file.
        entry: The `kerasseg.zoo.Entry`.

    Returns:
        A `Plan`.
    """
    layers = source.named()
    classes = count_filters(layers, (_SCORE,))
    # Keras', torchvision's and MatConvNet's classifiers of ImageNet.
    sampled = bool({"fc1", "classifier.0"} & set(layers)) or (
        "fc6" in layers and _side(layers["fc6"]) != _SIDE
    )
    return Plan(
        lambda model: (
            vgg16_targets(model, source, sampled) + _head(model, source)
        ),
        classes,
        # DeepLab's names of its classifiers.
        ignored=f"{CLASSIFIER}|fc8.*" if classes is None else "(?!)",
        mean=MEAN if sampled else FCN_MEAN,
    )


def _head(model, source):
    layers = layers_of(model)
    interpolation = layers["interpolation"]
    matrices = (interpolation.kernel_height, interpolation.kernel_width)
    targets = convolution_targets(layers["score"], HEAD, (_SCORE,), source)
    for index, matrix in enumerate(matrices):
        part, adapt = f"blob_{index}", _transposed(index)
        targets.append(Target(matrix, _MATRICES, ("gdn",), part, adapt))
    return targets


def _side(layer):
    """Height of a kernel, or `None` of a dense layer."""
    shape = layer.tensors["kernel"].shape if "kernel" in layer.tensors else ()
    return shape[0] if len(shape) == 4 else None


def _transposed(index):
    """From (cells, pixels), perhaps with axes of 1 before them."""

    def adapt(layer):
        blob = layer.tensors[f"blob_{index}"]
        matrix = blob.reshaped(*blob.shape[-2:])
        if len(matrix.shape) != 2:
            return matrix
        return matrix.transposed(1, 0)

    return adapt
