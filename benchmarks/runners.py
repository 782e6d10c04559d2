"""Models and exported files as functions without arguments, to be timed."""

import numpy as np


def onnx_runner(path, threads):
    """One run of an ONNX file in ONNX Runtime, on a fixed random input."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Several sessions take turns: none may spin during another's turn.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
    (entry,) = session.get_inputs()
    feed = {entry.name: _random_input(entry.shape)}
    return lambda: session.run(None, feed)


def litert_runner(path, threads):
    """One run of a LiteRT file in the interpreter, with XNNPACK."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    value = _random_input(entry["shape"])

    def run():
        interpreter.set_tensor(entry["index"], value)
        interpreter.invoke()

    return run


def tensorflow_runner(model):
    """One run of a Keras model of a fixed size as a `tf.function`."""
    import tensorflow as tf

    from kerasseg.export.static import make_source

    traced = make_source(model).traced
    value = tf.constant(_random_input((1, *model.input_shape[1:])))
    return lambda: traced(value)["logits"].numpy()


def _random_input(shape):
    """Pixels for an image of pixels, else values around zero."""
    generator = np.random.default_rng(0)
    if shape[-1] == 3:
        return generator.uniform(0, 255, shape).astype("float32")
    return generator.standard_normal(shape).astype("float32")
