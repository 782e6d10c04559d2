"""How much memory a prediction takes, and how much there is."""

import math
import re
from pathlib import Path

import keras

from kerasseg.channels import RGB
from kerasseg.inference.ends import input_shape

# Measured on lrr_4x, fcn_8s and gdn between 0.2 and 8 megapixels: what a
# backend holds besides the maps that its layers still need.
_OVERHEAD = {"tensorflow": 1.4, "jax": 1.25, "torch": 1.0}
# Backends for prediction alone were not measured: the most of the others.
_UNKNOWN_OVERHEAD = max(_OVERHEAD.values())
_FIXED = 128 << 20
# A channel as float32, and the ids of a pixel.
_BYTES_PER_CHANNEL, _BYTES_PER_PIXEL = 4, 12
# Of both versions of control groups, as containers see them.
_GROUP_FILES = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)
_CACHED = re.compile(r"^(?:total_)?inactive_file (\d+)$", re.MULTILINE)


def estimated_bytes(model, image_shape):
    """The memory that `predict_logits` and `predict_mask` take, estimated.

    The maps that the layers of the model read and write are added up where
    they exist at the same time. TensorFlow and JAX let go of a map after the
    last layer that reads it, others at the end of the model. The weights,
    which are in memory already, are not counted, and of a model that is no
    graph of layers only what goes in and comes out.

    Args:
        model: `keras.Model` from `(batch, height, width, channels)` pixels to
            logits.
        image_shape: `(height, width)` of the image, or with more behind.

    Returns:
        Integer, in bytes: at least what is taken on top of what the process
        holds, and at most 1.5 times that and 128 MiB, for what the first
        image of a size takes besides.

    Example:

    >>> model = kerasseg.zoo.load("lrr_4x")
    >>> estimated_bytes(model, (3000, 4000)) < free_bytes()
    True
    """
    height, width = image_shape[:2]
    fixed = input_shape(model)[1:3]
    size = [f or s for f, s in zip(fixed, (height, width), strict=True)]
    channels = input_shape(model)[3] or RGB
    images = keras.KerasTensor((1, *size, channels), dtype="float32")
    backend = keras.config.backend()
    steps = _Steps(kept=backend not in ("tensorflow", "jax"))
    (logits,) = keras.tree.flatten(steps.run(model, [images]))[:1]
    overhead = _OVERHEAD.get(backend, _UNKNOWN_OVERHEAD)
    peak = overhead * steps.peak() + _FIXED
    pixels = height * width
    if size != [height, width]:
        # The logits at both sizes, after the model has let go of the rest.
        resized = 4 * pixels * logits.shape[-1]
        peak = max(peak, _FIXED + 2 * (_bytes(logits) + resized))
    each = _BYTES_PER_CHANNEL * channels + _BYTES_PER_PIXEL
    return math.ceil(peak + each * pixels)


class _Steps:
    """The layers of a model in their order, with the maps each one needs.

    Args:
        kept: Whether maps are kept until the graph that they are in ends.
    """

    def __init__(self, kept):
        self._kept = kept
        self._steps = []

    def run(self, graph, inputs):
        """Follows maps through a graph, and the graphs within it."""
        if not hasattr(graph, "_run_through_graph"):
            return self._add(graph, inputs)
        held = list(inputs)
        # The one way that Keras has to follow other sizes through a model.
        outputs = graph._run_through_graph(
            inputs,
            operation_fn=lambda operation: (
                lambda *args, **kwargs: self._call(
                    operation, held, args, kwargs
                )
            ),
        )
        if self._kept:
            self._steps.append((held, []))
        return outputs

    def _call(self, operation, held, args, kwargs):
        if hasattr(operation, "_run_through_graph"):
            outputs = self.run(operation, keras.tree.flatten(args))
        else:
            kwargs.pop("training", None)
            outputs = self._add(operation, args, kwargs)
        held.extend(keras.tree.flatten(outputs))
        return outputs

    def _add(self, operation, args, kwargs=None):
        outputs = operation.compute_output_spec(*args, **kwargs or {})
        read = [m for m in keras.tree.flatten(args) if _is_map(m)]
        self._steps.append((read, keras.tree.flatten(outputs)))
        return outputs

    def peak(self):
        """The most bytes that the maps take at the same time."""
        last = {}
        for i, (read, written) in enumerate(self._steps):
            last |= {id(m): i for m in (*read, *written)}
        now = most = 0
        seen = {}
        for i, (read, written) in enumerate(self._steps):
            for m in (*read, *written):
                now += 0 if id(m) in seen else _bytes(m)
                seen[id(m)] = m
            most = max(most, now)
            ended = {id(m) for m in (*read, *written) if last[id(m)] == i}
            now -= sum(_bytes(seen[m]) for m in ended)
        return most


def _is_map(value):
    return isinstance(value, keras.KerasTensor)


def _bytes(tensor):
    bits = re.search(r"\d+", keras.backend.standardize_dtype(tensor.dtype))
    return math.prod(tensor.shape) * (int(bits[0]) if bits else 8) // 8


def runs_on_cpu():
    """Whether models run in the memory of the system, and not of a GPU.

    Returns:
        The answer.
    """
    # OpenVINO's tensors name no device.
    device = getattr(keras.ops.zeros(()), "device", "cpu")
    return "cpu" in str(device).lower()


def free_bytes():
    """The memory that the system can give to this process.

    Returns:
        Integer, in bytes: what is free or can be freed, and the free swap
        space, within the limit of the control group; `None` where the
        system does not tell.
    """
    try:
        facts = _numbers("/proc/meminfo")
        free = 1024 * (facts["MemAvailable"] + facts.get("SwapFree", 0))
    except (OSError, KeyError, ValueError):
        return None
    left = _left_in_group()
    return free if left is None else min(free, left)


def _numbers(path):
    with open(path, encoding="ascii") as file:
        pairs = [line.split(":", 1) for line in file]
    return {name: int(value.split()[0]) for name, value in pairs}


def _left_in_group(root="/sys/fs/cgroup"):
    """What the limit of the control group leaves, if there is one."""
    for limit, used in _GROUP_FILES:
        try:
            folder = Path(root, limit).parent
            limit = int(Path(root, limit).read_text(encoding="ascii"))
            used = int(Path(root, used).read_text(encoding="ascii"))
            facts = (folder / "memory.stat").read_text(encoding="ascii")
        except (OSError, ValueError):
            continue
        # Pages of files are given back before anything is refused.
        cached = _CACHED.search(facts)
        return limit - used + (int(cached[1]) if cached else 0)
    return None
