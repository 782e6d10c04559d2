import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from kerasseg.data import CAMVID
from kerasseg.data import NUCLEI
from kerasseg.data import Labels
from kerasseg.data import default_palette
from kerasseg.ids import class_ids


def test_default_palette_is_the_voc_color_map():
    palette = default_palette(21)
    assert palette[:4] == ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0))
    assert palette[8] == (64, 0, 0)
    assert palette[20] == (0, 64, 128)
    assert len(set(default_palette(256))) == 256


def test_labels_fill_in_palette_and_normalize():
    labels = Labels(["background", "cat"], ignore_classes=[255, 7, 7])
    assert labels.class_names == ("background", "cat")
    assert labels.palette == default_palette(2)
    assert labels.ignore_classes == (7, 255)
    assert labels.num_classes == 2


def test_names_must_differ_and_be_several():
    with pytest.raises(ValueError, match="twice: cat, dog"):
        Labels(("cat", "dog", "cow", "dog", "cat", "cat"))
    with pytest.raises(ValueError, match="not one string.*'nuclei12'"):
        Labels("nuclei12")


def test_a_class_is_ignored_only_on_purpose():
    names = [f"class {i}" for i in range(256)]
    assert Labels(names[:255]).ignore_classes == (255,)
    assert Labels(names).ignore_classes == ()
    assert Labels(names, ignore_classes=(255,)).ignore_classes == (255,)


@pytest.mark.parametrize("labels", [CAMVID, NUCLEI])
def test_labels_survive_json(labels):
    assert Labels.from_json(json.loads(json.dumps(labels.to_json()))) == labels


def test_camvid_has_eleven_classes_of_distinct_colors():
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


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32"])
def test_whole_numbers_are_class_ids(dtype):
    mask = np.array([[0, 1, 255]], dtype)
    np.testing.assert_array_equal(class_ids(mask), [[0, 1, 255]])
    assert class_ids(mask).dtype.kind in "iu"


@pytest.mark.parametrize("value", [0.9, -0.1, np.nan, np.inf, 1e10])
def test_other_floats_are_no_class_ids(value):
    with pytest.raises(ValueError, match=r"a\.png must hold.*whole numbers"):
        class_ids(np.array([[0, 1, value]]), "a.png")
    with pytest.raises(ValueError, match="Received: dtype=bool"):
        class_ids(np.array([[True]]))


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
            "must hold 2 colors",
        ),
        (
            {"class_names": ("a", "b"), "palette": ((0, 0, 0), (0, 0, 256))},
            "from 0 to 255",
        ),
        (
            {"class_names": ("a", "b"), "palette": ((0, 0, 0), (1.0, 0.5, 0))},
            r"three integers from 0 to 255\. Received: palette=",
        ),
        (
            {"class_names": ("a", "b"), "palette": (0, 255)},
            "must hold 2 colors",
        ),
        ({"class_names": ("a", "b"), "palette": 3}, "must hold 2 colors"),
        ({"class_names": 2}, "sequence of names.*Received: class_names=2"),
    ],
)
def test_bad_labels(arguments, message):
    with pytest.raises(ValueError, match=message):
        Labels(**arguments)


@pytest.mark.parametrize(
    "ids", [(-1,), 255, (254.9,), ("255",), "255", (True,)]
)
def test_bad_ignored_ids(ids):
    with pytest.raises(ValueError, match="`ignore_classes` must be .* of 0 or"):
        Labels(("a", "b"), ignore_classes=ids)


def test_numbers_of_numpy_are_taken():
    palette = np.array([[0, 0, 0], [0, 128, 255]], "uint8")
    labels = Labels(("a", "b"), palette, np.array([7, 255]))
    assert labels.palette == ((0, 0, 0), (0, 128, 255))
    assert labels.ignore_classes == (7, 255)
    assert Labels.from_json(json.loads(json.dumps(labels.to_json()))) == labels


@pytest.mark.parametrize("values", [{}, {"class_names": ["a", "b"], "x": 1}])
def test_from_json_names_the_keys(values):
    with pytest.raises(ValueError, match="must have the key class_names"):
        Labels.from_json(values)


