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
    for part in parts(path)[1:]:
        if part.exists() and not path.exists():
            raise ValueError(
                f"`path` must leave {part.name!r}, which is there already "
                f"and may belong to something else. Received: "
                f"path={str(path)!r}"
            )
    if not form.suffix and path.exists() and not _replaceable(path):
        raise ValueError(
            f"`path` must be new, or an empty folder or a SavedModel to "
            f"replace. Received: path={str(path)!r}, which holds something "
            f"else"
        )
    return path


def parts(path: Path) -> list[Path]:
    """Lists the files that are one artefact.

    Args:
        path: Path of the artefact.

    Returns:
        The path, and that of the weights that OpenVINO keeps beside it.
    """
    if path.suffix == ".xml":
        return [path, path.with_suffix(".bin")]
    return [path]


def size(path: Path) -> int:
    """Adds up the size of all files of an artefact.

    Args:
        path: Path of the artefact.

    Returns:
        Number of bytes.
    """
    return sum(file.stat().st_size for file in _files(path))


def sha256(path: Path) -> str:
    """Hashes a file, or the names and hashes of all files of a folder.

    Two files are hashed as if one followed the other.

    Args:
        path: Path of the artefact.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    if path.is_file():
        for part in _files(path):
            with part.open("rb") as file:
                hashlib.file_digest(file, lambda: digest)
        return digest.hexdigest()
    for file in _files(path):
        name = file.relative_to(path).as_posix()
        digest.update(f"{name} {sha256(file)}\n".encode())
    return digest.hexdigest()


def _files(path):
    if path.is_file():
        return [part for part in parts(path) if part.is_file()]
    return sorted(file for file in path.rglob("*") if file.is_file())


def _replaceable(path):
    return path.is_dir() and (
        (path / "saved_model.pb").exists() or not any(path.iterdir())
    )
