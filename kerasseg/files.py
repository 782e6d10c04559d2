"""Files: written whole or not at all, their hash, the user's cache folder."""

import contextlib
import functools
import hashlib
import json
import math
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

__all__ = [
    "IMAGE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "atomic_file",
    "atomic_json",
    "cache_folder",
    "dead_temporaries",
    "is_temporary_of",
    "json_text",
    "no_empty_folder",
    "read_json",
    "remove_temporaries",
    "sha256",
    "strict_json",
    "temporary_name",
    "user_path",
]

# What is taken for an image by its name, in lower case.
IMAGE_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".bmp",
    ".tif",
    ".tiff",
    ".webp",
    ".gif",
    ".ppm",
    ".npy",
)

# The containers that a video is written to.
VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm")

# The end of a temporary name: random digits and, where the system tells them,
# the machine since it was started, the process, and when that began.
TOKEN = r"[0-9a-f]{16}(?:-[0-9a-f]{8}-\d{1,10}-\d{1,20})?"
_OWNED = re.compile(
    r"\..*\.[0-9a-f]{16}-([0-9a-f]{8})-(\d{1,10})-(\d{1,20})(?:\..*)?"
)
# Folders in which this process has looked for what killed ones left.
_swept = set()


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Gives a temporary name that replaces `path` when the block succeeds.

    The temporary file lies in the folder of `path` under a name of its own
    with the same suffix, so that parallel writers do not meet and the last
    step is a rename. If the block raises, the temporary file is deleted and
    `path` is left as it was. What killed processes of this machine left in
    the folder is deleted the first time that this process writes there.

    Args:
        path: Path of the file to write. Missing folders are created.

    Returns:
        A context manager that yields the temporary path.

    Example:

    >>> with atomic_file("notes.txt") as temporary:
    ...     temporary.write_text("complete or absent")
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent)
    temporary = path.with_name(temporary_name(path))
    try:
        yield temporary
        # To read and write: Windows syncs nothing else.
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        # Of a full disk the system names no file, and else the temporary one.
        if error.errno and error.filename in (None, str(temporary)):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporaries(path: str | Path) -> None:
    """Deletes what killed writers of `atomic_file` left beside a file.

    Only while no other writer of that file is under way.

    Args:
        path: Path of the file that they wrote.
    """
    path = Path(path)
    for other in path.parent.glob(".*"):
        if is_temporary_of(path, other.name):
            other.unlink(missing_ok=True)


def is_temporary_of(path: str | Path, name: str) -> bool:
    """Whether a name is a `temporary_name` of a path, of any process.

    Args:
        path: Path that was to be written.
        name: The name.

    Returns:
        The answer.
    """
    stem, suffix = map(re.escape, _short_name(Path(path)))
    return re.fullmatch(rf"\.{stem}\.{TOKEN}{suffix}", name) is not None


def _short_name(path):
    # Short enough for a name, whatever the length of the name of `path`.
    return path.stem[:24], path.suffix[:16]


def temporary_name(path: str | Path) -> str:
    """A hidden name that no other process takes, and that tells whose it is.

    Args:
        path: Path that will be written.

    Returns:
        The name, with the suffix of `path`.
    """
    stem, suffix = _short_name(Path(path))
    token = secrets.token_hex(8)
    began = _began(os.getpid())
    if _machine() is not None and began is not None:
        token = f"{token}-{_machine()}-{os.getpid()}-{began}"
    return f".{stem}.{token}{suffix}"


def dead_temporaries(folder: str | Path) -> list[Path]:
    """Finds what killed processes left in a folder.

    Args:
        folder: Path of the folder.

    Returns:
        Paths that have a `temporary_name` of a process of this machine that
        has ended. None where the system does not tell, or after a restart of
        the machine.
    """
    machine = _machine()
    if machine is None:
        return []
    found = []
    for name in os.listdir(folder):
        owner = _OWNED.fullmatch(name)
        if owner and owner[1] == machine and _began(owner[2]) != owner[3]:
            found.append(Path(folder, name))
    return found


