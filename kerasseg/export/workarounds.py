"""Where the exporters change something that the whole process shares.

Each change is a context manager, for what another library does: its docstring
says what is changed, the cause, the library's own issue and the versions where
it was seen. It holds a lock or counts its blocks, so that exports in several
threads do not undo each other's. For each, `tests/export/test_workarounds.py`
has a test that fails once the library is mended, and the change can go.
"""

import contextlib
import logging
import os
import signal
import threading
import warnings

from kerasseg.stderr import captured_stderr

# A setting of tf2onnx.
CATCH_ERRORS = "TF2ONNX_CATCH_ERRORS"
_INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM)
_NOISY_LOGGERS = ("absl", "tensorflow", "tf2onnx", "onnx", "onnxscript")

_logger = logging.getLogger("kerasseg.export")
_tracing = threading.RLock()
_converting = threading.RLock()


class _Silence:
    """What the first block of `quiet` changed, for the last one to restore."""

    lock = threading.Lock()
    blocks = 0
    changes = None


@contextlib.contextmanager
def quiet():
    """Keeps a block's progress noise off the terminal, never its errors.

    Changes: file descriptor 2, whose text goes to the debug log of
    `kerasseg.export`; the levels of some loggers; the filters of warnings.
    Exceptions pass through untouched.

    Cause: converters and interpreters are C++ code that writes progress to
    the error stream, at levels that only C++ can set, or that count only if
    they are set before the first import. Issues 58050 and 100442 of
    tensorflow/tensorflow.

    Seen with: TensorFlow 2.21.0, ai-edge-litert 2.3.0, tf2onnx 1.17.0.

    Yields:
        Nothing.
    """
    with _Silence.lock:
        if not _Silence.blocks:
            _Silence.changes = contextlib.ExitStack()
            _Silence.changes.enter_context(_silenced_python())
        _Silence.blocks += 1
    try:
        with captured_stderr() as written:
            yield
    finally:
        with _Silence.lock:
            _Silence.blocks -= 1
            if not _Silence.blocks:
                _Silence.changes.close()
        if written():
            _logger.debug("converter output:\n%s", written())


@contextlib.contextmanager
def _silenced_python():
    """Raises the levels of loggers, and ignores warnings."""
    loggers = [logging.getLogger(name) for name in _NOISY_LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(max(logger.level, logging.ERROR))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def nothing_compiled(apart: bool = False):
    """Has Keras trace what it would have XLA compile, in this thread.

    Changes: `tensorflow.function`. Other threads get the true one.

    Cause: Keras compiles convolutions with groups by themselves, since
    TensorFlow's own kernels refuse some of them on some CPUs. In a graph they
    are calls that no converter looks into, and slower. Issue 18180 of
    keras-team/keras, and what becomes of it: 2099 of onnx/tensorflow-onnx.
    Where oneDNN is off, as on processors of AMD, TensorFlow fuses such a
    convolution with the `BiasAdd` after it, and then cannot run the two; an
    `EnsureShape` between them prevents it.

    Seen with: Keras 3.15.1 on TensorFlow 2.21.0.

    Args:
        apart: Whether the bias is to be kept apart from the convolution, for
            files that TensorFlow itself runs. Defaults to `False`.

    Yields:
        Nothing.
    """
    import tensorflow as tf

    with _tracing:
        function, tracing = tf.function, threading.get_ident()

        def plain(*args, jit_compile=None, **kwargs):
            own = threading.get_ident() == tracing
            if own and jit_compile and not args:
                return _kept_apart if apart else lambda traced: traced
            return function(*args, jit_compile=jit_compile, **kwargs)

        tf.function = plain
        try:
            yield
        finally:
            tf.function = function


def _kept_apart(traced):
    import tensorflow as tf

    def call(*args, **kwargs):
        result = traced(*args, **kwargs)
        return tf.ensure_shape(result, result.shape)

    return call


@contextlib.contextmanager
def interruptible():
    """Has Ctrl-C end a block that swallows it.

    Changes: the handlers of SIGINT and SIGTERM, where the program has any.
    The block is left to its end, and then they are called again.

    Cause: tf2onnx has several `except:` that go on after anything, and a
    callback from C++ code drops what is raised in it. No issue was found.

    Seen with: tf2onnx 1.17.0.

    Yields:
        Nothing.

    Raises:
        KeyboardInterrupt: If that was raised inside and did not get out.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _INTERRUPTIONS}
    came, failure = [], None

    def remember(number, frame):
        try:
            before[number](number, frame)
        except BaseException:
            came.append(number)
            raise

    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, remember)
    try:
        yield
    except Exception as error:
        failure = error
    finally:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, handler)
    for number in came:
        before[number](number, None)
    if failure is not None:
        raise failure


@contextlib.contextmanager
def graph_copies(kept: bool):
    """Decides whether tf2onnx copies the graph before each optimizer.

    Changes: the environment variable `TF2ONNX_CATCH_ERRORS`. One that the
    user has set stays.

    Cause: tf2onnx makes the copies in case an optimizer fails, which is half
    of its time, and `from_function` has no argument for it. Of the variable,
    it reads only whether it is set. No issue was found.

    Seen with: tf2onnx 1.17.0.

    Args:
        kept: Whether it makes the copies, as it does by itself.

    Yields:
        Nothing.
    """
    with _converting:
        changed = not kept and CATCH_ERRORS not in os.environ
        if changed:
            os.environ[CATCH_ERRORS] = "FALSE"
        try:
            yield
        finally:
            if changed:
                del os.environ[CATCH_ERRORS]
