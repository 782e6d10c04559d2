"""One exported file in its runtime, in a process of its own.

`kerasseg.benchmark.measure` starts this file as a script, one process a file.
It imports neither kerasseg nor Keras, whose memory would count as the file's.

Lines of JSON go in and come out. The first one names the file and its input;
the answer says how it was opened. Each further line asks for a turn of so many
runs; the answer has the seconds of each and the peak of the memory so far.
"""

import importlib
import importlib.metadata
import importlib.util
import json
import os
import sys
import time
from pathlib import Path

SESSION = Path(__file__).parents[1] / "export/tensorrt_rtx/session.py"


def open_saved_model(path, threads):
    """Opens a SavedModel in TensorFlow.

    Args:
        path: Folder of the SavedModel.
        threads: Number of threads of the runtime.

    Returns:
        Function from an input array to the output array, and the shape of
        the input.
    """
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.config.set_visible_devices([], "GPU")
    loaded = tf.saved_model.load(str(path))
    serve = loaded.signatures["serving_default"]
    ((name, spec),) = serve.structured_input_signature[1].items()

    def run(images, _keep_alive=loaded):
        (result,) = serve(**{name: tf.constant(images)}).values()
        return result.numpy()

    return run, tuple(spec.shape)


def open_litert(path, threads):
    """Opens a LiteRT file in the plain interpreter, with XNNPACK.

    Args:
        path: Path of the `.tflite` file.
        threads: Number of threads of the runtime.

    Returns:
        Function from an input array to the output array, and the shape of
        the input.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    result = interpreter.get_output_details()[0]

    def run(images):
        interpreter.set_tensor(entry["index"], images)
        interpreter.invoke()
        return interpreter.get_tensor(result["index"])

    return run, tuple(int(size) for size in entry["shape"])


def open_onnx(path, threads):
    """Opens an ONNX file in ONNX Runtime on the CPU.

    Args:
        path: Path of the `.onnx` file.
        threads: Number of threads of the runtime.

    Returns:
        Function from an input array to the output array, and the shape of
        the input.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Several files take turns: no thread may spin during another's turn.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
    (entry,) = session.get_inputs()
    return (
        lambda images: session.run(None, {entry.name: images})[0],
        tuple(entry.shape),
    )


def open_openvino(path, threads):
    """Opens an OpenVINO model on the CPU.

    Args:
        path: Path of the `.xml` file.
        threads: Number of threads of the runtime.

    Returns:
        Function from an input array to the output array, and the shape of
        the input.
    """
    import openvino

    # OpenVINO would compute in bfloat16 where the processor knows it.
    model = openvino.Core().compile_model(
        str(path),
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        },
    )
    request = model.create_infer_request()

    def run(images):
        request.infer({0: images})
        return request.get_output_tensor(0).data.copy()

    return run, tuple(model.input(0).shape)


def open_tensorrt_rtx(path, threads):
    """Opens an ONNX file in TensorRT for RTX, on an NVIDIA GPU.

    Args:
        path: Path of the `.onnx` file.
        threads: Not used: a GPU computes.

    Returns:
        Function from an input array to the output array, and the shape of
        the input. The time includes the copies to the GPU and back.
    """
    del threads
    spec = importlib.util.spec_from_file_location("session", SESSION)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    session, _ = module.open_session(path)
    (entry,) = session.get_inputs()
    return (
        lambda images: session.run(None, {entry.name: images})[0],
        tuple(entry.shape),
    )


# Format, or another runtime of it -> function that opens it.
OPENERS = {
    "saved_model": open_saved_model,
    "litert": open_litert,
    "onnx": open_onnx,
    "openvino": open_openvino,
    "tensorrt_rtx": open_tensorrt_rtx,
}


def pin(threads):
    """Keeps this process on as many cores as it has threads.

    Args:
        threads: Number of cores.

    Returns:
        The numbers of the cores, or `None` where the system has no such call.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))[:threads]
    os.sched_setaffinity(0, cores)
    return cores


def memory():
    """Reads what this process holds and has held at most.

    Returns:
        Bytes of resident memory now and at its peak; `None` for each that
        the system does not tell.
    """
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            pairs = dict(line.split(":", 1) for line in file)
        return tuple(
            1024 * int(pairs[name].split()[0]) for name in ("VmRSS", "VmHWM")
        )
    except (OSError, KeyError, ValueError):
        return None, _peak_of_other_systems()


def _peak_of_other_systems():
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def opened(task):
    """Opens the file of a task.

    Args:
        task: Dictionary with `path`, `opener`, `threads`, `images`, the path
            of an array of inputs, and `runtime`, a dictionary with the
            `module` and the `package` of the runtime and the `extra` of
            kerasseg that brings it.

    Returns:
        Function that runs the next input, and the answer to the first line.

    Raises:
        ImportError: If the runtime is not installed.
        ValueError: If the file takes inputs of another shape.
    """
    opener, runtime = OPENERS[task["opener"]], task["runtime"]
    package = runtime["package"]
    cores = pin(task["threads"])
    import numpy as np

    try:
        importlib.import_module(runtime["module"])
    except ImportError as error:
        raise ImportError(
            f"{package} cannot be imported ({error}). Install it with: "
            f'pip install "kerasseg[{runtime["extra"]}]"'
        ) from error
    images = np.load(task["images"])
    before, _ = memory()
    start = time.perf_counter()
    run, shape = opener(task["path"], task["threads"])
    seconds = time.perf_counter() - start
    if shape != images.shape[1:]:
        raise ValueError(
            f"the file takes inputs of shape {shape}, not {images.shape[1:]}"
        )
    position = 0

    def run_next():
        nonlocal position
        position = (position + 1) % len(images)
        return run(images[position])

    return run_next, {
        "runtime": f"{package} {importlib.metadata.version(package)}",
        "cores": cores,
        "open_seconds": seconds,
        "runtime_bytes": before,
    }


def turn(run, runs):
    """Times some runs, after one that is not timed.

    Args:
        run: Function without arguments.
        runs: Number of runs; none without any.

    Returns:
        Dictionary with the `seconds` of each run, and `peak_bytes`.
    """
    seconds = []
    run()
    for _ in range(runs):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "peak_bytes": memory()[1]}


def main():
    """Answers each line of standard input."""
    # Runtimes write to standard output; answers need it for themselves.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    run = None
    for line in sys.stdin:
        try:
            if run is None:
                run, answer = opened(json.loads(line))
            else:
                answer = turn(run, json.loads(line))
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            answer = {"error": text}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        if "error" in answer:
            return


if __name__ == "__main__":
    main()
