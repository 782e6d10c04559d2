"""The file or folder that an exporter writes, whole or not at all."""

import contextlib
import hashlib
import os
import shutil
from pathlib import Path

from kerasseg.files import dead_temporaries
from kerasseg.files import is_temporary_of
from kerasseg.files import read_json
from kerasseg.files import sha256 as hash_of
from kerasseg.files import temporary_name

_PREVIOUS = "previous-{}"
# What each sidecar has had since the first.
_SIDECAR = {"schema", "format", "sha256", "input", "output"}
_SAVED_MODEL = {
    *("saved_model.pb", "fingerprint.pb", "keras_metadata.pb"),
    *("variables", "assets", "assets.extra"),
}


def checked_path(path, form) -> Path:
    """Refuses a path that the artifact must not go to.

    Args:
        path: Path that the user gave.
        form: The `Format` to write.

    Returns:
        The absolute path.

    Raises:
        ValueError: If its end is another format's, or something else than
            an older artifact is there.
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
    beside = sidecar_path(path)
    if os.path.lexists(beside) and not _is_sidecar(beside):
        raise ValueError(
            f"`path` must leave {beside.name!r}, which is there already and "
            f"is no sidecar of an exported file. Received: path={str(path)!r}"
        )
    return path


def sidecar_path(path) -> Path:
    """Names the sidecar of an artifact.

    Args:
        path: Path of the exported file or folder.

    Returns:
        The path with `.json` appended: `mine.tflite.json`.
    """
    path = Path(path)
    return path.with_name(path.name + ".json")


def _is_sidecar(path):
    """Whether a file is one that an exporter wrote, perhaps an edited one."""
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and _SIDECAR.issubset(content)


def parts(path: Path) -> list[Path]:
    """Lists the files that are one artifact.

    Args:
        path: Path of the artifact.

    Returns:
        The path, and that of the weights that OpenVINO keeps beside it.
    """
    if path.suffix == ".xml":
        return [path, path.with_suffix(".bin")]
    return [path]


def size(path: Path) -> int:
    """Adds up the size of all files of an artifact.

    Args:
        path: Path of the artifact.

    Returns:
        Number of bytes.
    """
    return sum(file.stat().st_size for file in _files(path))


def sha256(path: Path) -> str:
    """Hashes a file, or the names and hashes of all files of a folder.

    Two files are hashed as if one followed the other.

    Args:
        path: Path of the artifact.

    Returns:
        64 hexadecimal digits.
    """
    if path.is_file():
        return hash_of(*_files(path))
    digest = hashlib.sha256()
    for file in _files(path):
        name = file.relative_to(path).as_posix()
        digest.update(f"{name} {sha256(file)}\n".encode())
    return digest.hexdigest()


@contextlib.contextmanager
def staging_folder(path: Path):
    """Makes a hidden temporary folder on the file system of `path`.

    Args:
        path: Where the artifact will go. Missing parent folders are created
            only once the artifact is placed.

    Yields:
        The temporary folder; it is gone when the block ends, however it ends.

    Raises:
        ValueError: If nothing can be written there.
    """
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    staged = folder / temporary_name(path)
    try:
        _remove_dead(folder, path)
        staged.mkdir(mode=0o700)
    except OSError as error:
        raise ValueError(
            f"`path` must be in a writable folder ({error.strerror}). "
            f"Received: path={str(path)!r}"
        ) from error
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _remove_dead(folder, path):
    """Deletes what killed exports left, after a last look for old content."""
    ends = [*parts(path), sidecar_path(path)]
    for dead in dead_temporaries(folder):
        if not dead.is_dir() or dead.is_symlink():
            continue
        same = is_temporary_of(path, dead.name)
        for index, target in enumerate(ends if same else ()):
            # Killed after an old folder had left its place.
            backup = dead / _PREVIOUS.format(index)
            if backup.is_dir() and not os.path.lexists(target):
                os.replace(backup, target)
        shutil.rmtree(dead, ignore_errors=True)


def place(staged: Path, moves) -> None:
    """Moves finished artifacts to their paths, all of them or none.

    Each path keeps its old content until the new one takes its place; if a
    later move fails or is interrupted, the earlier ones are undone.

    Args:
        staged: The staging folder, which also holds the old content for as
            long as it may be needed.
        moves: Sequence of `(source, target)` paths on one file system.
    """
    undo = []
    try:
        for index, (source, target) in enumerate(moves):
            target.parent.mkdir(parents=True, exist_ok=True)
            backup = staged / _PREVIOUS.format(index)
            undo.append((target, backup, target.exists()))
            _keep(target, backup)
            os.replace(source, target)
    except BaseException:
        for target, backup, existed in reversed(undo):
            _restore(target, backup, existed)
        raise


def _files(path):
    if path.is_file():
        return [part for part in parts(path) if part.is_file()]
    return sorted(file for file in path.rglob("*") if file.is_file())


def _replaceable(path):
    if not path.is_dir():
        return False
    names = {part.name for part in path.iterdir()}
    if not names:
        return True
    # What TensorFlow writes, and nothing of somebody else.
    variables = path / "variables"
    return (
        "saved_model.pb" in names
        and names <= _SAVED_MODEL
        and (
            not variables.is_dir()
            or all(
                part.name.startswith("variables.")
                for part in variables.iterdir()
            )
        )
    )


def _keep(target, backup):
    if target.is_dir():
        os.replace(target, backup)  # A full folder cannot be replaced.
    elif target.exists():
        try:
            os.link(target, backup)
        except OSError:
            shutil.copy2(target, backup)


def _restore(target, backup, existed):
    if existed and not backup.exists():
        return  # Interrupted before anything happened to it.
    if target.is_dir():
        shutil.rmtree(target, ignore_errors=True)
    if existed:
        os.replace(backup, target)
    else:
        target.unlink(missing_ok=True)
