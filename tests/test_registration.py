"""Every class that Keras may have to rebuild is known to it by name."""

import inspect
import json

import keras
import pytest
from checks import check_registered
from source import modules

from kerasseg.export.forms.borrowed import Borrowed
from kerasseg.losses import DiceLoss
from kerasseg.losses import SegmentationLoss
from kerasseg.losses.label_map_loss import LabelMapLoss
from kerasseg.losses.overlap_loss import OverlapLoss

KINDS = (
    keras.layers.Layer,
    keras.losses.Loss,
    keras.metrics.Metric,
    keras.initializers.Initializer,
    keras.optimizers.Optimizer,
    keras.optimizers.schedules.LearningRateSchedule,
)

# Constructor arguments of an example, for classes that need any.
EXAMPLES = {
    "LaplacianReconstruction": {
        "num_classes": 3,
        "num_bases": 2,
    },
    "LaplacianHead": {"num_classes": 3, "num_bases": 2},
    "PadToMultiple": {"multiple": 32},
    "BilinearConv2DTranspose": {"strides": 4, "padding": "valid"},
    "ConvolutionUnit": {"filters": 4, "kernel_size": 3, "strides": 2},
    "GuidedFilter": {"radius": 2, "epsilon": 0.1},
    "DLC": {"reduction": 8, "filters": 2, "dilation_rates": (1, 2)},
    "GlobalInterpolation": {"size": (8, 12), "initializer": "he_normal"},
    "BatchStandardization": {"epsilon": 0.1},
    "FakeQuantize": {"symmetric": True, "horizon": 20},
    "FakeQuantizedKernel": {"layer": keras.layers.Conv2D(4, 3, name="conv")},
    "PixelDCL": {"filters": 4, "activation": "relu", "sequential": True},
    "IPixelDCL": {"filters": 4, "kernel_size": 5},
    "GuidedDUC": {"filters": 6, "guidance_stride": 4},
    "DilationErosionLoss": {"num_classes": 3, "ignore_class": (3, 255)},
    "SegmentationLoss": {"class_weights": [1.0, 2.0], "ignore_class": (3, 255)},
    "ConfusionMatrix": {"num_classes": 3},
    "PixelAccuracy": {"num_classes": 3},
    "MeanAccuracy": {"num_classes": 3, "absent": "zero"},
    "MeanIoU": {"num_classes": 3, "ignore_class": (3, 255)},
    "FrequencyWeightedIoU": {"num_classes": 3},
    "ClassIoU": {"num_classes": 3, "class_id": 1},
    "DiceLoss": {"class_weights": [1.0, 2.0], "squared": True},
    "JaccardLoss": {"classes": "all", "smooth": 1.0, "scope": "image"},
    "TverskyLoss": {"alpha": 0.25, "beta": 0.75},
    "FocalLoss": {"gamma": 1.5, "ignore_class": (3, 255)},
    "OHEMLoss": {"threshold": 0.5, "keep": 0.25},
    "BoundaryWeightedLoss": {"boundary_weight": 2.0, "sigma": 1.5},
    "SumLoss": {
        "losses": [SegmentationLoss(), DiceLoss(smooth=1.0)],
        "weights": [1.0, 0.5],
    },
    "MultiLabelLoss": {"exclude_class": 0, "weight": 0.5},
    "LearningRateMultipliers": {
        "optimizer": keras.optimizers.SGD(0.1, weight_decay=0.01),
        "multipliers": {"score/.*": 10.0, ".*bias": 2.0},
        "weight_decay_multipliers": {".*bias": 0.0},
    },
    "PolyDecay": {"initial_learning_rate": 0.1, "steps": 9, "warmup_steps": 2},
}


def classes():
    """All classes of the package that Keras rebuilds from a config.

    A subclass of `keras.Model` only carries the training of another model,
    and that one is what is saved. What exporters put in the place of a layer
    is never saved either.
    """
    found = {}
    for module in modules():
        for name, value in inspect.getmembers(module, inspect.isclass):
            own = value.__module__.startswith("kerasseg")
            carries = issubclass(value, keras.Model | Borrowed)
            abstract = value in (LabelMapLoss, OverlapLoss)
            if own and issubclass(value, KINDS) and not carries | abstract:
                found[name] = value
    return list(found.values())


def _name(cls):
    return cls.__name__


@pytest.mark.every_backend
@pytest.mark.parametrize("cls", classes(), ids=_name)
def test_the_class_is_registered(cls):
    check_registered(cls)


@pytest.mark.every_backend
@pytest.mark.parametrize("cls", classes(), ids=_name)
def test_the_class_serializes(cls):
    value = cls(**EXAMPLES.get(cls.__name__, {}))
    saved = json.loads(json.dumps(keras.saving.serialize_keras_object(value)))
    assert saved["registered_name"] == f"kerasseg>{cls.__name__}"
    again = keras.saving.deserialize_keras_object(saved)
    assert type(again) is cls
    resaved = json.loads(json.dumps(keras.saving.serialize_keras_object(again)))
    assert resaved["config"] == saved["config"]
    missing = set(EXAMPLES.get(cls.__name__, {})) - set(saved["config"])
    assert not missing, f"get_config leaves out {sorted(missing)}"


def test_examples_are_of_classes_that_exist():
    assert set(EXAMPLES) <= {cls.__name__ for cls in classes()}
