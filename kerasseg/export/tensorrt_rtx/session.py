"""Sessions of ONNX Runtime that compute with NVIDIA's TensorRT for RTX.

The process that `kerasseg.benchmark` times a file in loads this file alone: it
imports nothing of kerasseg.
"""

import ctypes
import sys

INSTALL = 'pip install "kerasseg[tensorrt-rtx]"'
# What each NVIDIA driver brings, and the plugin is linked against.
DRIVERS = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}


def open_session(path):
    """Opens an ONNX file on the first GPU that the plugin serves.

    No operator is left to the processor: a file that needs it is refused.

    Args:
        path: Path of the `.onnx` file.

    Returns:
        An `onnxruntime.InferenceSession`, and the name of the device.

    Raises:
        ImportError: If the driver, the GPU or a package is missing. The
            message is one sentence.
    """
    check_driver()
    try:
        import onnxruntime
        import onnxruntime_ep_nv_tensorrt_rtx as plugin
    except ImportError as error:
        raise ImportError(
            f"TensorRT for RTX cannot run: {error}. Install it with: {INSTALL}"
        ) from error
    device = _device(onnxruntime, plugin)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    options.add_provider_for_devices([device], {})
    session = onnxruntime.InferenceSession(str(path), options)
    return session, _name(device)


def check_driver():
    """Refuses a machine without a driver, before anything is loaded.

    Raises:
        ImportError: If there is none.
    """
    library = DRIVERS.get(sys.platform)
    if library is None:
        raise ImportError(
            f"TensorRT for RTX cannot run: it is made for Linux and Windows, "
            f"and this machine is {sys.platform}."
        )
    try:
        ctypes.CDLL(library)
    except OSError as error:
        raise ImportError(
            f"TensorRT for RTX cannot run: there is no NVIDIA driver "
            f"({library} is missing), which an NVIDIA GPU needs."
        ) from error


def _device(onnxruntime, plugin):
    """The first device of the plugin, which is registered once."""
    name = plugin.get_ep_name()

    def devices():
        found = onnxruntime.get_ep_devices()
        return [device for device in found if device.ep_name == name]

    if not devices():
        try:
            onnxruntime.register_execution_provider_library(
                name, plugin.get_library_path()
            )
        except Exception as error:
            text = " ".join(str(error).split())
            raise ImportError(
                f"TensorRT for RTX cannot run: ONNX Runtime cannot load its "
                f"plugin ({text})."
            ) from error
    if not devices():
        raise ImportError(
            "TensorRT for RTX cannot run: it serves none of the GPUs of this "
            "machine, which must be GeForce RTX or RTX PRO of Turing or later."
        )
    return devices()[0]


def _name(device):
    facts = dict(device.device.metadata)
    return facts.get("Description") or f"{device.ep_vendor} GPU"
