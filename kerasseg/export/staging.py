"""Artefacts that appear at their path whole or not at all."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path


@contextlib.contextmanager
def staging_folder(path: Path):
    """Makes a hidden temporary folder on the file system of `path`.

    Args:
        path: Where the artefact will go. Missing parent folders are created
            only once the artefact is placed.

    Yields:
        The temporary folder; it is gone when the block ends, however it ends.

    Raises:
        ValueError: If nothing can be written there.
    """
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        staged = tempfile.mkdtemp(prefix=f".{path.name}.", dir=folder)
    except OSError as error:
        raise ValueError(
            f"`path` must be in a writable folder ({error.strerror}). "
            f"Received: path={str(path)!r}"
        ) from error
    try:
        yield Path(staged)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def place(staged: Path, moves) -> None:
    """Moves finished artefacts to their paths, all of them or none.

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
            backup = staged / f"previous-{index}"
            undo.append((target, backup, target.exists()))
            _keep(target, backup)
            os.replace(source, target)
    except BaseException:
        for target, backup, existed in reversed(undo):
            _restore(target, backup, existed)
        raise


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
