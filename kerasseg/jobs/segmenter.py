"""What each worker of a job does."""

import errno
import hashlib
import json
import os
import tempfile
from pathlib import Path
from pathlib import PurePosixPath

import numpy as np

from kerasseg import zoo
from kerasseg.inference import predict_mask
from kerasseg.inference.mask_file import write_mask
from kerasseg.jobs.members import Members
from kerasseg.jobs.members import mask_name

# After these, no other image will fare better.
_NO_MORE_FILES = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Segmenter:
    """Writes the masks of images, with a model that is loaded once.

    Args:
        entry: Name of a zoo entry, or folder of a saved model.
        source: Archive or folder of images.
        out: Folder of the masks.
    """

    def __init__(self, entry: str, source: str, out: str) -> None:
        self._model = zoo.load(entry)
        self._palette = zoo.info(entry).labels.palette
        self._members = Members(source)
        self._out = Path(out)

    def __call__(self, batch: dict) -> dict:
        """Segments some images, in the form that Ray Data asks for.

        Args:
            batch: Names of images as `"member"`.

        Returns:
            What became of each, in JSON, as `"record"`.
        """
        records = [self.segment(str(name)) for name in batch["member"]]
        return {"record": np.array([json.dumps(r) for r in records], object)}

    def segment(self, name: str) -> dict:
        """Writes the mask of one image.

        Args:
            name: Name of the image in the source.

        Returns:
            Its name as `"member"`, and the mask, its hash and its size; or
            what went wrong as `"error"`, or as `"stop"` where that holds for
            all others, too.
        """
        try:
            record = self._segment(name)
        # Decoders raise exceptions of many kinds on damaged files.
        except Exception as error:
            full = getattr(error, "errno", None) in _NO_MORE_FILES
            text = " ".join(str(error).split()) or type(error).__name__
            record = {"stop" if full else "error": text}
        return {"member": name, "worker": os.getpid(), **record}

    def _segment(self, name):
        target = self._out / mask_name(name)
        data = self._members.read(name)
        mask = self._predict(name, data)
        write_mask(target, mask, self._palette)
        return {
            "mask": mask_name(name),
            "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
            "height": mask.shape[0],
            "width": mask.shape[1],
        }

    def _predict(self, name, data):
        suffix = PurePosixPath(name).suffix
        with tempfile.TemporaryDirectory(prefix="kerasseg-") as folder:
            path = Path(folder, f"image{suffix}")
            path.write_bytes(data)
            try:
                return predict_mask(self._model, path)
            except ValueError as error:
                raise ValueError(str(error).replace(str(path), "it")) from error
