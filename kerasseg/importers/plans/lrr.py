"""LRR on VGG-16, of MatConvNet; on ResNet, the backbone alone."""

from kerasseg.importers.matching import Target
from kerasseg.importers.matching import layers_of
from kerasseg.importers.plans import resnet
from kerasseg.importers.plans.backbones import CLASSIFIER
from kerasseg.importers.plans.backbones import vgg16_targets
from kerasseg.importers.plans.bilinear import upsampling_kind
from kerasseg.importers.plans.plan import HEAD
from kerasseg.importers.plans.plan import Plan
from kerasseg.importers.plans.plan import convolution_targets
from kerasseg.importers.plans.plan import count_filters
from kerasseg.importers.plans.plan import refuse
from kerasseg.models.lrr import LEVELS

_NUM_BASES = 10
_UPSAMPLING = "dec_prediction_{}_bil_x2"
_COEFFICIENTS = "bases_coef_{}"
# Heads that training alone needs; older files call one of them obj_dil_mask.
_TRAINING = r"(obj_)?(dil|ero)_.*"


def plan(source, entry):
    """Plans the import of an LRR, or of a classifier to start one from.

    Args:
        source: The file.
        entry: The `kerasseg.zoo.Entry`.

    Returns:
        A `Plan`.

    Raises:
        WeightsError: If an upsampling is not bilinear, or a ResNet is
            torchvision's.
    """
    if entry.backbone.startswith("resnet"):
        # The authors published no weights of this one.
        return resnet.plan(source, entry)
    layers = source.named()
    levels = LEVELS[: LEVELS.index(entry.arguments["level"]) + 1]
    upsamplings = [_UPSAMPLING.format(level) for level in levels[:-1]]
    checked = tuple(name for name in upsamplings if name in layers)
    for name in checked:
        if upsampling_kind(layers[name]) != "bilinear":
            raise refuse(
                source, "bilinear upsamplings", f"another kernel in {name!r}"
            )
    count = count_filters(layers, (_COEFFICIENTS.format(levels[0]),))
    classes = None if count is None else count // _NUM_BASES

    def targets(model):
        found = vgg16_targets(model, source)
        for level in levels:
            found += _level(model, level, source)
        return found

    ignored = f"{CLASSIFIER}|{_TRAINING}" if classes is None else _TRAINING
    return Plan(targets, classes, checked=checked, ignored=ignored)


def _level(model, level, source):
    layers = layers_of(model)
    bases = layers[f"reconstruction_{level}"].bases

    def adapt(layer):
        # (8, 8, 1, classes * bases), each class one after the other.
        kernel = layer.tensors["kernel"].transposed(3, 2, 0, 1)
        return kernel.reshaped(*bases.shape)

    return [
        *convolution_targets(
            layers[f"coefficients_{level}"],
            HEAD,
            (_COEFFICIENTS.format(level),),
            source,
        ),
        Target(bases, HEAD, (f"deconv_{level}",), "kernel", adapt),
    ]
