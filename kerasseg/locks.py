"""Locks between processes, which end with the process that holds them."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["lock"]

# What file systems without locks answer.
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


@contextlib.contextmanager
def lock(path: str | Path, wait: bool = True) -> Iterator[bool]:
    """Holds a lock file; a process that dies, however it dies, lets go of it.

    Args:
        path: Path of the lock file, which exists while the lock is held. Its
            folder must exist.
        wait: Whether to wait for another holder. Defaults to `True`.

    Returns:
        A context manager that yields whether the lock is held: `False` where
        the file system knows no locks.

    Raises:
        BlockingIOError: If another holds the lock and `wait` is `False`.
        OSError: If the lock file cannot be made.

    Example:

    >>> with lock("run/.lock", wait=False):
    ...     train()
    """
    path = Path(path)
    file, held = _acquire(path, wait)
    try:
        yield held
    finally:
        # While it is held, so that nobody's new lock file is deleted. Windows
        # deletes no open file; there it stays, unlocked.
        if held:
            with contextlib.suppress(OSError):
                path.unlink()
        os.close(file)


def _acquire(path, wait):
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            held = _lock(file, wait)
            # The holder before may have deleted this file while we waited.
            if not held or _is_at(file, path):
                return file, held
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _is_at(file, path):
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False


def _lock(file, wait):
    try:
        _lock_file(file, wait)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            raise BlockingIOError(error.errno, "held by another") from error
        if error.errno in _UNSUPPORTED:
            return False
        raise
    return True


if os.name == "nt":
    import msvcrt

    def _lock_file(file, wait):
        # LK_LOCK gives up after ten attempts, a second apart each.
        mode = msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK
        msvcrt.locking(file, mode, 1)

else:
    import fcntl

    def _lock_file(file, wait):
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