@settings(max_examples=50)
@given(data=st.data())
def test_remap_agrees_with_a_dictionary(data):
    count = data.draw(st.integers(2, 9))
    labels = Labels([f"c{i}" for i in range(count)], ignore_classes=(77, 255))
    # The new class of each old one; 3 is void. The first two are never empty.
    new = [0, 1, *data.draw(st.lists(st.integers(0, 3), max_size=count - 2))]
    new += [0] * (count - len(new))
    by_name = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    member = [f"c{i}" if by_name[i] else i for i in range(count)]
    groups = {
        f"n{k}": [m for m, n in zip(member, new, strict=True) if n == k]
        for k in (0, 1, 2)
    }
    groups = {name: ids for name, ids in groups.items() if ids}
    order = [int(name[1:]) for name in groups]
    coarse = labels.remap(
        groups, [m for m, n in zip(member, new, strict=True) if n == 3]
    )
    assert coarse.class_names == tuple(groups)
    mask = data.draw(
        st.lists(st.sampled_from([*range(count), 77, 255]), min_size=1)
    )
    dtype = data.draw(st.sampled_from(["uint8", "int32", "uint16"]))
    expected = [
        i if i > 50 else 255 if new[i] == 3 else order.index(new[i])
        for i in mask
    ]
    encoded = coarse.encode(np.array([mask], dtype))
    assert encoded.dtype == np.uint8
    assert encoded.tolist() == [expected]
    coarse.check(encoded)
    assert Labels.from_json(json.loads(json.dumps(coarse.to_json()))) == coarse


def test_decode_gives_the_ids_of_files_back(rng):
    files = np.array([0, 3, 255, 7, 11], "uint8")
    labels = Labels(("a", "b"), id_map={7: 0, 3: 1, 11: 1, 0: 255, 255: 255})
    mask = labels.encode(rng.choice(files, (13, 17)))
    assert set(np.unique(mask)) == {0, 1, 255}
    decoded = labels.decode(mask)
    assert decoded.dtype == "uint8"
    # Of several ids for a class the smallest, which means the same.
    assert set(np.unique(decoded)) == {0, 3, 7}
    np.testing.assert_array_equal(labels.encode(decoded), mask)


def test_decode_without_a_map_and_with_wide_ids():
    mask = np.array([[0, 1, 255]])
    np.testing.assert_array_equal(Labels(("a", "b")).decode(mask), mask)
    wide = Labels(("a", "b"), id_map={0: 0, 300: 1}).decode(mask[:, :2])
    assert wide.dtype == "uint16"
    assert wide.tolist() == [[0, 300]]


def test_decode_refuses_what_no_file_holds():
    labels = Labels(("a", "b"), id_map={4: 0})
    with pytest.raises(ValueError, match=r"`id_map` leads to.*\[1\]"):
        labels.decode(np.array([[0, 1]]))
    with pytest.raises(ValueError, match="unknown"):
        labels.decode(np.array([[0, 9]]))


def test_an_ignored_id_stands_for_itself_both_ways():
    labels = Labels(("a", "b"), ignore_classes=(7, 255), id_map={4: 0, 9: 1})
    mask = np.array([[4, 9, 255, 7]], "uint8")
    np.testing.assert_array_equal(labels.decode(labels.encode(mask)), mask)
    # An id in files may not mean two things.
    labels = Labels(("a", "b"), id_map={0: 0, 255: 1})
    with pytest.raises(ValueError, match=r"`id_map` leads to.*\[255\]"):
        labels.decode(np.array([[255]]))


def test_remap_gives_an_ignored_class_its_new_id():
    labels = Labels(("a", "b", "c", "d"), ignore_classes=(3, 255))
    coarse = labels.remap({"ab": (0, 1), "c": 2, "d": 3})
    assert coarse.ignore_classes == (2, 255)
    assert coarse.encode(np.array([0, 1, 2, 3, 255])).tolist() == [
        0, 0, 1, 2, 255
    ]
    # The new class 0 is scored, though the old one was not.
    labels = Labels(("a", "b", "c"), ignore_classes=(0,))
    coarse = labels.remap({"bc": (1, 2), "a": 0})
    assert coarse.ignore_classes == (1,)
    coarse = labels.remap({"a": 0, "b": 1}, ignore=["c"])
    assert coarse.encode(np.array([0, 1, 2])).tolist() == [0, 1, 0]
    with pytest.raises(ValueError, match="one of a, b, where the ids .0. are"):
        labels.remap({"ab": (0, 1), "c": 2})
    with pytest.raises(ValueError, match="an id for what is ignored"):
        labels.remap({"b": 1, "c": 2}, ignore=["a"])


