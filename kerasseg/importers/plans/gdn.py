"""GDN on DeepLab-LargeFOV, of Caffe; its two matrices alone, of NumPy."""

from kerasseg.importers.matching import Target
from kerasseg.importers.matching import layers_of
from kerasseg.importers.plans.backbones import CLASSIFIER
from kerasseg.importers.plans.backbones import vgg16_targets
from kerasseg.importers.plans.plan import FCN_MEAN
from kerasseg.importers.plans.plan import HEAD
from kerasseg.importers.plans.plan import Plan
from kerasseg.importers.plans.plan import convolution_targets
from kerasseg.importers.plans.plan import count_filters

_SCORE = "fc8_voc12"
_MATRICES = "interpolation matrices"


def plan(source, entry):
    """Plans the import of a GDN, of its matrices, or of its backbone.

    Args:
        source: The file.
        entry: The `kerasseg.zoo.Entry`.

    Returns:
        A `Plan`.
    """
    classes = count_filters(source.named(), (_SCORE,))

    def targets(model):
        layers = layers_of(model)
        interpolation = layers["interpolation"]
        matrices = (interpolation.kernel_height, interpolation.kernel_width)
        return [
            *vgg16_targets(model, source),
            *convolution_targets(layers["score"], HEAD, (_SCORE,), source),
            *(
                Target(
                    matrix,
                    _MATRICES,
                    ("gdn",),
                    f"blob_{index}",
                    _transposed(index),
                )
                for index, matrix in enumerate(matrices)
            ),
        ]

    # DeepLab's names of its classifiers.
    ignored = f"{CLASSIFIER}|fc8.*" if classes is None else "(?!)"
    return Plan(targets, classes, ignored=ignored, mean=FCN_MEAN)


def _transposed(index):
    """From (cells, pixels), perhaps with axes of 1 before them."""

    def adapt(layer):
        blob = layer.tensors[f"blob_{index}"]
        matrix = blob.reshaped(*blob.shape[-2:])
        if len(matrix.shape) != 2:
            return matrix
        return matrix.transposed(1, 0)

    return adapt
