"""One model in several threads: exported twice, and exported while it runs."""

import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from keras import layers

from kerasseg.export import to_litert
from kerasseg.export import to_onnx
from kerasseg.export import to_saved_model
from kerasseg.export import verify_file
from kerasseg.layers import LaplacianReconstruction

SHAPE = (32, 48)
EXPORTERS = {"a.tflite": to_litert, "b.onnx": to_onnx, "c": to_saved_model}


@pytest.fixture(scope="module")
def segmenter():
    """A model whose layers have another form in each file."""
    images = keras.Input((*SHAPE, 3))
    x = layers.Rescaling(1 / 255)(images)
    x = layers.Conv2D(8, 3, strides=2, padding="same", groups=1)(x)
    x = layers.Conv2D(8, 3, strides=2, padding="same", groups=2)(x)
    x = layers.Conv2D(10, 1)(x)
    return keras.Model(images, LaplacianReconstruction(5, 2)(x))


@pytest.mark.export
def test_a_model_is_exported_by_several_threads(segmenter, tmp_path, capfd):
    start = threading.Barrier(len(EXPORTERS))

    def export(name):
        start.wait()
        return EXPORTERS[name](segmenter, tmp_path / name)

    with ThreadPoolExecutor(len(EXPORTERS)) as pool:
        reports = list(pool.map(export, EXPORTERS))
    for name, report in zip(EXPORTERS, reports, strict=True):
        assert report.relative_error <= 1e-4
        assert verify_file(tmp_path / name, segmenter).relative_error <= 1e-4
    alone = to_litert(segmenter, tmp_path / "alone.tflite")
    assert alone.operators == reports[0].operators
    print("heard", file=__import__("sys").stderr)
    assert "heard" in capfd.readouterr().err


@pytest.mark.export
def test_a_model_predicts_while_it_is_exported(segmenter, tmp_path, rng):
    images = rng.uniform(0, 255, (3, *SHAPE, 3)).astype("float32")
    expected = segmenter.predict(images, verbose=0)
    done = threading.Event()
    results = []

    def predict():
        while not done.is_set():
            results.append(segmenter.predict(images, verbose=0))

    thread = threading.Thread(target=predict)
    thread.start()
    try:
        for name, exporter in EXPORTERS.items():
            assert exporter(segmenter, tmp_path / name).relative_error <= 1e-4
    finally:
        done.set()
        thread.join()
    assert results
    for result in results:
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.export
def test_other_threads_keep_their_compiled_functions(segmenter, tmp_path):
    """What one thread traces plainly another may still have compiled."""
    import tensorflow as tf

    from kerasseg.export.workarounds import nothing_compiled

    seen = []
    with nothing_compiled():
        thread = threading.Thread(
            target=lambda: seen.append(
                tf.function(jit_compile=True)(lambda: tf.ones(2))
            )
        )
        thread.start()
        thread.join()
        plain = tf.function(jit_compile=True)(lambda: tf.ones(2))
    assert hasattr(seen[0], "get_concrete_function")
    assert not hasattr(plain, "get_concrete_function")
