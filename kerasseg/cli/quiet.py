"""Importing keras without the start-up messages of its backend."""

import os

from kerasseg.stderr import captured_stderr


def import_keras() -> None:
    """Imports keras and its backend, and keeps stderr for what matters.

    TensorFlow writes a few lines about the processor and missing GPU drivers
    to the file descriptor before any log level counts. They are held back; if
    the import fails they are shown.

    Raises:
        ImportError: If the configured backend is not installed.
    """
    from kerasseg import backend

    backend.check_backend()
    try:
        with captured_stderr() as written:
            # Registers the layers, losses and metrics, so that saved models
            # load.
            from kerasseg import layers  # noqa: F401
            from kerasseg import losses  # noqa: F401
            from kerasseg import metrics  # noqa: F401
    except BaseException:
        os.write(2, written().encode())
        raise
