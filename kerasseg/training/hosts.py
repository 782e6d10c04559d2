"""A training on several hosts, by `keras.distribution` on JAX."""

from collections.abc import Sequence

import keras

from kerasseg.training.rendezvous import Membership
from kerasseg.training.rendezvous import meet

# Seconds. All are there when JAX is asked, so it does not wait for long.
_JAX_START = 60
# The connections notice a loss earlier, and say more.
_JAX_SILENCE = 100


def join(
    hosts: Sequence[str], process_id: int, wait_seconds: float
) -> Membership:
    """Makes this process one of those that train together.

    Afterwards `fit` reads this process's part of every batch, and all sum
    their gradients. Call it before JAX computes anything.

    Args:
        hosts: Addresses of all processes, see `parse_hosts`.
        process_id: Which of them this is.
        wait_seconds: How long to wait for the others.

    Returns:
        The connections to the others, which nobody watches yet.

    Raises:
        ValueError: If Keras does not run on JAX, or as `meet`.
        TimeoutError: If others do not come up in time.
    """
    if keras.backend.backend() != "jax":
        raise ValueError(
            "A training on several hosts runs on the JAX backend; set "
            "KERAS_BACKEND=jax. Received: the backend "
            f"{keras.backend.backend()}"
        )
    membership = meet(hosts, process_id, wait_seconds)
    import jax

    # As keras.distribution.initialize does, which knows no limits of time.
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(
        hosts[0],
        len(hosts),
        process_id,
        initialization_timeout=_JAX_START,
        heartbeat_timeout_seconds=_JAX_SILENCE,
    )
    keras.distribution.set_distribution(
        keras.distribution.DataParallel(auto_shard_dataset=False)
    )
    return membership
