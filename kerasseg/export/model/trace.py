"""A model as a graph of TensorFlow."""

import numpy as np

from kerasseg.export.errors import ExportError
from kerasseg.export.errors import first_line
from kerasseg.export.forms.functional_copy import with_forms
from kerasseg.export.workarounds import nothing_compiled


class Trace:
    """A `tf.function` of one static shape, in the form for a format.

    Args:
        frozen: The `FrozenModel` to trace. Neither it nor its layers change.
        target: Name of the format.

    Raises:
        ExportError: If the model cannot be traced.
    """

    def __init__(self, frozen, target: str):
        import tensorflow as tf

        core = with_forms(frozen.core, target)
        output = frozen.options.output
        signature = tf.TensorSpec(frozen.file_shape, tf.float32, name="images")

        # SavedModels are read by this name.
        def serve(images):
            return {output: frozen.served(images, core)}

        self.function = tf.function(
            serve, input_signature=[signature], autograph=False
        )
        try:
            with nothing_compiled(apart=target == "saved_model"):
                self.concrete = self.function.get_concrete_function()
        except Exception as error:
            raise ExportError(
                f"The model cannot be traced for images of shape "
                f"{frozen.shape}: {first_line(error)}"
            ) from error

    def constants(self) -> dict[str, np.ndarray]:
        """Reads the tensors that layers keep besides their variables.

        Returns:
            The values, by the names that the graph has for them.
        """
        return {
            inner.name: outer.numpy()
            for outer, inner in self.concrete.graph.captures
            if outer.dtype != "resource"
        }

    def updated_variables(self) -> list[str]:
        """Names the variables that the graph writes to.

        Batch normalization in training mode does that; a model in inference
        mode never does.

        Returns:
            Sorted list of variable names.
        """
        names = {id(v.handle): v.name for v in self.concrete.variables}
        captures = {
            inner.name: names.get(id(outer), inner.name)
            for outer, inner in self.concrete.graph.captures
        }
        return sorted(
            {
                captures.get(op.inputs[0].name, op.inputs[0].name)
                for op in self.concrete.graph.get_operations()
                if op.type.startswith("Assign") and op.inputs
            }
        )
