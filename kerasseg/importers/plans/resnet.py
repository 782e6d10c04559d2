"""Models on a ResNet: the backbone alone, of Caffe and of Keras 1 and 2."""

from kerasseg.importers.plans.backbones import CLASSIFIER
from kerasseg.importers.plans.backbones import resnet_targets
from kerasseg.importers.plans.plan import Plan
from kerasseg.importers.plans.plan import refuse


def plan(source, entry):
    """Plans the import of a ResNet as the backbone.

    Args:
        source: The file.
        entry: The `kerasseg.zoo.Entry`.

    Returns:
        A `Plan`.

    Raises:
        WeightsError: If the file is torchvision's, whose strides are in
            other layers.
    """
    if source.format == "PyTorch":
        raise refuse(
            source,
            "a ResNet that halves maps in the first 1x1 convolution of a "
            "stage, as those of Caffe and Keras do",
            "one of PyTorch, which halves them in the 3x3 convolution",
        )
    return Plan(lambda model: resnet_targets(model, source), ignored=CLASSIFIER)
