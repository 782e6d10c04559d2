"""Whether a file is the one that its sidecar describes."""

from kerasseg.export import files
from kerasseg.export import schema
from kerasseg.export import sidecar
from kerasseg.export.errors import ExportError

AGAIN = "Export it again, or copy the file and its sidecar together again."


def check_bytes(path, content) -> str:
    """Refuses a file that is not the one that was exported.

    This comes before a runtime sees the file: some of them end the process
    when they read a damaged one.

    Args:
        path: Path of the file, or of the folder of a SavedModel.
        content: What `read_sidecar` returned.

    Returns:
        Sentence on what was found.

    Raises:
        ExportError: If size or hash differ.
    """
    size, expected = files.size(path), value(content, "bytes", kind=int)
    beside = sidecar.sidecar_path(path).name
    if size != expected:
        change = "cut off" if size < expected else "changed"
        raise ExportError(
            f"{path.name} has {size} bytes and its sidecar {beside} "
            f"describes {expected}: it was {change}, or one of the two is "
            f"another file's or was left from before. {AGAIN}"
        )
    found, expected = files.sha256(path), value(content, "sha256")
    if found != expected:
        raise ExportError(
            f"{path.name} has the SHA-256 {found} and its sidecar {beside} "
            f"describes {expected}, of the same size: bytes of it were "
            f"changed, or one of the two is another file's or was left from "
            f"before. {AGAIN}"
        )
    return f"{size} bytes and SHA-256 as in {beside}"


def check_content(path, content, form) -> str:
    """Refuses a sidecar that contradicts itself or the file.

    Args:
        path: Path of the file, or of the folder of a SavedModel.
        content: What `read_sidecar` or `describe` returned.
        form: The `Format` of the file.

    Returns:
        Sentence on what was found.

    Raises:
        ExportError: If it does; each contradiction is named.
    """
    wrong = list(_classes(content))
    signature = form.signature(path)
    if signature is not None:
        wrong += _signature(signature, form.quantization(path), content)
    if wrong:
        raise ExportError(
            f"The sidecar of {path.name} is wrong: {'; '.join(wrong)}. It was "
            f"edited or is another file's. {AGAIN}"
        )
    if signature is None:
        return "the sidecar does not contradict itself"
    return "input, output, numbers and classes of the sidecar are the file's"


def check_seal(path, content) -> str:
    """Refuses a sidecar of which a field was edited, whichever it was.

    Args:
        path: Path of the file, or of the folder of a SavedModel.
        content: What `read_fields` returned.

    Returns:
        Sentence on what was found.

    Raises:
        ExportError: If the seal is not that of the fields.
    """
    try:
        schema.check_seal(content)
    except ValueError as error:
        raise ExportError(
            f"The sidecar of {path.name} is wrong: {error}. {AGAIN}"
        ) from error
    if schema.SEAL not in content:
        return "the sidecar is of schema 1, which has no seal"
    return "the seal is that of all fields of the sidecar"


def value(content, *keys, kind=object):
    """Looks up one entry of a sidecar.

    Args:
        content: What `read_sidecar` returned.
        *keys: Names of the entry and what holds it, outermost first.
        kind: Class of the value, or a tuple of them. Defaults to any.

    Returns:
        The value.

    Raises:
        ExportError: If there is none of that class.
    """
    for depth, key in enumerate(keys):
        if not isinstance(content, dict) or key not in content:
            name = ".".join(keys[: depth + 1])
            raise ExportError(
                f"The sidecar has no entry {name}: it was edited, damaged or "
                f"written by another program. {AGAIN}"
            )
        content = content[key]
    if not isinstance(content, kind):
        raise ExportError(
            f"The sidecar has {content!r} as its entry {'.'.join(keys)}: it "
            f"was edited or damaged. {AGAIN}"
        )
    return content


def _classes(content):
    count = value(content, "num_classes", kind=int)
    names = value(content, "class_names", kind=list | None)
    palette = value(content, "palette", kind=list | None)
    for key, items in (("class_names", names), ("palette", palette)):
        if items is not None and len(items) != count:
            yield f"{key} has {len(items)} items for {count} classes"
    if names is not None and len(set(names)) != len(names):
        yield f"two class names are the same in {names}"
    shape = value(content, "output", "shape", kind=list)
    layout = value(content, "output", "layout", kind=str)
    if "C" not in layout:
        return
    axis = layout.index("C")
    if len(shape) != len(layout) or shape[axis] != count:
        yield f"output.shape {shape} {layout} is not that of {count} classes"


def _signature(signature, scales, content):
    """Compares with what the file says of itself."""
    for name, end, scale in (
        ("input", signature.input, scales[0]),
        ("output", signature.output, scales[1]),
    ):
        facts = {
            "name": end.name,
            "shape": list(end.shape),
            "dtype": end.dtype,
            "layout": signature.layout if len(end.shape) == 4 else "NHW",
            "quantization": scale,
        }
        for key, found in facts.items():
            stated = value(content, name, key)
            if not _same(stated, found):
                yield f"{name}.{key} is {stated!r}, in the file {found!r}"
    stated = value(content, "precision")
    # Other precisions than these two keep some layers in int8.
    coarsest = stated if stated in ("float32", "float16") else "int8"
    if coarsest != signature.precision:
        found = signature.precision
        yield f"precision is {stated!r}, the file computes in {found}"


def _same(stated, found):
    if not isinstance(found, list):
        return stated == found
    return (
        isinstance(stated, list)
        and len(stated) == len(found)
        and all(b in (None, a) for a, b in zip(stated, found, strict=True))
    )
