"""Networks of the forms of others, layer by layer against plain NumPy."""

import numpy as np
import published_files
import pytest


@pytest.fixture
def compare(script):
    return script("imports").compare


@pytest.fixture
def draw(rng):
    def draw(*shape):
        return rng.normal(size=shape).astype("float32")

    return draw


def test_caffe(tmp_path, compare, draw):
    made = [
        published_files.caffe_layer(name, kind, arrays, [x], [y], settings=s)
        for name, kind, arrays, x, y, s in (
            (
                "conv",
                "Convolution",
                [draw(6, 2, 3, 5), draw(6)],
                "data",
                "conv",
                [(9, 1), (10, 2), (18, 2)],
            ),
            ("act", "PReLU", [draw(6)], "conv", "conv", ()),
            ("pool", "Pooling", [], "conv", "pool", [(2, 3), (3, 2)]),
            ("fc", "InnerProduct", [draw(4, 588), draw(4)], "pool", "fc", ()),
            ("relu", "ReLU", [], "fc", "fc", ()),
        )
    ]
    path = published_files.caffemodel(tmp_path / "a.caffemodel", *made)
    rows = compare(path, (16, 32))
    assert [row[0] for row in rows] == ["conv", "act", "pool", "fc", "relu"]
    assert rows[2][2] == (7, 14, 6)
    assert all(error < 1e-5 * largest for *_, largest, error in rows)


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_matconvnet(tmp_path, compare, draw, version):
    path = tmp_path / "a.mat"
    if version == "5":
        weights = [draw(3, 5, 2, 4), published_files.column(draw(4))]
        layers = [
            {
                "name": "conv",
                "type": "conv",
                "weights": published_files.cell(weights),
                "pad": np.array([[1.0, 2, 0, 1]]),
                "stride": np.array([[2.0, 1]]),
            },
            {"name": "relu", "type": "relu"},
            {
                "name": "norm",
                "type": "lrn",
                "param": np.array([[5, 1, 0.1, 0.75]]),
            },
        ]
        net = {"layers": published_files.cell(layers)}
        published_files.mat5(path, {"net": net})
    else:
        net = published_files.dag(
            [
                (
                    "conv",
                    "Conv",
                    {"pad": [1]},
                    {"a_f": draw(3, 3, 2, 4), "a_b": draw(4)},
                ),
            ]
        )
        published_files.mat73(path, {"net": net})
    rows = compare(path, (13, 9))
    assert len(rows) == (3 if version == "5" else 1)
    assert all(error < 1e-5 * largest for *_, largest, error in rows)


def test_a_transposed_convolution(script, draw):
    import keras

    plain = script("numpy_forward")
    x, kernel = draw(4, 5, 3), draw(3, 6, 4, 2)
    layer = keras.layers.Conv2DTranspose(6, (4, 2), (2, 3), use_bias=False)
    layer.build((None, 4, 5, 3))
    layer.set_weights([kernel.transpose(2, 3, 1, 0)])
    expected = keras.ops.convert_to_numpy(layer(x[None]))[0]
    # Keras leaves no gap at the end where the steps are larger.
    found = plain.transposed(x, kernel, None, "coij", (0,) * 4, (2, 3))
    height, width = found.shape[:2]
    np.testing.assert_allclose(found, expected[:height, :width], atol=1e-5)
    assert not expected[height:].any()
    assert not expected[:, width:].any()
