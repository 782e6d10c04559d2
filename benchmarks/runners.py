"""Models and exported files as functions without arguments, to be timed."""

import numpy as np

from kerasseg.benchmark import worker


def onnx_runner(path, threads):
    """One run of an ONNX file in ONNX Runtime, on a fixed random input."""
    return _with_input(worker.open_onnx(path, threads))


def litert_runner(path, threads):
    """One run of a LiteRT file in the interpreter, with XNNPACK."""
    return _with_input(worker.open_litert(path, threads))


def tensorflow_runner(model):
    """One run of a Keras model of a fixed size, as its SavedModel has it."""
    import tensorflow as tf

    from kerasseg.export.model.freeze import freeze
    from kerasseg.export.model.trace import Trace

    traced = Trace(freeze(model), "saved_model").function
    value = tf.constant(_random_input((1, *model.input_shape[1:])))
    return lambda: traced(value)["logits"].numpy()


def _with_input(opened):
    run, shape = opened
    value = _random_input(shape)
    return lambda: run(value)


def _random_input(shape):
    """Pixels for an image of pixels, else values around zero."""
    generator = np.random.default_rng(0)
    if shape[-1] == 3:
        return generator.uniform(0, 255, shape).astype("float32")
    return generator.standard_normal(shape).astype("float32")
