"""Export to ONNX."""

from kerasseg.arguments import check_integer
from kerasseg.export.arguments import explain_arguments
from kerasseg.export.errors import LossError
from kerasseg.export.format import Format
from kerasseg.export.onnx import runtime
from kerasseg.export.onnx.convert import write_onnx
from kerasseg.export.onnx.converters import CHOICES
from kerasseg.export.onnx.converters import DEFAULT_OPSET
from kerasseg.export.onnx.converters import check_exporter
from kerasseg.export.onnx.converters import check_opset
from kerasseg.export.onnx.converters import onnx_packages
from kerasseg.export.options import ExportOptions
from kerasseg.export.pipeline import export
from kerasseg.export.report import ExportReport
from kerasseg.formats import INTEGERS

NOT_FOR_TENSORRT = (
    "TensorRT does not take this file: the numbers inside are uint8, with zero "
    "points other than zero. `to_tensorrt` writes a file in int8 that it takes."
)
OVERFLOWS = (
    "On a processor with AVX2 and without VNNI, products of this file may "
    "overflow in 16 bits: verify it there, or write it with `weight_bits=7`, "
    "whose products cannot."
)


class OnnxFormat(Format):
    """An ONNX file, run in ONNX Runtime on the CPU.

    Args:
        opset: Version of ONNX's operator set. Defaults to `18`.
        exporter: What converts. Defaults to `None`: the exporter of the
            current backend.
        symmetric: Whether all zero points of an int8 file are zero. Defaults
            to `False`.
        weight_bits: See `to_onnx`. Defaults to 8.
    """

    name = "onnx"

    def __init__(
        self,
        opset=DEFAULT_OPSET,
        exporter=None,
        symmetric=False,
        weight_bits=8,
    ):
        super().__init__()
        self.weight_bits = weight_bits
        self.opset = opset
        self.exporter = exporter
        self.symmetric = symmetric

    @property
    def modules(self):
        return onnx_packages(self.exporter)[0]

    @property
    def packages(self):
        return onnx_packages(self.exporter)[1]

    def convert(self, frozen, path):
        return write_onnx(
            frozen,
            path,
            self.opset,
            self.symmetric,
            self.exporter,
            self.weight_bits,
        )

    def advice(self):
        used = check_exporter(self.exporter)
        other = next(name for name in CHOICES if name != used)
        return (
            f" Another exporter may convert it: `exporter={other!r}` of "
            f"`to_onnx`, on the command line `--exporter {other}`."
        )

    def open(self, path):
        return runtime.open_onnx(path)

    def operators(self, path):
        return runtime.count_operators(path)

    def signature(self, path):
        return runtime.read_signature(path)

    def time_shares(self, path, images):
        return runtime.time_shares(path, images)

    def extra_signatures(self, path, images):
        del images
        if not runtime.holds_bytes(path):
            return {}, ()
        wide = runtime.holds_wide_weights(path)
        return {}, (NOT_FOR_TENSORRT, *((OVERFLOWS,) if wide else ()))


FORMAT = OnnxFormat()


@explain_arguments
def to_onnx(
    model,
    path,
    *,
    image_shape=None,
    precision="float32",
    calibration=None,
    gate=None,
    output="logits",
    layout="NHWC",
    verify_on=None,
    labels=None,
    channels=None,
    opset=DEFAULT_OPSET,
    exporter=None,
    weight_bits=8,
) -> ExportReport:
    """Exports a model to ONNX and verifies that it computes the same.

    The file holds standard ONNX operators only. Its input `images` is
    `float32`, in 0..255; its output is `logits`, `float32`, or `mask`. It
    appears at `path`, with a sidecar `path.json`, only after ONNX Runtime
    has loaded it and its results agree with the model's.

    In float16 every tensor between input and output is typed as half
    precision. In int8 `QuantizeLinear` and `DequantizeLinear` state the
    scales, one for each filter of a convolution and `uint8` activations. In
    mixed precision the layers that lose most by quantization, measured on two
    of the calibration images, and the last one have none. TensorRT takes none
    of these: `to_tensorrt` writes a file for it.

    On the TensorFlow backend tf2onnx converts; on JAX and PyTorch Keras' own
    exporter does, which on JAX needs the package jax2onnx and on PyTorch
    onnxscript. Another backend's exporter converts in a process of its own,
    from a copy of the model; its file passes the same proof. Layers of your
    own must be in a module that this process can import.

    Args:
        {{model}}
        path: File to write, ending with `.onnx`. An older file there is kept
            until the new one is verified.
        {{image_shape}}
        {{precision}}
        {{calibration}}
        {{gate}}
        {{output}}
        {{layout}}
        {{verify_on}}
        {{labels}}
        {{channels}}
        {{opset}}
        exporter: `"tf2onnx"` or `"torch"`. Defaults to `None`: that of the
            current backend.
        weight_bits: 8 or 7, for `"int8"` and `"mixed"`. With AVX2 and without
            VNNI a processor adds pairs of products in 16 bits, which overflow
            with weights of 8 bits and not with those of 7. Defaults to 8.

    Returns:
        An `ExportReport`.

    Raises:
        ValueError: If an argument cannot be honored.
        ImportError: If onnx, onnxruntime or the converter is missing.
        ExportError: If the conversion fails, needs operators that ONNX does
            not have, or its result differs or loses too much.
    """
    check_exporter(exporter)
    check_opset(opset, exporter)
    _check_weight_bits(weight_bits, precision)
    options = ExportOptions(
        precision=precision,
        output=output,
        layout=layout,
        calibration=calibration,
        gate=gate,
        channels=channels,
    )
    form = OnnxFormat(opset, exporter, weight_bits=weight_bits)
    try:
        return export(
            form, model, path, options, image_shape, verify_on, labels
        )
    except LossError as error:
        if precision not in INTEGERS or weight_bits == 7:
            raise
        raise LossError(
            f"{error} If this processor has AVX2 and no VNNI, products may "
            "overflow here: `weight_bits=7`, on the command line "
            "`--weight-bits 7`, prevents that."
        ) from error


def _check_weight_bits(bits, precision):
    if check_integer("weight_bits", bits, 7) > 8:
        raise ValueError(
            f"`weight_bits` must be 7 or 8. Received: weight_bits={bits!r}"
        )
    if bits == 7 and precision not in INTEGERS:
        raise ValueError(
            '`weight_bits` is for precision="int8" and "mixed". Received: '
            f"weight_bits=7, precision={precision!r}"
        )
