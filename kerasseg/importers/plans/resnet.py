"""Models on a ResNet: the backbone alone, of Caffe and of Keras 1 and 2."""

import re

from kerasseg.importers.plans.backbones import CLASSIFIER
from kerasseg.importers.plans.backbones import resnet_targets
from kerasseg.importers.plans.plan import Plan
from kerasseg.importers.plans.plan import refuse

_WIDE = r"res\d[a-z]\d*_branch2b"


def plan(source, entry):
    """Plans the import of a ResNet as the backbone.

    Args:
        source: The file.
        entry: The `kerasseg.zoo.Entry`.

    Returns:
        A `Plan`.

    Raises:
        WeightsError: If the file is torchvision's or another one whose
            strides are in other layers.
    """
    late = [
        name
        for name, layer in source.named().items()
        if re.fullmatch(_WIDE, name) and max(_strides(layer)) > 1
    ]
    if source.format == "PyTorch" or late:
        raise refuse(
            source,
            "a ResNet that halves maps in the first 1x1 convolution of a "
            "stage, as those of Caffe and Keras do",
            f"one {f'with {late[0]}' if late else 'of PyTorch'}, which halves "
            "them in the 3x3 convolution",
        )
    return Plan(lambda model: resnet_targets(model, source), ignored=CLASSIFIER)


def _strides(layer):
    return layer.settings.get("strides", (1,))
