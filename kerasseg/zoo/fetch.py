"""Weights files by entry: packaged, or downloaded once into the cache."""

from pathlib import Path
from pathlib import PurePosixPath
from urllib.parse import unquote
from urllib.parse import urlsplit

from kerasseg.files import cache_folder
from kerasseg.files import sha256
from kerasseg.zoo.download import MIRROR
from kerasseg.zoo.download import download
from kerasseg.zoo.download import mirror_of
from kerasseg.zoo.download import url_in
from kerasseg.zoo.entry import Entry
from kerasseg.zoo.errors import WeightsError

PACKAGED = Path(__file__).parent / "weights"


def weights_path(entry: Entry, mirror: str | None = None) -> Path:
    """Returns the path of an entry's weights file, fetched and verified.

    A packaged file is used where it lies. Any other is downloaded once into
    the cache folder, `weights` under the environment variable `KERASSEG_HOME`
    or under `kerasseg` in the user's cache folder: from a mirror, if there is
    one, else from the URL of the entry. The hash is computed on every call.
    Parallel calls are safe: each downloads under a name of its own, and a file
    appears in the cache when it is complete and verified.

    Args:
        entry: An entry with trained weights.
        mirror: URL of a folder with weights files by their names,
            `https://HOST/PATH` or `file:///PATH`; `http://` on this machine
            alone. Defaults to `None`, what the environment variable
            `KERASSEG_MIRROR` names, if anything.

    Returns:
        Path of the file.

    Raises:
        ValueError: If the entry has no trained weights, or `mirror` is no such
            URL.
        FileNotFoundError: If a packaged file is missing, and there is no
            mirror.
        WeightsError: If the hash of the file is not the entry's, or it has
            more than 1 GiB.
        ConnectionError: If the file cannot be downloaded.
    """
    mirror = mirror_of(mirror)
    if not entry.is_trained:
        raise ValueError(
            f"There are no trained weights yet for {entry.name!r}. Pass "
            "`weights=None` for random weights, or the path of a weights file."
        )
    path = PACKAGED / entry.weights
    if not entry.is_remote and path.is_file():
        check_sha256(path, entry.sha256, "Install kerasseg again.")
        return path
    path = _cached_path(entry)
    if not path.is_file():
        download(_source(entry, mirror), entry.sha256, path)
    advice = "Delete the file and load again to fetch it anew."
    check_sha256(path, entry.sha256, advice)
    return path


def check_sha256(path: str | Path, expected: str, advice: str = "") -> None:
    """Checks that a file has the expected SHA-256 hash.

    Args:
        path: Path of the file.
        expected: Hash in lower-case hexadecimal digits.
        advice: Sentence that ends the message, saying what to do. Defaults to
            `""`.

    Raises:
        WeightsError: If the hash differs. The message has both hashes.
    """
    found = sha256(path)
    if found != expected:
        raise WeightsError(
            f"The file {path} ({Path(path).stat().st_size} bytes) is "
            f"damaged or not the one that belongs here. Expected sha256 "
            f"{expected}, found sha256 {found}. {advice}".rstrip()
        )


def _cached_path(entry):
    # The hash is part of the name: a retrained model is a new file.
    name = f"{entry.sha256[:12]}-{_file_name(entry)}"
    return cache_folder() / "weights" / name


def _file_name(entry):
    if not entry.is_remote:
        return entry.weights
    return PurePosixPath(unquote(urlsplit(entry.weights).path)).name


def _source(entry, mirror):
    if mirror:
        return url_in(mirror, _file_name(entry))
    if entry.is_remote:
        return entry.weights
    raise FileNotFoundError(
        f"The weights of {entry.name!r} are missing from the package at "
        f"{PACKAGED / entry.weights}. Install kerasseg again, or let {MIRROR} "
        "name the URL of a folder that has them."
    )
