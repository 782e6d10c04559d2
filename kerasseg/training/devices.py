"""Distribution of a training over several devices."""

import contextlib
import functools
import types
from typing import Any

import keras


def strategy(devices: list[str] | None = None) -> Any:
    """How the steps of a training are shared among devices.

    Args:
        devices: TensorFlow devices such as `["GPU:0", "GPU:1"]`. Defaults to
            all GPUs if there are several, or to the strategy whose scope
            this is called in.

    Returns:
        A `tf.distribute.Strategy`; on other backends an object that has its
        `scope`, which does nothing, and its `num_replicas_in_sync`, the
        devices of `keras.distribution`.

    Raises:
        RuntimeError: Inside of the scope of a `MultiWorkerMirroredStrategy`.
        ValueError: If a device does not exist.
    """
    if keras.backend.backend() != "tensorflow":
        if devices is not None:
            raise ValueError(
                "`devices` must be None on this backend; use "
                "keras.distribution instead. "
                f"Received: devices={devices!r}"
            )
        distribution = keras.distribution.distribution()
        return types.SimpleNamespace(
            scope=contextlib.nullcontext,
            num_replicas_in_sync=(
                distribution.device_mesh.devices.size if distribution else 1
            ),
        )
    import tensorflow as tf

    current = tf.distribute.get_strategy()
    if isinstance(current, tf.distribute.MultiWorkerMirroredStrategy):
        raise RuntimeError(
            "MultiWorkerMirroredStrategy does not work with Keras 3, see "
            "https://github.com/keras-team/keras/issues/20585. Use `devices` "
            "to train on several GPUs of one machine, or "
            "keras.distribution.DataParallel on the JAX backend to train on "
            "several machines."
        )
    if devices is None:
        gpus = _names(tf.config.list_logical_devices("GPU"))
        if len(gpus) < 2 or tf.distribute.has_strategy():
            return current
        return _mirrored(tuple(gpus))
    known = _names(tf.config.list_logical_devices())
    # "/gpu:0" and "/device:GPU:0" are the same to TensorFlow.
    asked = [d.upper().rpartition("/")[2] for d in devices]
    asked = [d.removeprefix("DEVICE:") for d in asked]
    if not asked or set(asked) - set(known) or len(set(asked)) < len(asked):
        raise ValueError(
            f"`devices` must be different ones of {known}. "
            f"Received: devices={devices!r}"
        )
    return _mirrored(tuple(asked))


def share() -> tuple[int, int]:
    """Which part of each batch this process takes in a training on many.

    Returns:
        `(index, count)` of this process among those that
        `keras.distribution` spans; `(0, 1)` where it spans one.

    Raises:
        ValueError: If the distribution would divide the batches once more.
    """
    distribution = keras.distribution.distribution()
    if distribution is None or keras.backend.backend() != "jax":
        return 0, 1
    import jax

    if jax.process_count() > 1 and distribution.auto_shard_dataset:
        raise ValueError(
            "`auto_shard_dataset` of the distribution must be False: each "
            "process reads its own part of a batch. Received: "
            "auto_shard_dataset=True"
        )
    return jax.process_index(), jax.process_count()


def wait_for_all(reason: str) -> None:
    """Waits until all processes of a training are here.

    Args:
        reason: What for, the same for all.
    """
    if share()[1] > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(reason)


# Two strategies of one process get their sums mixed up, seen with TensorFlow
# 2.21 and told in its issues 61314 and 62790: the second training fails where
# its model has other weights. So all trainings share what has no state.
@functools.cache
def _mirrored(devices):
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices)


def _names(devices):
    return [device.name.replace("/device:", "") for device in devices]
