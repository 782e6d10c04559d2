"""Write a Triton model repository for an ONNX file and its sidecar.

    python make_repository.py street.onnx repository

Needs Python alone. Untested on a server: see README.md.
"""

import argparse
import json
import shutil
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
name: "{name}"
backend: "onnxruntime"
max_batch_size: 0
input [
  {{
    name: "{input[name]}"
    data_type: {input[type]}
    dims: {input[shape]}
  }}
]
output [
  {{
    name: "{output[name]}"
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
    parser.add_argument("--version", type=int, default=1)
    parser.add_argument("--instances", type=int, default=1)
    args = parser.parse_args()
    name = args.name or Path(args.file).stem
    try:
        content = Path(f"{args.file}.json").read_text(encoding="utf-8")
        text = config(name, json.loads(content), args.instances)
        folder = Path(args.repository, name, str(args.version))
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(args.file, folder / "model.onnx")
        (folder.parent / "config.pbtxt").write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        print(f"make_repository.py: {error}", file=sys.stderr)
        return 2
    print(f"wrote {folder / 'model.onnx'}")
    print(f"wrote {folder.parent / 'config.pbtxt'}")
    return 0


def config(name, sidecar, instances):
    """The text of `config.pbtxt`."""
    if sidecar["format"] != "onnx":
        raise ValueError(f"needs an ONNX file, not {sidecar['format']}")
    ends = {
        end: {**sidecar[end], "type": TYPES[sidecar[end]["dtype"]]}
        for end in ("input", "output")
    }
    text = CONFIG.format(name=name, instances=instances, **ends)
    for key in PARAMETERS:
        # A string of JSON, quoted once more as text protobufs quote.
        value = json.dumps(json.dumps(sidecar[key]))
        text += PARAMETER.format(key=key, value=value)
    return text


if __name__ == "__main__":
    sys.exit(main())
