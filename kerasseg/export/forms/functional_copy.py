"""A copy of a model whose layers have the form that a format wants."""

import keras

from kerasseg.export.forms.adaptive_pooling import SLICED
from kerasseg.export.forms.augmentation import AUGMENTATIONS
from kerasseg.export.forms.borrowed import Borrowed
from kerasseg.export.forms.borrowed import BorrowedOperation
from kerasseg.export.forms.fake_quantization import MARKS
from kerasseg.export.forms.global_interpolation import LiteRTInterpolation
from kerasseg.export.forms.laplacian_head import FoldedHead
from kerasseg.export.forms.laplacian_head import LiteRTHead
from kerasseg.export.forms.laplacian_reconstruction import GroupedReconstruction
from kerasseg.export.forms.laplacian_reconstruction import LiteRTReconstruction
from kerasseg.export.forms.laplacian_reconstruction import OnnxReconstruction
from kerasseg.export.forms.pooling_3d import PLANAR
from kerasseg.export.forms.resizing import PRODUCTS
from kerasseg.layers import GlobalInterpolation
from kerasseg.layers import LaplacianHead
from kerasseg.layers import LaplacianReconstruction

# Format -> class of the layer -> class of its form. "keras" is what Keras' own
# exporter writes, on other backends than TensorFlow.
FORMS = {
    "saved_model": {
        **AUGMENTATIONS,
        LaplacianHead: FoldedHead,
        LaplacianReconstruction: GroupedReconstruction,
    },
    "litert": {
        **AUGMENTATIONS,
        **MARKS,
        **PLANAR,
        **PRODUCTS,
        LaplacianHead: LiteRTHead,
        LaplacianReconstruction: LiteRTReconstruction,
        GlobalInterpolation: LiteRTInterpolation,
    },
    "onnx": {
        **AUGMENTATIONS,
        **MARKS,
        LaplacianHead: FoldedHead,
        **PRODUCTS,
        LaplacianReconstruction: OnnxReconstruction,
    },
    "keras": {**AUGMENTATIONS, **SLICED},
}


def with_forms(model, target: str):
    """Copies a model for a format. Its weights are shared, not copied.

    Args:
        model: `keras.Model`. Nothing in it changes.
        target: Name of the format.

    Returns:
        A functional `keras.Model` of the same weights and names, or the model
        itself where no layer of it has a form of its own. Layers that a
        layer or a subclass of `keras.Model` holds keep their form.
    """
    forms = FORMS.get(target, {})
    return _copy(model, forms) if _has_form(model, forms) else model


def _has_form(model, forms):
    graph = _graph(model)
    return graph is not None and any(
        _form(layer, forms) is not Borrowed or _has_form(layer, forms)
        for layer in graph.layers
    )


def _form(layer, forms):
    """The class of the form that a layer gets."""
    form = forms.get(type(layer), Borrowed)
    return form if form.fits(layer) else Borrowed


def _copy(model, forms):
    def copied(operation):
        if _has_form(operation, forms):
            return _copy(operation, forms)
        if not isinstance(operation, keras.layers.Layer):
            return BorrowedOperation(operation)
        return _form(operation, forms)(operation)

    return keras.models.clone_model(_graph(model), clone_function=copied)


def _graph(model):
    """A model as no more than its graph, or `None` where it is not that.

    It holds the layers of the model, but not what it was compiled with.
    """
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", ()):
        return None
    # A sequential model has one of each; of others the user's structure stays.
    if isinstance(model, keras.Sequential):
        ends = model.inputs[0], model.outputs[0]
    else:
        ends = model.input, model.output
    graph = keras.Model(*ends, name=model.name)
    plain = type(model).call in (type(graph).call, keras.Sequential.call)
    return graph if plain else None
