"""A model's architecture as JSON, rebuilt without running foreign code.

Keras resolves a name in many ways, and some of what it finds runs code or
reads files. Here a name must be written as Keras writes it, and the class
that it stands for must be on the list.
"""

import contextlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras

from kerasseg.zoo.errors import WeightsError
from kerasseg.zoo.errors import shown
from kerasseg.zoo.permitted import check_permitted
from kerasseg.zoo.permitted import objects
from kerasseg.zoo.variables import named_variables

# The largest of the zoo takes 0.6 MB.
_MAX_BYTES = 1 << 24


def architecture_of(model: keras.Model) -> str:
    """Returns the architecture of a model, after a trial rebuild.

    Args:
        model: A functional `keras.Model` or a `keras.Sequential` with an
            input, of Keras and kerasseg layers.

    Returns:
        JSON text for `rebuild`.

    Raises:
        ValueError: If the rebuilt model would not have the same variables.
    """
    _check_kind(model)
    try:
        text = _stable(model)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            "`model` must be a functional keras.Model of Keras and kerasseg "
            "layers, since its architecture is saved without code. Received: "
            f"model={model.name!r}, which cannot be rebuilt: {error}"
        ) from error
    if text is None:
        raise ValueError(
            "`model` must have the same variables when it is rebuilt from its "
            f"configuration. Received: model={model.name!r}, where a layer "
            "names or shapes them differently; look at its `get_config`."
        )
    return text


def _stable(model):
    """Text from which the model is rebuilt with the same variables, if any."""
    config = json.loads(model.to_json())
    # What a model is trained with is no part of what it computes.
    _drop("compile_config", config)
    wanted = _shapes(model)
    text = json.dumps(config, indent=1)
    # A layer that is built before it is called has variables without the
    # names of the layers around it, as in a `keras.Sequential` or a wrapper.
    _drop("build_config", config)
    later = json.dumps(config, indent=1)
    # Of two errors, the second tells.
    with contextlib.suppress(WeightsError):
        if _trial(text, None)[0] == wanted:
            return text
    return later if _trial(later, None)[0] == wanted else None


def _drop(key, config):
    for item in objects(config):
        item.pop(key, None)


def _check_kind(model):
    """Refuses models whose architecture is code, or not known yet."""
    if isinstance(model, keras.Sequential):
        if not model.built:
            raise ValueError(
                "`model` must know its input: begin the keras.Sequential with "
                "keras.Input((None, None, 3)), or call it on an image. "
                f"Received: model={model.name!r}, which was never called"
            )
    elif isinstance(model, keras.Model) and not hasattr(model, "output"):
        raise ValueError(
            "`model` must be a functional keras.Model or a keras.Sequential, "
            "since its architecture is saved without code, and that of a "
            "subclassed model is its method `call`. Make a functional model "
            "of its layers, or keep your class and write the weights alone "
            "with kerasseg.zoo.write_weights. Received: "
            f"model={model.name!r} (of type {type(model).__name__})"
        )


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
    # What is made in earnest may fail where the trial did not.
    with _readable(image_shape):
        return _deserialized(text, image_shape)


def _trial(text, image_shape):
    """Shapes of the variables by path, and the number of classes.

    The variables get no memory: they are made in a scope that puts their
    initialization off, in a thread, with which the scope's list of them ends.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_symbolic, text, image_shape).result()


def _symbolic(text, image_shape):
    with (
        _readable(image_shape),
        keras.StatelessScope(initialize_variables=False),
    ):
        model = _deserialized(text, image_shape)
        if not isinstance(model, keras.Model):
            raise TypeError(f"{type(model).__name__} is no keras.Model")
        shape = output_shape(model)
        return _shapes(model), shape and shape[-1]


@contextlib.contextmanager
def _readable(image_shape):
    """Has the user know an architecture that cannot be read by its error."""
    try:
        yield
    except WeightsError:
        raise
    except Exception as error:
        if image_shape is not None and isinstance(error, ValueError):
            raise
        # Whatever Keras and its layers raise at a foreign configuration.
        raise WeightsError(
            f"The saved architecture cannot be read: {_reason(error)}. It may "
            "come from another version of Keras, or be damaged."
        ) from error


def _reason(error):
    """What went wrong at first; Keras puts the whole architecture before."""
    _, found, text = str(error).rpartition("Exception encountered: ")
    return shown(text if found else repr(error))


def output_shape(model: keras.Model) -> tuple[int | None, ...]:
    """The shape of what a model returns.

    Args:
        model: A functional `keras.Model` or a `keras.Sequential` with an input.

    Returns:
        Tuple of sizes; empty for a dictionary or a list of outputs.
    """
    if isinstance(model, keras.Sequential):
        return tuple(model.outputs[0].shape)
    return tuple(getattr(model.output, "shape", ()))


def _deserialized(text, image_shape):
    config = json.loads(text)
    check_permitted(config)
    if image_shape is not None:
        _set_image_shape(config, image_shape)
    return keras.saving.deserialize_keras_object(config, safe_mode=True)


def _shapes(model):
    return {path: tuple(v.shape) for path, v in named_variables(model).items()}


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
