"""Arrays of published files as other readers than kerasseg's give them."""

import h5py
import numpy as np
import scipy.io
from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory

# Message -> field -> (number, type, whether repeated); a type of another
# message by its name.
_FIELDS = {
    "Shape": {"dim": (1, "INT64", True)},
    "Blob": {
        "num": (1, "INT32", False),
        "channels": (2, "INT32", False),
        "height": (3, "INT32", False),
        "width": (4, "INT32", False),
        "data": (5, "FLOAT", True),
        "shape": (7, "Shape", False),
    },
    "Layer": {"name": (1, "STRING", False), "blobs": (7, "Blob", True)},
    "V1Layer": {"name": (4, "STRING", False), "blobs": (6, "Blob", True)},
    "Net": {"layer": (100, "Layer", True), "layers": (2, "V1Layer", True)},
}


def caffe(path):
    """The blobs of a network of Caffe, parsed by Google's protobuf.

    Args:
        path: Path of the file.

    Returns:
        A dict from `"name (blob 0)"` to arrays.
    """
    network = _message_class()()
    with open(path, "rb") as file:
        network.MergeFromString(file.read())
    return {
        f"{layer.name} (blob {index})": _blob(blob)
        for layer in (*network.layer, *network.layers)
        for index, blob in enumerate(layer.blobs)
    }


def matconvnet(path):
    """The weights of a network of MatConvNet, read field by field.

    Args:
        path: Path of the file.

    Returns:
        A dict from `"name (weight 1)"` (SimpleNN) or the name of a parameter
        (DagNN) to arrays.
    """
    if h5py.is_hdf5(path):
        return _dag(path)
    (layers,) = scipy.io.loadmat(path)["net"]["layers"].item()
    found = {}
    for layer in layers:
        record = layer[0, 0]
        if "weights" in record.dtype.names:
            for index, array in enumerate(record["weights"].ravel(), 1):
                found[f"{record['name'].item()} (weight {index})"] = array
    return found


def _dag(path):
    found = {}
    with h5py.File(path) as file:
        params = file["net/params"]
        pairs = zip(params["name"][:, 0], params["value"][:, 0], strict=True)
        for name, value in pairs:
            text = "".join(map(chr, file[name][:, 0]))
            found[text] = file[value][()].T
    return found


def _blob(blob):
    shape = tuple(blob.shape.dim) or (
        *(blob.num, blob.channels),
        *(blob.height, blob.width),
    )
    return np.array(blob.data, "float32").reshape(shape)


def _message_class():
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="caffe_weights.proto", package="weights", syntax="proto2"
    )
    for message, fields in _FIELDS.items():
        described = file.message_type.add(name=message)
        for name, (number, kind, repeated) in fields.items():
            label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            added = described.field.add(name=name, number=number, label=label)
            if kind in _FIELDS:
                added.type = field.TYPE_MESSAGE
                added.type_name = f".weights.{kind}"
            else:
                added.type = getattr(field, f"TYPE_{kind}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    described = pool.FindMessageTypeByName("weights.Net")
    return message_factory.GetMessageClass(described)
