"""Silence for converters that write to the process's error stream."""

import contextlib
import logging
import os
import sys
import tempfile
import warnings

_NOISY_LOGGERS = ("absl", "tensorflow", "tf2onnx", "onnx", "onnxscript")
_logger = logging.getLogger("kerasseg.export")


@contextlib.contextmanager
def quiet():
    """Keeps a block's progress noise off the terminal, never its errors.

    The converters are C++ code that writes to file descriptor 2, so that is
    what gets redirected; the text goes to the debug log of
    `kerasseg.export`. Exceptions pass through untouched.

    Yields:
        Nothing.
    """
    loggers = [logging.getLogger(name) for name in _NOISY_LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(max(logger.level, logging.ERROR))
    try:
        with warnings.catch_warnings(), _captured_stderr():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def _captured_stderr():
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # A process without an error stream has nothing to hide.
        yield
        return
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            sink.seek(0)
            text = sink.read().decode("utf-8", "replace").strip()
            if text:
                _logger.debug("converter output:\n%s", text)