def test_remap_of_remapped_labels_reads_the_same_files():
    files = Labels(("a", "b", "c"), id_map={7: 0, 11: 1, 13: 2, 0: 255})
    coarse = files.remap({"ab": ("a", 1), "c": "c"})
    mask = np.array([[0, 7, 11], [13, 255, 7]], "uint8")
    assert coarse.encode(mask).tolist() == [[255, 0, 0], [1, 255, 0]]
    assert coarse.palette == (files.palette[0], files.palette[2])


def test_zero_label_is_reduced():
    labels = Labels(("wall", "sky")).reduce_zero_label()
    mask = np.array([[0, 1, 2, 255]], "uint8")
    assert labels.encode(mask).tolist() == [[255, 0, 1, 255]]
    with pytest.raises(ValueError, match="labels without an `id_map`"):
        labels.reduce_zero_label()


def test_encode_names_ids_outside_of_the_map_and_the_file():
    labels = Labels(("a", "b"), id_map={4: 0, 9: 1})
    with pytest.raises(ValueError, match=r"a\.png holds ids .*: 0, 1\. It n"):
        labels.encode(np.array([[0, 4, 1]], "uint8"), "a.png")
    with pytest.raises(TypeError, match="integer class ids.*float32"):
        labels.encode(np.zeros((2, 3), "float32"))


def test_encode_without_a_map_checks_and_narrows():
    mask = np.array([[0, 1, 255]], "int32")
    assert Labels(("a", "b")).encode(mask).dtype == np.uint8
    with pytest.raises(ValueError, match="unknown class ids: 7"):
        Labels(("a", "b")).encode(np.array([7]))


def test_all_masks_of_the_same_labels_are_of_one_type():
    wide = Labels([f"class {i}" for i in range(281)])
    for mask in (np.array([[7]], "uint8"), np.array([[280]], "uint16")):
        encoded = wide.encode(mask)
        assert encoded.dtype == "int32"
        np.testing.assert_array_equal(encoded, mask)
    void = Labels(("a", "b"), ignore_classes=(300,), id_map={0: 0, 1: 1})
    assert void.encode(np.array([[1]], "uint8")).dtype == "int32"


@pytest.mark.parametrize(
    ("groups", "ignore", "message"),
    [
        ({"ab": ["a", "b"]}, [], "c not named"),
        ({"ab": ["a", "b"], "c": ["c", 0]}, [], "a twice"),
        ({"ab": ["a", "b"], "c": "c"}, ["c"], "c twice"),
        ({"abc": ["a", "b", "c"], "none": []}, [], "a class of nothing"),
        ({"a": "a", "x": ["bb", "c"]}, [], "of a, b, c. Received: 'bb'"),
        ({"a": "a", "x": [1, 3]}, [], "Received: 3"),
    ],
)
def test_remap_refuses(groups, ignore, message):
    with pytest.raises(ValueError, match=message):
        Labels(("a", "b", "c")).remap(groups, ignore)


@pytest.mark.parametrize(
    ("id_map", "message"),
    [
        ({0: 2}, r"classes or ignored ids, \[0, 1, 255\]. Received: \[2\]"),
        ({-1: 0}, "ids of 0 or more"),
        ([(0, 0), (0, 1)], "each once"),
        ({0.5: 0}, "ids of 0 or more"),
        ([(0, 1, 1)], "ids of 0 or more"),
        ([()], "ids of 0 or more"),
        (3, "ids of 0 or more"),
    ],
)
def test_bad_maps(id_map, message):
    with pytest.raises(ValueError, match=message):
        Labels(("a", "b"), id_map=id_map)


def test_void_is_needed_for_what_is_ignored():
    with pytest.raises(ValueError, match="an id for what is ignored"):
        Labels(("a", "b"), ignore_classes=()).reduce_zero_label()


def test_colors_of_classes():
    assert CAMVID.colors()[(128, 64, 128)] == 3
    with pytest.raises(ValueError, match="a color of its own"):
        Labels(("a", "b"), ((1, 2, 3), (1, 2, 3))).colors()
