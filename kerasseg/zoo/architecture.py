"""A model's architecture as JSON, rebuilt without running foreign code."""

import json
import re

import keras

from kerasseg import layers  # noqa: F401  registers the layers by name
from kerasseg.zoo.weights import WeightsError

# Keras alone would also import what a file names, or call functions from
# anywhere in its namespace, depending on its version.
_MODULES = re.compile(
    r"builtins|keras"
    r"|keras\.(layers|models|initializers|regularizers|constraints"
    r"|activations|dtype_policies)"
    r"|keras\.src\.(layers|models|ops|dtype_policies)(\.\w+)*"
    r"|kerasseg\.(layers|backbones|models)(\.\w+)*"
)
_REFUSED = frozenset(
    {
        "Lambda",
        "__lambda__",
        "TFSMLayer",
        "TorchModuleWrapper",
        "JaxLayer",
        "FlaxLayer",
    }
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
        config.pop("compile_config", None)
        text = json.dumps(config, indent=1)
        again = rebuild(text)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            "`model` must be a functional keras.Model of Keras and kerasseg "
            "layers, since its architecture is saved without code. Received: "
            f"model={model.name!r}, which cannot be rebuilt: {error}"
        ) from error
    if _signature(again) != _signature(model):
        raise ValueError(
            "`model` must have the same variables when it is rebuilt from its "
            f"configuration. Received: model={model.name!r}, where a layer "
            "names or shapes them differently; look at its `get_config`."
        )
    return text


def rebuild(
    text: str, image_shape: tuple[int | None, int | None, int] | None = None
) -> keras.Model:
    """Builds the model of an architecture, with fresh weights.

    Args:
        text: JSON text that `architecture_of` returned. It may only name
            Keras layers without code of their own and kerasseg layers.
        image_shape: `(height, width, channels)` of the images instead of the
            saved one. Defaults to `None`.

    Returns:
        A `keras.Model`.

    Raises:
        WeightsError: If the text is no architecture, or names anything else.
        ValueError: If the model cannot be built for `image_shape`.
    """
    try:
        config = json.loads(text)
        _check(config)
        if image_shape is not None:
            _set_image_shape(config, image_shape)
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        if not isinstance(model, keras.Model):
            raise TypeError(f"{type(model).__name__} is no keras.Model")
        return model
    except (
        AttributeError,
        IndexError,
        KeyError,
        TypeError,
        json.JSONDecodeError,
    ) as error:
        raise WeightsError(
            f"The saved architecture cannot be read: {error!r}. It may come "
            "from another version of Keras, or be damaged."
        ) from error


def _signature(model):
    return [(v.path, tuple(v.shape)) for v in model.weights]


def _check(config):
    pending = [config]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            _check_object(item)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


def _check_object(item):
    if "class_name" not in item:
        return
    module = item.get("module") or "keras"
    package = str(item.get("registered_name") or "").rpartition(">")[0]
    if (
        not _MODULES.fullmatch(str(module))
        or item["class_name"] in _REFUSED
        or package not in ("", "keras", "kerasseg")
    ):
        raise WeightsError(
            "A saved model may only consist of Keras layers without code of "
            "their own and kerasseg layers. "
            f"Received: {module}.{item['class_name']}"
        )


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
