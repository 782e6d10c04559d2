"""Other runtimes than those that the exporters verify files in."""

import importlib.metadata

from kerasseg.arguments import check_choice
from kerasseg.export.errors import ExportError
from kerasseg.export.onnx.runtime import function_of
from kerasseg.export.runtime import unloadable
from kerasseg.export.tensorrt_rtx.session import check_driver
from kerasseg.export.tensorrt_rtx.session import open_session
from kerasseg.formats import RUNTIMES


def check_runtime(runtime, form, path) -> None:
    """Refuses a runtime that is unknown, or is for other files.

    Args:
        runtime: Name of the runtime, or `None` for that of the exporter.
        form: Name of the format of the file.
        path: Path of the file, for the message.

    Raises:
        ValueError: If there is no such runtime, or it runs another format.
    """
    if runtime is None:
        return
    check_choice("runtime", runtime, tuple(RUNTIMES))
    facts = RUNTIMES[runtime]
    if facts.format != form:
        raise ValueError(
            f"`runtime` must be None for a file of the format {form}: "
            f"{facts.title} runs {facts.format}. Received: "
            f"runtime={runtime!r}, path={str(path)!r}"
        )


def check_machine(runtime) -> None:
    """Refuses a runtime that this machine cannot have, before long work.

    Args:
        runtime: Name of the runtime, checked, or `None`.

    Raises:
        ImportError: If what it runs on is missing.
    """
    if runtime is not None:
        check_driver()


def opened_in(runtime, path):
    """Opens a file in another runtime.

    Args:
        runtime: Name of the runtime, checked.
        path: Path of the file.

    Returns:
        Function from an image batch to logits or class ids, and a sentence
        on what runs it.

    Raises:
        ImportError: If the runtime, or what it runs on, is missing.
        ExportError: If it refuses the file.
    """
    facts = RUNTIMES[runtime]
    try:
        session, device = open_session(path)
    except (ImportError, ExportError):
        raise
    except Exception as error:
        raise unloadable(facts.title, error) from error
    version = importlib.metadata.version(facts.package)
    return function_of(session), (
        f"Run by {facts.title} ({facts.package} {version}) on {device}. It may "
        f"round factors of float32 to 10 bits (TF32), as ONNX Runtime on the "
        f"CPU does not."
    )
