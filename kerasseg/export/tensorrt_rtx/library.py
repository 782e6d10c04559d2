"""Where NVIDIA's TensorRT for RTX is, and whether it may be called."""

import dataclasses
import importlib.util
import platform
import sys
from pathlib import Path

from kerasseg.export.tensorrt_rtx import builder

MODULE = "onnxruntime_ep_nv_tensorrt_rtx"
PACKAGE = "onnxruntime-ep-nv-tensorrt-rtx-cu13"
PACKAGE_VERSION = "0.5.0"
INSTALL = 'pip install "kerasseg[tensorrt-rtx]"'
VERSION = ".".join(map(str, builder.VERSION))
# What NVIDIA's documentation says of engines for no GPU in particular:
# docs.nvidia.com/deeplearning/tensorrt-rtx, "CPU-Only AOT and TensorRT-RTX
# Engines", read on 2026-11-29.
CAPABILITIES = "8.0, 8.6, 8.9, 12.0 and later"
SYSTEM, PROCESSORS = "linux", ("x86_64", "amd64")


@dataclasses.dataclass(frozen=True)
class Library:
    """NVIDIA's libraries on this machine.

    Args:
        folder: The folder that they are in, or `None` where they cannot be
            called.
        reason: Sentence on why they cannot; empty where they can.
    """

    folder: Path | None
    reason: str = ""


def find() -> Library:
    """Looks for libraries that the tables of `builder` are for.

    Nothing of NVIDIA's is imported or called.

    Returns:
        A `Library`.
    """
    reason = wrong_machine()
    if reason:
        return Library(None, reason)
    try:
        spec = importlib.util.find_spec(MODULE)
    except ValueError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        return Library(
            None,
            f"NVIDIA's TensorRT for RTX is not installed. Install it with: "
            f"{INSTALL}",
        )
    folder = Path(next(iter(spec.submodule_search_locations)))
    if not (folder / builder.LIBRARY).is_file():
        return Library(None, wrong_version(_versions(folder)))
    return Library(folder)


def wrong_machine() -> str:
    """Says why this machine cannot run the builder.

    Returns:
        A sentence; empty on x86-64 Linux.
    """
    processor = platform.machine()
    if sys.platform == SYSTEM and processor.lower() in PROCESSORS:
        return ""
    return (
        f"NVIDIA's builder of TensorRT for RTX is called on x86-64 Linux "
        f"alone; this machine is {processor or 'unknown'} "
        f"{platform.system() or sys.platform}."
    )


def wrong_version(found: str) -> str:
    """Says that another version was found, and how to get the right one.

    Args:
        found: The version that was found.

    Returns:
        A sentence.
    """
    return (
        f"TensorRT for RTX must be version {VERSION}, the only one whose "
        f"virtual tables are known; it was not called. Found: {found}. "
        f"Install {PACKAGE}=={PACKAGE_VERSION} with: {INSTALL}"
    )


def _versions(folder):
    stem = "libtensorrt_rtx.so."
    names = sorted(path.name for path in folder.glob(f"{stem}*.*"))
    return ", ".join(n.removeprefix(stem) for n in names) or "no library"
