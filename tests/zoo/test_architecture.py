import base64
import json
import pickle
import random

import keras
import pytest
from keras.src.backend.common import global_state

from kerasseg.layers import BoundaryMask
from kerasseg.zoo.architecture import architecture_of
from kerasseg.zoo.architecture import rebuild
from kerasseg.zoo.weights import WeightsError


@keras.saving.register_keras_serializable("tests")
class Foreign(keras.layers.Layer):
    """A layer of somebody else."""

    def call(self, inputs):
        return inputs


def chain(*layers):
    images = x = keras.Input((None, None, 3))
    for layer in layers:
        x = layer(x)
    return keras.Model(images, x, name="chain")


def test_round_trip(net):
    model = net()
    again = rebuild(architecture_of(model))
    assert again.name == model.name
    assert again.output_shape == model.output_shape
    assert [(v.path, v.shape) for v in again.weights] == [
        (v.path, v.shape) for v in model.weights
    ]


def test_operations_and_own_layers():
    images = keras.Input((None, None, 3))
    x = BoundaryMask(3, name="mask")(images)
    x = keras.ops.concatenate([x, images * 2], axis=-1)
    model = keras.Model(images, keras.layers.Conv2D(2, 1, name="score")(x))
    assert rebuild(architecture_of(model)).output_shape[-1] == 2


def test_image_shape(net):
    text = architecture_of(net())
    assert rebuild(text, (48, 33, 3)).output_shape == (None, 48, 33, 5)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (Foreign(), "Foreign"),
        (keras.layers.Lambda(lambda x: x + 1), "keras.layers.Lambda"),
    ],
)
def test_models_with_code_are_not_saved(layer, name):
    with pytest.raises(ValueError, match=f"kerasseg layers.*{name}"):
        architecture_of(chain(layer))


def test_subclassed_models_are_not_saved():
    class Subclassed(keras.Model):
        def call(self, inputs):
            return inputs

    model = Subclassed()
    with pytest.raises(ValueError, match="must be a functional keras.Model"):
        architecture_of(model)


def test_unstable_configurations_are_noticed(monkeypatch):
    model = chain(keras.layers.Conv2D(2, 1, name="score"))
    config = keras.layers.Conv2D.get_config

    def narrower(self):
        return {**config(self), "filters": 1}

    monkeypatch.setattr(keras.layers.Conv2D, "get_config", narrower)
    with pytest.raises(ValueError, match="look at its `get_config`"):
        architecture_of(model)


# Classes that run code or read files, in every spelling that Keras resolves.
RUNS_CODE = (
    "Lambda",
    "TFSMLayer",
    "TorchModuleWrapper",
    "JaxLayer",
    "FlaxLayer",
    "TextVectorization",
    "StringLookup",
)
SPELLINGS = [
    {"module": module, "class_name": prefix + name, "registered_name": given}
    for name in RUNS_CODE
    for module, prefix in [
        ("keras.layers", ""),
        ("keras", "layers."),
        ("keras._tf_keras.keras.layers", ""),
        ("keras.api.layers", ""),
        ("keras.src.layers", ""),
        ("keras.src", "layers."),
        (None, ""),
    ]
    for given in (None, name, f"keras>{name}", f"kerasseg>{name}")
]


@pytest.fixture
def unsafe_deserialization():
    """What a user may have enabled for models of their own."""
    keras.config.enable_unsafe_deserialization()
    yield
    global_state.set_global_attribute("safe_mode_saving", None)


