"""A model's architecture as JSON, rebuilt without running foreign code.

Keras resolves a name in many ways, and some of what it finds runs code or
reads files. Here a name must be written as Keras writes it, and the class
that it stands for must be on the list.
"""

import json
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
    "DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding "
    "Equalization Flatten GRU GRUCell GaussianDropout GaussianNoise "
    "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D "
    "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D "
    "GroupNormalization GroupQueryAttention Identity InputLayer LSTM "
    "LSTMCell LayerNormalization LeakyReLU Masking MaxPooling1D "
    "MaxPooling2D MaxPooling3D Maximum Minimum MixUp MultiHeadAttention "
    "Multiply Normalization PReLU Permute RMSNormalization RNN RandAugment "
    "RandomBrightness RandomColorDegeneration RandomColorJitter "
    "RandomContrast RandomCrop RandomElasticTransform RandomErasing "
    "RandomFlip RandomGaussianBlur RandomGrayscale RandomHue RandomInvert "
    "RandomPerspective RandomPosterization RandomRotation RandomSaturation "
    "RandomSharpness RandomShear RandomTranslation RandomZoom ReLU "
    "RepeatVector Rescaling Reshape Resizing ReversibleEmbedding "
    "SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax "
    "Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D "
    "SpectralNormalization StackedRNNCells Subtract TimeDistributed "
    "UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D "
    "ZeroPadding2D ZeroPadding3D"
)
_LAYERS = frozenset(_NAMES.split())
# The largest of the zoo takes 0.6 MB.
_MAX_BYTES = 1 << 24
_OTHERS = {
    ("keras", "DTypePolicy"),
    ("keras", "Sequential"),
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


def architecture_of(model: keras.Model) -> str:
    """Returns the architecture of a model, after a trial rebuild.

    Args:
        model: A functional `keras.Model` of Keras and kerasseg layers.

    Returns:
        JSON text for `rebuild`.

    Raises:
        ValueError: If the rebuilt model would not have the same variables.
    """
    try:
        config = json.loads(model.to_json())
        # What a model is trained with is no part of what it computes.
        for item in _objects(config):
            item.pop("compile_config", None)
        text = json.dumps(config, indent=1)
        again, _ = _trial(text, None)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            "`model` must be a functional keras.Model of Keras and kerasseg "
            "layers, since its architecture is saved without code. Received: "
            f"model={model.name!r}, which cannot be rebuilt: {error}"
        ) from error
    if again != _shapes(model):
        raise ValueError(
            "`model` must have the same variables when it is rebuilt from its "
            f"configuration. Received: model={model.name!r}, where a layer "
            "names or shapes them differently; look at its `get_config`."
        )
    return text


def read_architecture(path: Path) -> str:
    """Reads the architecture of a saved folder.

    Args:
        path: Path of the file.

    Returns:
        Text for `rebuild`.

    Raises:
        FileNotFoundError: If there is no such file.
        WeightsError: If it is larger than any architecture.
    """
    size = path.stat().st_size
    if size > _MAX_BYTES:
        raise WeightsError(
            f"The architecture {path} must have at most {_MAX_BYTES} bytes. "
            f"Received: {size} bytes"
        )
    return path.read_text(encoding="utf-8", errors="replace")


def rebuild(
    text: str,
    image_shape: tuple[int | None, int | None, int] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    num_classes: int | None = None,
) -> keras.Model:
    """Builds the model of an architecture, with fresh weights.

    Args:
        text: JSON text that `architecture_of` returned. It may only name
            Keras layers without code of their own and kerasseg layers.
        image_shape: `(height, width, channels)` of the images instead of the
            saved one. Defaults to `None`.
        shapes: The shapes that the variables must have, by path. They are
            compared before memory is taken. Defaults to `None`: any.
        num_classes: The number of classes that the model must have. Defaults
            to `None`: any.

    Returns:
        A `keras.Model`.

    Raises:
        WeightsError: If the text is no architecture, names anything else, or
            describes another model than `shapes` and `num_classes`.
        ValueError: If the model cannot be built for `image_shape`.
    """
    found, outputs = _trial(text, image_shape)
    if num_classes is not None and outputs != num_classes:
        raise WeightsError(
            f"`labels` must have as many classes as the saved model, {outputs}."
            f" Received: {num_classes} classes"
        )
    if shapes is not None and found != dict(shapes):
        different = sorted(
            {*found.items()} ^ {(k, tuple(v)) for k, v in shapes.items()}
        )
        raise WeightsError(
            "The saved architecture must have the variables of the weights "
            f"beside it. Received: {len(different)} differences, the first "
            f"{shown(different[0])}"
        )
    return _deserialized(text, image_shape)


def _trial(text, image_shape):
    """Shapes of the variables by path, and the number of classes.

    The variables get no memory: they are made in a scope that puts their
    initialization off, in a thread, with which the scope's list of them ends.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_symbolic, text, image_shape).result()


def _symbolic(text, image_shape):
    try:
        with keras.StatelessScope(initialize_variables=False):
            model = _deserialized(text, image_shape)
            if not isinstance(model, keras.Model):
                raise TypeError(f"{type(model).__name__} is no keras.Model")
            shape = getattr(model.output, "shape", None)
            return _shapes(model), shape and shape[-1]
    except WeightsError:
        raise
    except Exception as error:
        if image_shape is not None and isinstance(error, ValueError):
            raise
        # Whatever Keras and its layers raise at a foreign configuration.
        raise WeightsError(
            f"The saved architecture cannot be read: {shown(repr(error))}. It "
            "may come from another version of Keras, or be damaged."
        ) from error


def _deserialized(text, image_shape):
    config = json.loads(text)
    _check(config)
    if image_shape is not None:
        _set_image_shape(config, image_shape)
    return keras.saving.deserialize_keras_object(config, safe_mode=True)


def _shapes(model):
    shapes = {v.path: tuple(v.shape) for v in model.weights}
    if len(shapes) != len(model.weights):
        raise ValueError("two variables have the same path")
    return shapes


def _check(config):
    for item in _objects(config):
        if "class_name" in item and not _is_known(item):
            raise WeightsError(
                "A saved model may only consist of Keras layers without "
                "code of their own and kerasseg layers. Received: "
                f"{shown(item.get('module'))}.{shown(item['class_name'])}"
            )


def _objects(config):
    """All dictionaries in a configuration."""
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


def _set_image_shape(config, image_shape):
    inputs = [
        layer["config"]
        for layer in config["config"]["layers"]
        if layer["class_name"] == "InputLayer"
    ]
    if len(inputs) != 1:
        raise ValueError(
            "`image_shape` can only be changed for a model with one input. "
            f"Received: image_shape={image_shape}, {len(inputs)} inputs"
        )
    inputs[0]["batch_shape"] = [None, *image_shape]
