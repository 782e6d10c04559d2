import numpy as np
import pytest

from kerasseg.export import ExportError
from kerasseg.export.quantization import UNAVOIDABLE
from kerasseg.export.quantization import Conversion
from kerasseg.export.quantization import LayerError
from kerasseg.export.quantization import check_finite
from kerasseg.export.quantization import kept_in_float
from kerasseg.export.quantization import layer_name
from kerasseg.export.quantization import layers_of

NAMES = {"net", "backbone", "stem", "block_1", "logits", "up"}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("net_1/stem_1/convolution", "stem"),
        ("net_1/backbone_1/block_1/add;net_1/backbone_1/stem/add", "block_1"),
        ("net/backbone_1/block_1_1/Relu6;other", "block_1"),
        ("net_1/up_12/resize/ResizeBilinear", "up"),
        ("node_Conv_7", "node_Conv_7"),
    ],
)
def test_operators_know_their_layer(path, name):
    assert layer_name(path, NAMES) == name


def test_a_layer_is_as_bad_as_its_worst_operator():
    paths = {"a": "net_1/stem_1/conv", "b": "net/logits", "c": "net_1/stem_1"}
    errors = {"a": 0.3, "b": 0.4, "c": 2.0}
    assert layers_of(paths, errors, NAMES) == [
        LayerError("stem", 2.0, ("a", "c")),
        LayerError("logits", 0.4, ("b",)),
    ]


def test_the_worst_layers_and_the_scores_stay_float():
    layers = [
        LayerError("stem", 1.6, ("a", "b")),
        LayerError("block_1", 2.1 * UNAVOIDABLE, ("c",)),
        LayerError("up", 1.9 * UNAVOIDABLE, ("d",)),
        LayerError("logits", UNAVOIDABLE, ("e", "f")),
        LayerError("shape", 0.0, ("g",)),
    ]
    kept = kept_in_float(layers, "f")
    assert [layer.name for layer in kept] == ["stem", "block_1", "logits"]
    conversion = Conversion.of(layers, kept, None)
    assert conversion.kept == ("stem", "block_1", "logits")
    assert conversion.worst_layers == (("up", 1.9 * UNAVOIDABLE),)
    assert Conversion.of(layers, [], None).worst_layers[0] == ("stem", 1.6)


@pytest.mark.parametrize("high", [np.nan, np.inf, 3e38])
def test_ranges_that_no_integers_have(high):
    check_finite([(-1.0, 2.0), (0.0, 0.0)])
    with pytest.raises(ExportError, match="infinite values in 1 of 2 tensors"):
        check_finite([(-1.0, 2.0), (-3e38, high)])
