import json

import numpy as np
import pytest

from kerasseg.data import CAMVID
from kerasseg.data import NUCLEI
from kerasseg.data import Labels
from kerasseg.data import default_palette


def test_default_palette_is_the_voc_colour_map():
    palette = default_palette(21)
    assert palette[:4] == ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0))
    assert palette[8] == (64, 0, 0)
    assert palette[20] == (0, 64, 128)
    assert len(set(default_palette(256))) == 256


def test_labels_fill_in_palette_and_normalise():
    labels = Labels(["background", "cat"], ignore_classes=[255, 7, 7])
    assert labels.class_names == ("background", "cat")
    assert labels.palette == default_palette(2)
    assert labels.ignore_classes == (7, 255)
    assert labels.num_classes == 2


@pytest.mark.parametrize("labels", [CAMVID, NUCLEI])
def test_labels_survive_json(labels):
    assert Labels.from_json(json.loads(json.dumps(labels.to_json()))) == labels


def test_camvid_has_eleven_classes_of_distinct_colours():
    assert CAMVID.num_classes == 11
    assert len(set(CAMVID.palette)) == 11
    assert CAMVID.ignore_classes == (255,)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "uint16"])
def test_check_accepts_known_ids(dtype):
    CAMVID.check(np.array([[0, 10, 255]], dtype))


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_check_names_unknown_ids_and_the_file(dtype):
    mask = np.array([[0, 11], [77, 255]], dtype)
    with pytest.raises(ValueError, match=r"a\.png .*unknown.* 11, 77\. Known"):
        CAMVID.check(mask, source="a.png")


def test_check_names_negative_ids_and_shortens_long_lists():
    mask = np.arange(-1, 60).reshape(1, -1)
    with pytest.raises(ValueError, match="-1, 11, .* and 40 more"):
        CAMVID.check(mask)


def test_check_refuses_other_types():
    with pytest.raises(TypeError, match="integer class ids.*float64"):
        CAMVID.check(np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"class_names": ("one",)}, "at least two names"),
        ({"class_names": ()}, "at least two names"),
        (
            {"class_names": ("a", "b"), "palette": ((0, 0, 0),)},
            "must hold 2 colours",
        ),
        (
            {"class_names": ("a", "b"), "palette": ((0, 0, 0), (0, 0, 256))},
            "from 0 to 255",
        ),
        (
            {"class_names": ("a", "b"), "ignore_classes": (-1,)},
            "must not be negative",
        ),
    ],
)
def test_bad_labels(arguments, message):
    with pytest.raises(ValueError, match=message):
        Labels(**arguments)


@pytest.mark.parametrize("values", [{}, {"class_names": ["a", "b"], "x": 1}])
def test_from_json_names_the_keys(values):
    with pytest.raises(ValueError, match="must have the key class_names"):
        Labels.from_json(values)
