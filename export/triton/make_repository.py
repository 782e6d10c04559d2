"""Write a Triton model repository for an ONNX file and its sidecar.

    python make_repository.py street.onnx repository

Needs Python alone. Untested on a server: see README.md.
"""

import argparse
import hashlib
import json
import re
import struct
import sys
from pathlib import Path

TYPES = {
    "float32": "TYPE_FP32",
    "float16": "TYPE_FP16",
    "int8": "TYPE_INT8",
    "uint8": "TYPE_UINT8",
    "int32": "TYPE_INT32",
    "int64": "TYPE_INT64",
}

# The first dimension is the file's own batch of one, so Triton adds none.
CONFIG = """\
name: {name}
backend: "onnxruntime"
max_batch_size: 0
input [
  {{
    name: {input[name]}
    data_type: {input[type]}
    dims: {input[shape]}
  }}
]
output [
  {{
    name: {output[name]}
    data_type: {output[type]}
    dims: {output[shape]}
  }}
]
instance_group [
  {{
    count: {instances}
    kind: KIND_AUTO
  }}
]
"""

# What a client cannot know otherwise, readable at /v2/models/NAME/config.
PARAMETER = """\
parameters {{
  key: "{key}"
  value: {{ string_value: {value} }}
}}
"""
PARAMETERS = ("class_names", "palette", "sha256")


def main():
    """Copies the file to where Triton looks, with its configuration."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", help="the .onnx file; FILE.json lies beside it")
    parser.add_argument("repository", help="the folder of all models")
    parser.add_argument("--name", help="of the model (default: FILE's name)")
    parser.add_argument("--version", type=positive, default=1)
    parser.add_argument("--instances", type=positive, default=1)
    args = parser.parse_args()
    name = args.name or Path(args.file).stem
    try:
        content, sidecar = read(args.file)
        text = config(checked_name(name), sidecar, args.instances)
        folder = Path(args.repository, name, str(args.version))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.onnx").write_bytes(content)
        (folder.parent / "config.pbtxt").write_text(text, encoding="utf-8")
    except Exception as error:
        return fail(error)
    show(f"wrote {folder / 'model.onnx'}")
    show(f"wrote {folder.parent / 'config.pbtxt'}")
    return 0


def positive(text):
    """A whole number of 1 or more."""
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


def read(path):
    """The bytes of the file, and what the exporter says of them."""
    beside = Path(f"{path}.json")
    try:
        content = Path(path).read_bytes()
        sidecar = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {path} and {beside}: {error}") from error
    schema = sidecar.get("schema") if isinstance(sidecar, dict) else None
    if schema not in (1, 2):
        raise ValueError(f"{beside} has the schema {schema}")
    if (schema == 2 or "seal" in sidecar) and seal_of(sidecar) != sidecar.get(
        "seal"
    ):
        raise ValueError(f"{beside} cannot be used: an entry was edited")
    if hashlib.sha256(content).hexdigest() != sidecar["sha256"]:
        raise ValueError(f"{beside} describes another file than {path}")
    return content, sidecar


def seal_of(sidecar):
    """The hash of all entries but the seal itself."""
    rest = {key: value for key, value in sidecar.items() if key != "seal"}
    return hashlib.sha256(canonical(rest)).hexdigest()


def canonical(value):
    """A value as bytes, whatever the spaces and the order of its keys."""
    if value is None or isinstance(value, bool):
        return {None: b"n", True: b"t", False: b"f"}[value]
    if isinstance(value, int | float):
        return b"d" + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        return b"s%d:" % len(text) + text
    if isinstance(value, dict):
        items = [part for key in sorted(value) for part in (key, value[key])]
        start = b"o%d:" % len(value)
    else:
        items, start = value, b"l%d:" % len(value)
    return start + b"".join(canonical(item) for item in items)


def checked_name(name):
    """The name of a model, which is that of a folder and part of an address."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
        raise ValueError(
            f"--name must be of letters, digits, '.', '_' and '-', not {name!r}"
        )
    return name


def config(name, sidecar, instances):
    """The text of `config.pbtxt`."""
    if sidecar["format"] != "onnx":
        raise ValueError(f"needs an ONNX file, not {sidecar['format']}")
    ends = {end: tensor(end, sidecar[end]) for end in ("input", "output")}
    for key in ("class_names", "palette"):
        if not isinstance(sidecar[key], list | None):
            raise ValueError(f"{key} of the sidecar must be a list or null")
    text = CONFIG.format(name=quoted(name), instances=instances, **ends)
    for key in PARAMETERS:
        value = quoted(json.dumps(sidecar[key]))
        text += PARAMETER.format(key=key, value=value)
    return text


def tensor(end, spec):
    """What Triton must know of an input or an output."""
    name, shape, dtype = spec["name"], spec["shape"], spec["dtype"]
    if not isinstance(name, str) or not name:
        raise ValueError(f"{end}.name of the sidecar must be a text")
    if not isinstance(shape, list) or not all(
        type(size) is int and 0 < size <= 1 << 15 for size in shape
    ):
        raise ValueError(f"{end}.shape of the sidecar must be a list of sizes")
    if not isinstance(dtype, str) or dtype not in TYPES:
        raise ValueError(f"{end}.dtype of the sidecar must be one of {TYPES}")
    return {"name": quoted(name), "type": TYPES[dtype], "shape": shape}


def quoted(text):
    """A string of a text protobuf, in ASCII: other bytes are octal escapes."""
    plain = set(range(32, 127)) - set(b'"\\')
    content = "".join(
        chr(byte) if byte in plain else f"\\{byte:03o}"
        for byte in str(text).encode("utf-8")
    )
    return f'"{content}"'


def fail(error):
    """One line on what went wrong, and the exit code."""
    text = " ".join(str(error).split()) or type(error).__name__
    show(f"make_repository.py: {text}", sys.stderr)
    return 2


def show(text, file=None):
    """Prints text without codes that a terminal would obey."""
    print(printable(text), file=file)


def printable(text):
    """Text on one line, with its control characters written out."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode()
        for c in str(text)
    )


if __name__ == "__main__":
    sys.exit(main())
