"""Importing keras without the start-up messages of its backend."""

import contextlib
import os
import sys
import tempfile


def import_keras() -> None:
    """Import keras and its backend, and keep stderr for what matters.

    TensorFlow writes a few lines about the processor and missing GPU drivers
    to the file descriptor before any log level counts. They are held back; if
    the import fails they are shown.

    Raises:
        ImportError: If the configured backend is not installed.
    """
    from kerasseg import backend

    backend.check_backend()
    with _stderr_held_back():
        # Registers the layers, losses and metrics, so that saved models load.
        from kerasseg import layers  # noqa: F401
        from kerasseg import losses  # noqa: F401
        from kerasseg import metrics  # noqa: F401


@contextlib.contextmanager
def _stderr_held_back():
    try:
        saved = os.dup(2)
    except OSError:
        yield
        return
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        os.dup2(held.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            if failed:
                held.seek(0)
                os.write(2, held.read())
