"""The file or folder that an exporter writes."""

import hashlib
from pathlib import Path


def checked_path(path, form) -> Path:
    """Refuses a path that the artefact must not go to.

    Args:
        path: Path that the user gave.
        form: The `Format` to write.

    Returns:
        The absolute path.

    Raises:
        ValueError: If its end is another format's, or something else than
            an older artefact is there.
    """
    path = Path(path).expanduser().absolute()
    if form.suffix and path.suffix != form.suffix:
        raise ValueError(
            f"`path` must end with {form.suffix!r} for {form.name}. "
            f"Received: path={str(path)!r}"
        )
    if form.suffix and path.is_dir():
        raise ValueError(
            f"`path` must be a file name, not a folder. Received: "
            f"path={str(path)!r}"
        )
    if not form.suffix and path.exists() and not _replaceable(path):
        raise ValueError(
            f"`path` must be new, or an empty folder or a SavedModel to "
            f"replace. Received: path={str(path)!r}, which holds something "
            f"else"
        )
    return path


def size(path: Path) -> int:
    """Adds up the size of a file, or of all files of a folder.

    Args:
        path: Path of the artefact.

    Returns:
        Number of bytes.
    """
    return sum(file.stat().st_size for file in _files(path))


def sha256(path: Path) -> str:
    """Hashes a file, or the names and hashes of all files of a folder.

    Args:
        path: Path of the artefact.

    Returns:
        64 hexadecimal digits.
    """
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for file in _files(path):
        name = file.relative_to(path).as_posix()
        digest.update(f"{name} {sha256(file)}\n".encode())
    return digest.hexdigest()


def _files(path):
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file())


def _replaceable(path):
    return path.is_dir() and (
        (path / "saved_model.pb").exists() or not any(path.iterdir())
    )
