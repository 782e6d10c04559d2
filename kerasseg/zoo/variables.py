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
