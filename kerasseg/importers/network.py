"""Published files of any format, known by their first bytes."""

from pathlib import Path

from kerasseg.importers import caffe
from kerasseg.importers import keras_h5
from kerasseg.importers import mat
from kerasseg.importers import matconvnet
from kerasseg.importers import matrices
from kerasseg.importers import torch_file
from kerasseg.importers import torch_state
from kerasseg.importers.source import Source
from kerasseg.zoo.errors import WeightsError

_HEAD = 32
# Protocols 2 to 5 of pickle, which is not PyTorch's list of tensors.
_PICKLES = tuple(b"\x80" + bytes([n]) for n in range(2, 6))
_PICKLE_SUFFIXES = (".pkl", ".pickle", ".joblib")
_FORMATS = (
    ".mat (MatConvNet), .caffemodel (Caffe), .npy (GDN's two matrices), "
    ".safetensors and .pth (PyTorch), .h5 (Keras 1 and 2)"
)


def read_network(*paths: str | Path) -> Source:
    """Reads a published network: its layers, and their weights when asked for.

    Nothing is unpickled, and no more memory is taken than the file has bytes,
    whatever it declares.

    Args:
        *paths: Path of a file of MatConvNet, Caffe, PyTorch or Keras 1 or 2;
            or the paths of GDN's two matrices.

    Returns:
        A `Source`: the layers with their tensors in the layout of Keras.

    Raises:
        FileNotFoundError: If a file does not exist.
        WeightsError: If the file is damaged, of another format, or a pickle.
        ImportError: If a package is missing; the extra `import` has them.

    Example:

    >>> source = read_network("lenet.caffemodel")
    >>> source.named()["conv1"].tensors["kernel"].shape
    (5, 5, 1, 20)
    """
    heads = [_head(path) for path in paths]
    if heads and all(head.startswith(matrices.MAGIC) for head in heads):
        return matrices.read(*paths)
    if len(paths) != 1:
        raise WeightsError(
            "`path` must be one file, or GDN's two matrices (.npy). "
            f"Received: {len(paths)} files"
        )
    return _reader(paths[0], heads[0])(paths[0])


def _head(path):
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no weights file at {path}")
    with path.open("rb") as file:
        return file.read(_HEAD)


def _reader(path, head):
    """The function that reads a file."""
    suffix = Path(path).suffix.lower()
    if head.startswith((mat.V5, mat.V73)):
        return matconvnet.read
    if head.startswith(keras_h5.MAGIC):
        return keras_h5.read
    if head.startswith((torch_file.LEGACY, torch_file.ZIP)):
        return torch_state.read
    if head.startswith(_PICKLES) or suffix in _PICKLE_SUFFIXES:
        raise WeightsError(
            "`path` must be a file of numbers. Received: "
            f"path='{path}', a pickle. A pickle is a program, and running it "
            "can do anything, so kerasseg never does. Where it is trusted, "
            "load it where it was made and save the arrays as safetensors."
        )
    if head[8:9] == b"{":
        return torch_state.read
    if caffe.is_network(head):
        return caffe.read
    raise WeightsError(
        f"`path` must be one of {_FORMATS}. Received: path='{path}', which "
        "begins like none of them"
    )
