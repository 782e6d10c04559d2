"""Names of a model's variables that are the same each time it is built."""

import re
from collections import Counter

import keras

# What Keras calls a variable whose layer gives it no name, with a number that
# counts all of the process.
_UNNAMED = re.compile(r"variable(_\d+)?")


def named_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """The variables of a model by their paths.

    Those without a name of their own, as in the `LayerScale` of Keras'
    ConvNeXt, are counted within their layer.

    Args:
        model: A built `keras.Model`.

    Returns:
        Dictionary in the order of `model.weights`.

    Raises:
        ValueError: If two variables have the same path.
    """
    counts = Counter()
    variables = {}
    for variable in model.weights:
        layer, _, name = variable.path.rpartition("/")
        path = variable.path
        if _UNNAMED.fullmatch(name):
            number = counts[layer]
            counts[layer] += 1
            path = f"{layer}/variable" + (f"_{number}" if number else "")
        if path in variables:
            raise ValueError(
                "`model` must have variables with unique paths: give each "
                "layer that owns weights a name of its own, also against the "
                f"layers of the backbone. Received: {path!r} twice"
            )
        variables[path] = variable
    return variables


def without_scopes(model: keras.Model) -> keras.Model:
    """The model, or a copy of it with names that its configuration keeps.

    What is built within `keras.name_scope`, as the blocks of Keras' NASNet are,
    has the scope in the paths of its variables, and loses it when the model is
    rebuilt.

    Args:
        model: A built `keras.Model`.

    Returns:
        The model itself where no layer was built within a scope, or the model
        cannot be copied.
    """
    if not _is_graph(model) or not _has_scopes(model):
        return model
    try:
        copy = keras.models.clone_model(model)
    except (NotImplementedError, TypeError, ValueError):
        # What cannot be copied cannot be saved, which says why.
        return model
    copy.set_weights(model.get_weights())
    return copy


def _has_scopes(model):
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            if _is_graph(layer) and _has_scopes(layer):
                return True
            continue
        paths = [variable.path.split("/") for variable in layer.weights]
        if any(layer.name in path[1:-1] for path in paths):
            return True
    return False


def _is_graph(model):
    """Whether the layers of a model were built apart from it."""
    return hasattr(model, "_run_through_graph") and not isinstance(
        model, keras.Sequential
    )