def _sweep(folder):
    place = os.path.realpath(folder)
    if place in _swept:
        return
    _swept.add(place)
    with contextlib.suppress(OSError):
        for path in dead_temporaries(place):
            if not path.is_dir():
                path.unlink(missing_ok=True)


@functools.cache
def _machine():
    """Digits for this machine since it started; `None` if not on Linux.

    Process numbers are those of a container, so that counts too.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_bytes()
        processes = os.readlink("/proc/self/ns/pid").encode()
    except OSError:
        return None
    return hashlib.sha256(boot + processes).hexdigest()[:8]


def _began(process):
    """When a process began, in the clock of the system; `None` if it ended."""
    try:
        text = Path(f"/proc/{process}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # The name of the program, in parentheses, can hold anything.
    state, *rest = text.rpartition(")")[2].split()
    return None if state in "ZX" else rest[18]


@contextlib.contextmanager
def no_empty_folder(path: str | Path) -> Iterator[None]:
    """Removes a folder where the block fails and leaves it new and empty.

    Args:
        path: Path of the folder; those above it are removed likewise.

    Returns:
        A context manager.
    """
    path = Path(path)
    new = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for folder in new:
                folder.rmdir()
        raise


def atomic_json(path: str | Path, content) -> None:
    """Writes a JSON file, whole or not at all.

    Args:
        path: Path of the file. Missing folders are created.
        content: What to write; see `json_text`.
    """
    text = json_text(content)
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def json_text(content) -> str:
    """JSON that every reader takes.

    Args:
        content: Dictionaries, lists, texts, numbers, truth values and `None`.
            Floats that JSON has no form for (NaN, infinities) become `null`.

    Returns:
        The text, indented, with a newline at its end.
    """
    return json.dumps(_finite(content), indent=2, allow_nan=False) + "\n"


def _finite(content):
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content


def read_json(path: str | Path, nan: bool = False):
    """The content of a JSON file.

    Args:
        path: Path of the file.
        nan: Whether NaN and infinities are taken, as Python's own writer and
            others that follow it write them. Defaults to `False`.

    Returns:
        Dictionaries, lists, texts, numbers, truth values and `None`.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not strict JSON, which knows no NaN, names a
            field twice, or is nested too deeply; the message names the
            file.
    """
    try:
        return strict_json(Path(path).read_text(encoding="utf-8"), nan)
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error


def strict_json(text: str | bytes, nan: bool = False):
    """The content of a text of JSON.

    Args:
        text: The text, or what `json.loads` takes for one.
        nan: Whether NaN and infinities are taken. Defaults to `False`.

    Returns:
        Dictionaries, lists, texts, numbers, truth values and `None`.

    Raises:
        ValueError: If it is not strict JSON, as of `read_json`.
    """
    try:
        return json.loads(
            text,
            parse_constant=float if nan else _refuse_constant,
            object_pairs_hook=_without_repetition,
        )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _without_repetition(pairs):
    # Of two values some readers take the first, and others the last.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _refuse_constant(name):
    raise ValueError(f"{name} is no number of JSON")


def sha256(*paths: str | Path) -> str:
    """The SHA-256 hash of a file.

    Args:
        *paths: Path of the file. Several are hashed as if one followed the
            other.

    Returns:
        64 lower-case hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def cache_folder() -> Path:
    """The folder in which kerasseg keeps what it has fetched.

    Returns:
        The folder that the environment variable `KERASSEG_HOME` names, else
        `kerasseg` in the user's cache folder (`XDG_CACHE_HOME`, else
        `~/.cache`). It need not exist.
    """
    home = os.environ.get("KERASSEG_HOME")
    if home:
        return user_path(home)
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return user_path(cache) / "kerasseg"


def user_path(path: str | Path) -> Path:
    """A path with the home folder in the place of "~" or "~name".

    Args:
        path: The path as a user writes it.

    Returns:
        The path.

    Raises:
        ValueError: If there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{path}: the home folder is not known.") from error
