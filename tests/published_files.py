"""Writes small files in the forms of other frameworks."""

import itertools
import json
import struct

import h5py
import numpy as np
import scipy.io

# Of references, each of a name of its own.
NUMBERS = itertools.count()

# === Caffe ===

V1_TYPES = {"Convolution": 4, "InnerProduct": 14, "Deconvolution": 39}
SETTINGS = {"Convolution": (106, 10), "Deconvolution": (106, 10)}
SETTINGS |= {"InnerProduct": (117, 17), "BatchNorm": (139, None)}
SETTINGS |= {"Pooling": (121, 19)}


def varint(number):
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def field(number, value):
    """A field of a message: an integer, a text, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def blob(array, legacy=False, packed=True, double=False):
    number, dtype, wire = (8, "<f8", 1) if double else (5, "<f4", 5)
    numbers = array.ravel().astype(dtype)
    if packed:
        data = field(number, numbers.tobytes())
    else:
        tag = varint(number << 3 | wire)
        data = b"".join(tag + x.tobytes() for x in numbers)
    if legacy:
        shape = (1,) * (4 - array.ndim) + array.shape
        return b"".join(field(i, n) for i, n in enumerate(shape, 1)) + data
    return data + field(7, field(1, b"".join(map(varint, array.shape))))


def caffe_layer(
    name, kind, arrays=(), bottom=(), top=(), v1=False, settings=(), **form
):
    """A layer, of either generation, as a field of a network."""
    blobs = [blob(array, **form) for array in arrays]
    names = (4, 2, 3, 6) if v1 else (1, 3, 4, 7)
    content = field(names[0], name)
    content += field(5, V1_TYPES[kind]) if v1 else field(2, kind)
    content += b"".join(field(names[1], x) for x in bottom)
    content += b"".join(field(names[2], x) for x in top)
    content += b"".join(field(names[3], x) for x in blobs)
    if settings:
        inner = b"".join(field(n, value) for n, value in settings)
        content += field(SETTINGS[kind][v1], inner)
    return field(2 if v1 else 100, content)


def caffemodel(path, *layers):
    path.write_bytes(field(1, "net") + b"".join(layers))
    return path


# === MATLAB ===


def cell(items):
    array = np.empty((1, len(items)), object)
    array[0, :] = items
    return array


def struct_array(records):
    names = list(records[0])
    array = np.zeros((1, len(records)), [(name, object) for name in names])
    for place, record in enumerate(records):
        for name in names:
            array[0, place][name] = record[name]
    return array


def column(array):
    """As MATLAB keeps it: two axes at least, none of 1 at the end."""
    array = np.asarray(array)
    if array.ndim < 2:
        return array.reshape(-1, 1)
    while array.ndim > 2 and array.shape[-1] == 1:
        array = array[..., 0]
    return array


def mat5(path, content, compressed=False):
    scipy.io.savemat(path, content, do_compression=compressed)
    return path


def mat73(path, content):
    """The same content in version 7.3, which is HDF5 after 512 bytes."""
    with h5py.File(path, "w", userblock_size=512) as file:
        refs = file.create_group("#refs#")
        for name, value in content.items():
            _put(file, refs, file, name, value)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    return path


def _put(file, refs, parent, name, value):
    """One value below a group, as MATLAB lays it out."""
    if isinstance(value, dict):
        group = parent.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        for key, item in value.items():
            _put(file, refs, group, key, item)
    elif isinstance(value, str):
        data = np.frombuffer(value.encode("utf-16-le"), "<u2")[:, None]
        parent[name] = data
        parent[name].attrs["MATLAB_class"] = np.bytes_("char")
    elif value.dtype == object:
        parent[name] = _references(file, refs, value.ravel())
        parent[name].attrs["MATLAB_class"] = np.bytes_("cell")
    elif value.dtype.names:
        group = parent.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        for key in value.dtype.names:
            group[key] = _references(file, refs, value[key].ravel())
    elif not value.size:
        parent[name] = np.array(value.shape, "uint64")
        parent[name].attrs["MATLAB_empty"] = np.uint8(1)
        parent[name].attrs["MATLAB_class"] = np.bytes_("double")
    else:
        parent[name] = value.T
        parent[name].attrs["MATLAB_class"] = np.bytes_("single")


def _references(file, refs, items):
    found = np.empty((len(items), 1), h5py.ref_dtype)
    for place, item in enumerate(items):
        name = f"a{next(NUMBERS)}"
        _put(file, refs, refs, name, item)
        found[place, 0] = refs[name].ref
    return found


def dag(layers, meta=None):
    """The struct of a DagNN: `(name, type, block, {parameter: array})`."""
    params = [item for *_, named in layers for item in named.items()]
    records = [
        {
            "name": name,
            "type": f"dagnn.{kind}",
            "inputs": cell(["x"]),
            "outputs": cell([name]),
            "params": cell(list(named)),
            "block": {k: np.array([v]) for k, v in block.items()},
        }
        for name, kind, block, named in layers
    ]
    return {
        "layers": struct_array(records),
        "params": struct_array(
            [{"name": k, "value": column(v)} for k, v in params]
        ),
        "meta": meta or {"classes": "none"},
    }


# === Keras ===


def keras_h5(path, layers, whole=False, fixed=True):
    """`{layer: {weight: array}}` as Keras 1 and 2 wrote it.

    Names are of a fixed length, as with h5py before version 3, or not.
    """

    def names(items):
        encoded = [item.encode() for item in items]
        return np.array(encoded, "S") if fixed and encoded else encoded

    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole else file
        root.attrs["layer_names"] = names(layers)
        for name, weights in layers.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = names(weights)
            for weight, array in weights.items():
                group[weight] = array
    return path


def safetensors(path, arrays):
    """Written by hand, so that a test can write what no library would."""
    header, data = {}, b""
    for name, array in arrays.items():
        array = np.ascontiguousarray(array, "float32")
        span = [len(data), len(data) + array.nbytes]
        shape = list(array.shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": span}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path