@pytest.mark.parametrize(
    "change",
    [
        {"module": "os", "class_name": "system"},
        {"module": "builtins", "class_name": "function", "config": "eval"},
        {"module": "keras.utils", "class_name": "get_file"},
        {"module": "keras.saving", "class_name": "load_model"},
        {"module": "keras.models", "class_name": "load_model"},
        {"module": "kerasseg.zoo", "class_name": "save"},
        {"module": "kerasx.layers", "class_name": "Conv2D"},
        {"module": "keras.layers", "class_name": "Layer"},
        {"module": "keras.layers", "class_name": ["Conv2D"]},
        {"module": ["keras.layers"], "class_name": "Conv2D"},
        {"module": "keras.src.ops.core", "class_name": "os"},
        {"module": "keras.src.ops.numpy", "class_name": "backend"},
        {"module": "keras.initializers", "class_name": "get"},
        {"module": None, "class_name": "Conv2D"},
        {"class_name": "__lambda__", "module": None},
        {"class_name": "__typespec__", "module": None},
        {"registered_name": "tests>Foreign"},
        {"registered_name": "kerasseg>SegmentationLoss"},
        {"registered_name": "kerasseg>BoundaryMask"},
        {"compile_config": {"optimizer": "adam"}},
    ],
    ids=lambda change: "-".join(map(str, change.values())),
)
def test_only_known_classes_are_built(net, change, unsafe_deserialization):
    config = json.loads(architecture_of(net()))
    config["config"]["layers"][-1].update(change)
    with pytest.raises(WeightsError, match="may only consist of Keras layers"):
        rebuild(json.dumps(config))


def test_no_spelling_of_a_class_that_runs_code_is_built(
    net, unsafe_deserialization
):
    text = architecture_of(net())
    built = []
    for change in SPELLINGS:
        config = json.loads(text)
        config["config"]["layers"][-1].update(change)
        try:
            rebuild(json.dumps(config))
        except WeightsError as error:
            if "may only consist of Keras layers" in str(error):
                continue
        built.append(change)
    assert not built


def test_a_pickle_does_not_run(net, tmp_path, unsafe_deserialization):
    """A PyTorch module in a saved model, which Keras would unpickle."""
    trap = tmp_path / "trap"

    class Trap:
        def __reduce__(self):
            return trap.write_text, ("sprung",)

    code = base64.b64encode(pickle.dumps(Trap())).decode("ascii")
    layer = {
        "module": "keras",
        "class_name": "layers.TorchModuleWrapper",
        "config": {"module": code, "name": "wrapper"},
        "registered_name": None,
    }
    config = json.loads(architecture_of(net()))
    config["config"]["layers"].append(layer)
    with pytest.raises(WeightsError, match="may only consist of Keras layers"):
        rebuild(json.dumps(config))
    assert not trap.exists()


def test_a_class_that_a_user_put_in_the_place_of_a_layer(net):
    text = architecture_of(net())
    with (
        keras.saving.custom_object_scope({"Conv2D": Foreign}),
        pytest.raises(WeightsError, match="keras.layers.Conv2D"),
    ):
        rebuild(text)


def test_arrays_of_objects_are_refused(net):
    config = json.loads(architecture_of(net()))
    config["config"]["constant"] = {
        "class_name": "__numpy__",
        "config": {"value": ["x"], "dtype": "object"},
    }
    with pytest.raises(WeightsError, match="may only consist of Keras layers"):
        rebuild(json.dumps(config))


def damage(value, generator):
    """A configuration with one value replaced."""
    places = []
    pending = [value]
    while pending:
        item = pending.pop()
        keys = item if isinstance(item, dict) else range(len(item))
        places += [(item, key) for key in keys]
        pending += [
            item[key] for key in keys if isinstance(item[key], dict | list)
        ]
    item, key = generator.choice(places)
    item[key] = generator.choice(
        [None, -1, 0, 7, 2**40, 1e300, "", "x", "Lambda", [], {}, [1], True]
    )


@pytest.mark.parametrize(
    "cases", [60, pytest.param(5_000, marks=pytest.mark.nightly)]
)
def test_damaged_architectures_are_weights_errors(net, cases):
    model = net(filters=3)
    text = architecture_of(model)
    shapes = {v.path: tuple(v.shape) for v in model.weights}
    generator = random.Random(cases)
    refused = 0
    for _ in range(cases):
        config = json.loads(text)
        damage(config, generator)
        try:
            rebuild(json.dumps(config), None, shapes, 5)
        except WeightsError:
            refused += 1
    assert refused > cases // 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"module": "keras.layers", "class_name": "Add", "config": {}}',
        '{"module": "keras.src.models.functional",'
        '"class_name": "Functional", "config": {}}',
        "[" * 100_000,
    ],
)
def test_unreadable_architectures(text):
    with pytest.raises(WeightsError, match="architecture cannot be read"):
        rebuild(text)
