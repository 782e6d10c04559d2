"""From a model to an ONNX file in the precision that is asked for."""

import dataclasses
from pathlib import Path

import keras

from kerasseg.export.errors import ExportError
from kerasseg.export.onnx import graph as graphs
from kerasseg.export.onnx.branches import inline_decided
from kerasseg.export.onnx.branches import part_ends
from kerasseg.export.onnx.converters import DEFAULT_OPSET
from kerasseg.export.onnx.converters import EXPORTERS
from kerasseg.export.onnx.converters import check_exporter
from kerasseg.export.onnx.missing import spell_out
from kerasseg.export.onnx.other_backend import convert_on_other_backend
from kerasseg.export.onnx.quantize import to_float16
from kerasseg.export.onnx.quantize import to_int8
from kerasseg.export.onnx.ranges import unmark
from kerasseg.export.onnx.raw import write_raw
from kerasseg.export.quantization import Conversion
from kerasseg.formats import INTEGERS
from kerasseg.layers.fake_quantize import is_quantization_aware


def write_onnx(
    frozen,
    path,
    opset=DEFAULT_OPSET,
    symmetric=False,
    exporter=None,
    weight_bits=8,
) -> Conversion:
    """Converts the model to standard operators in the precision that it asks.

    Args:
        frozen: The `FrozenModel` to convert.
        path: File to write.
        opset: Version of ONNX's operator set. Defaults to `18`.
        symmetric: Whether all zero points of an int8 file are zero. Defaults
            to `False`.
        exporter: Name of the exporter. Defaults to `None`: that of the
            current backend.
        weight_bits: 8, or 7 for weights in -64..64, of an int8 or mixed file.
            Defaults to 8.

    Returns:
        What a `Conversion` tells of a file with integers.

    Raises:
        ExportError: If the graph holds operators outside the standard.
    """
    import onnx

    converter = check_exporter(exporter)
    _check_marks(frozen.model, converter)
    raw = Path(path).with_suffix(".raw.onnx")
    if EXPORTERS[converter][0] == keras.backend.backend():
        write_raw(frozen, raw, opset)
    else:
        convert_on_other_backend(frozen, raw, opset, converter)
    proto = onnx.load(str(raw))
    inline_decided(proto.graph)
    part_ends(proto.graph)
    spell_out(proto.graph)
    graphs.refuse_foreign(proto)
    _check_written(proto, opset, converter)
    if converter != "tf2onnx":
        proto = graphs.folded(proto, path)
        graphs.add_negatives(proto.graph)
    graphs.name_ends(proto.graph, frozen.options.output)
    graphs.name_sizes(proto)
    graphs.repeat_plainly(proto.graph)
    graphs.drop_regions(proto.graph)
    if frozen.options.precision == "float16":
        proto = to_float16(proto, path)
    conversion = Conversion()
    if frozen.options.precision in INTEGERS:
        learned = unmark(proto.graph)
        plain = Path(path).with_name("float32.onnx")
        _save(proto, frozen, plain, opset)
        proto, conversion = to_int8(
            proto, frozen, path, symmetric, learned, weight_bits
        )
        conversion = dataclasses.replace(conversion, float32=plain)
    _save(proto, frozen, path, opset)
    return conversion


def _save(proto, frozen, path, opset):
    import onnx

    graphs.refuse_foreign(proto)
    del proto.opset_import[:]
    proto.opset_import.append(onnx.helper.make_opsetid("", opset))
    onnx.helper.set_model_props(proto, {"layout": frozen.options.layout})
    onnx.checker.check_model(proto, full_check=True)
    onnx.save_model(proto, str(path))


def _check_marks(model, converter):
    if converter != "tf2onnx" and is_quantization_aware(model):
        raise ExportError(
            "A quantization-aware model must be exported by tf2onnx: on the "
            "TensorFlow backend, where what was saved on another one loads, "
            'or on any by `to_onnx(exporter="tf2onnx")`, on the command line '
            "`kerasseg export --to onnx --exporter tf2onnx`. "
            f"Received: exporter={converter!r}"
        )


def _check_written(proto, opset, exporter):
    (written,) = {o.version for o in proto.opset_import if not o.domain}
    if written != opset:
        raise ExportError(
            f"The exporter {exporter!r} wrote operator set {written} where "
            f"{opset} was asked for. Ask for {written}, or take another "
            f"exporter."
        )
