"""The record of `kerasseg evaluate`: scores, data, weights and versions."""

import argparse
import datetime
import hashlib
import importlib.metadata
import platform
import shlex
import subprocess
from pathlib import Path


class HashedDataset:
    """A dataset that hashes the pixels and ids that it gives.

    SHA-256 over all samples in the order of the split, of each the image and
    then the mask: the type and shape as text, such as `|u1 (360, 480, 3)`, and
    the values, row by row. Files that decode to the same values hash alike.

    Args:
        dataset: A dataset with `len()` and `[index] -> (image, mask)`.
    """

    def __init__(self, dataset):
        self._dataset = dataset
        # Where it lies, for messages.
        self.root = getattr(dataset, "root", None)
        self.split = getattr(dataset, "split", None)
        self._digest = hashlib.sha256()

    def __len__(self):
        return len(self._dataset)

    def __getitem__(self, index):
        sample = self._dataset[index]
        for array in sample:
            self._digest.update(f"{array.dtype.str} {array.shape}".encode())
            self._digest.update(array.tobytes())
        return sample

    def hexdigest(self) -> str:
        """The hash of what was given so far, in hexadecimal digits."""
        return self._digest.hexdigest()


def evaluation_record(
    args: argparse.Namespace, entry, model, way: str, scores: dict
) -> dict:
    """What `kerasseg evaluate --out` writes.

    Args:
        args: The parsed arguments.
        entry: The entry of the model.
        model: The model.
        way: How images were predicted, in words.
        scores: The scores by name, and the hash of the data.

    Returns:
        A dictionary of values of JSON: the scores, and what made them.
    """
    import keras

    import kerasseg

    return {
        "entry": entry.name,
        "data": args.data,
        "split": args.split,
        "protocol": way,
        **scores,
        "parameters": model.count_params(),
        "weights_sha256": entry.sha256,
        "command": shlex.join(["kerasseg", *args.argv]),
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "versions": {
            "kerasseg": kerasseg.__version__,
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            keras.backend.backend(): _version(keras.backend.backend()),
            "python": platform.python_version(),
        },
    }


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit():
    """The commit of the checkout that kerasseg runs from, if there is one."""
    package = Path(__file__).resolve().parents[1]

    def git(*arguments):
        return subprocess.run(
            ["git", "-C", str(package), *arguments],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != package.parent:
            return None
        changed = git("status", "--porcelain", "--", str(package))
        return git("rev-parse", "HEAD") + ("-changed" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None
