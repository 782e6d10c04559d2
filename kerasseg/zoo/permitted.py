"""Which classes a saved architecture may name."""

import sys

import keras

from kerasseg import layers  # noqa: F401  registers the layers by name
from kerasseg.zoo.errors import WeightsError
from kerasseg.zoo.errors import shown

# Public layers of Keras that hold no code and read no files: not Lambda,
# TFSMLayer, TorchModuleWrapper, JaxLayer, FlaxLayer, nor those that look up
# text in a vocabulary.
_NAMES = (
    "Activation ActivityRegularization AdaptiveAveragePooling1D "
    "AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D "
    "AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention "
    "AlphaDropout Attention AugMix AutoContrast Average AveragePooling1D "
    "AveragePooling2D AveragePooling3D BatchNormalization Bidirectional "
    "CategoryEncoding CenterCrop Concatenate "
    "ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose "
    "Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D "
    "ConvLSTM3D Cropping1D Cropping2D Cropping3D CutMix Dense "
    "DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU "
    "EinsumDense Embedding Equalization Flatten GRU GRUCell GaussianDropout "
    "GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D "
    "GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D "
    "GlobalMaxPooling3D GroupNormalization GroupQueryAttention Identity "
    "InputLayer LSTM LSTMCell LayerNormalization LeakyReLU Masking "
    "MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum MixUp "
    "MultiHeadAttention Multiply Normalization PReLU Permute Pipeline "
    "RMSNormalization RNN RandAugment RandomBrightness "
    "RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop "
    "RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur "
    "RandomGrayscale RandomHue RandomInvert RandomPerspective "
    "RandomPosterization RandomRotation RandomSaturation RandomSharpness "
    "RandomShear RandomTranslation RandomZoom ReLU RepeatVector Rescaling "
    "Reshape Resizing ReversibleEmbedding SeparableConv1D SeparableConv2D "
    "SimpleRNN SimpleRNNCell Softmax Solarization SpatialDropout1D "
    "SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells "
    "Subtract TimeDistributed UnitNormalization UpSampling1D UpSampling2D "
    "UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D"
)
_LAYERS = frozenset(_NAMES.split())
_OTHERS = {
    ("keras", "DTypePolicy"),
    ("keras", "Sequential"),
    ("keras.src.applications.convnext", "LayerScale"),
    ("keras.src.applications.inception_resnet_v2", "CustomScaleLayer"),
    ("keras.src.models.functional", "Functional"),
}
# The base class of what each of these modules may give.
_PARTS = {
    "keras.initializers": keras.initializers.Initializer,
    "keras.regularizers": keras.regularizers.Regularizer,
    "keras.constraints": keras.constraints.Constraint,
}
# Operations on tensors. Those of `core` take functions, which are refused.
_OPERATIONS = {
    f"keras.src.ops.{name}" for name in ("core", "image", "math", "nn", "numpy")
}
# Numbers and slices in the calls of operations.
_VALUES = {
    "__bytes__",
    "__ellipsis__",
    "__keras_tensor__",
    "__numpy__",
    "__slice__",
    "__tensor__",
}
_OURS = (
    keras.Layer,
    keras.initializers.Initializer,
    keras.regularizers.Regularizer,
)


def check_permitted(config) -> None:
    """Refuses a configuration that names anything off the list.

    Args:
        config: The architecture of a model, as JSON values.

    Raises:
        WeightsError: If a name is not written as Keras writes it, or its
            class is not on the list.
    """
    for item in objects(config):
        if "class_name" in item and not _is_known(item):
            raise WeightsError(
                "A saved model may only consist of Keras layers without "
                "code of their own and kerasseg layers. Received: "
                f"{shown(item.get('module'))}.{shown(item['class_name'])}"
            )


def objects(config):
    """Walks through a configuration.

    Args:
        config: JSON values.

    Yields:
        All dictionaries in it.
    """
    pending = [config]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            yield item
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


def _is_known(item):
    name, module = item["class_name"], item.get("module")
    registered = item.get("registered_name")
    if item.get("compile_config") or not isinstance(name, str):
        return False
    if module is None:
        return name in _VALUES and _is_plain(item)
    if not isinstance(module, str):
        return False
    if str(registered).startswith("kerasseg>"):
        found = keras.saving.get_registered_object(registered)
        return registered == f"kerasseg>{name}" and _is_ours(found)
    if registered not in (None, name):
        return False
    found = _class_of_keras(module, name)
    # A user's own class of that name would take its place.
    stand_in = keras.saving.get_registered_object(registered or name)
    return found is not None and stand_in in (None, found)


def _class_of_keras(module, name):
    """The class of a name as Keras writes it, or `None` off the list."""
    if module == "keras.layers":
        return getattr(keras.layers, name, None) if name in _LAYERS else None
    if module in _PARTS:
        found = getattr(getattr(keras, module.partition(".")[2]), name, None)
        base = _PARTS[module]
    elif module in _OPERATIONS:
        found = vars(sys.modules[module]).get(name)
        base = keras.Operation
    elif (module, name) in _OTHERS:
        found, base = vars(sys.modules[module]).get(name), object
    else:
        return None
    return (
        found if isinstance(found, type) and issubclass(found, base) else None
    )


def _is_ours(found):
    return (
        isinstance(found, type)
        and found.__module__.startswith("kerasseg.")
        and issubclass(found, _OURS)
    )


def _is_plain(item):
    """Whether the numbers of an array are numbers, and not objects."""
    config = item.get("config")
    dtype = config.get("dtype") if isinstance(config, dict) else None
    if item["class_name"] not in ("__numpy__", "__tensor__"):
        return True
    try:
        return keras.backend.standardize_dtype(dtype) != "string"
    except (ValueError, TypeError):
        return False
