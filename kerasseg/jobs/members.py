"""The images in an archive or a folder, read one by one in any order."""

import functools
import os
import tarfile
import zipfile
from collections import Counter
from pathlib import Path
from pathlib import PurePosixPath

from kerasseg.files import IMAGE_SUFFIXES
from kerasseg.ids import listed


class Members:
    """The images in a source.

    Args:
        path: A ZIP or TAR archive, or a folder with its sub-folders. What is
            an image is told by the suffix; hidden files are left out.

    Raises:
        ValueError: If there is no such source, it cannot be read at any
            place, it holds no images, or one name twice.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path).absolute()
        # What is wrong with the source itself, behind what can be read.
        self.problem = ""
        self._places = {}
        self._is_zip = False
        found = [n for n in self._list() if _is_image(n)]
        twice = [name for name, n in Counter(found).items() if n > 1]
        if twice:
            raise ValueError(
                "`source` must hold each name once. "
                f"Received: {self.path}, which has more of {listed(twice)}"
            )
        if not found:
            raise ValueError(
                f"`source` must hold images. Received: {self.path}, without "
                f"files that end in {', '.join(IMAGE_SUFFIXES)}"
            )
        self.names = sorted(found)

    @property
    def size(self) -> int:
        """Bytes of the archive, 0 of a folder."""
        return 0 if self.path.is_dir() else self.path.stat().st_size

    def read(self, name: str) -> bytes:
        """The bytes of one image.

        Args:
            name: One of `names`.

        Returns:
            What its file holds.

        Raises:
            OSError: If it cannot be read.
            ValueError: If the archive has damaged it.
        """
        if self._is_zip:
            try:
                return self._zip.read(name)
            # Of another checksum, cut off, encrypted, compressed otherwise.
            except (zipfile.BadZipFile, EOFError, RuntimeError) as error:
                raise ValueError(str(error) or type(error).__name__) from error
        if self.path.is_dir():
            return (self.path / name).read_bytes()
        start, size = self._places[name]
        with self.path.open("rb") as file:
            file.seek(start)
            data = file.read(size)
        if len(data) < size:
            raise ValueError("the archive ends in the midst of it")
        return data

    def _list(self):
        if self.path.is_dir():
            files = (p for p in self.path.rglob("*") if p.is_file())
            return [p.relative_to(self.path).as_posix() for p in files]
        if not self.path.is_file():
            raise ValueError(
                "`source` must be an archive or a folder. "
                f"Received: {self.path}, which is not there"
            )
        self._is_zip = zipfile.is_zipfile(self.path)
        if self._is_zip:
            with zipfile.ZipFile(self.path) as archive:
                return archive.namelist()
        return list(self._list_tar())

    @functools.cached_property
    def _zip(self):
        """The archive, open from the first image that is read."""
        return zipfile.ZipFile(self.path)

    def _list_tar(self):
        try:
            with tarfile.open(self.path, "r:") as archive:
                yield from self._entries(archive)
        except tarfile.TarError as error:
            raise ValueError(
                "`source` must be a ZIP archive, a TAR archive that is not "
                f"compressed, or a folder. Received: {self.path}, {error}; a "
                "compressed TAR archive is to be unpacked before"
            ) from error

    def _entries(self, archive):
        try:
            for entry in archive:
                if entry.isreg():
                    self._places[entry.name] = entry.offset_data, entry.size
                    yield entry.name
        except tarfile.TarError as error:
            # Those before are as good as ever.
            self.problem = f"the archive is damaged at its end: {error}"


def mask_name(name: str) -> str:
    """Where the mask of an image goes, below the folder of a job.

    Args:
        name: Name of the image in its source.

    Returns:
        A path with slashes, another one for each name.

    Raises:
        ValueError: If the name leads out of the folder.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise ValueError("its name leads out of the folder of masks")
    return f"{path}.png"


def _is_image(name):
    # macOS puts a hidden `._a.jpg` beside `a.jpg`, in archives too.
    parts = PurePosixPath(name).parts
    hidden = any(part[0] == "." and part != ".." for part in parts)
    return name.lower().endswith(IMAGE_SUFFIXES) and not hidden
