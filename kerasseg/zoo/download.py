"""One file from a URL, whole and with the hash that is known, or not at all."""

import http.client
import logging
import os
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote
from urllib.parse import urlsplit

from kerasseg.files import atomic_file
from kerasseg.files import sha256
from kerasseg.zoo.errors import WeightsError
from kerasseg.zoo.errors import shown

MIRROR = "KERASSEG_MIRROR"
TIMEOUT = 30
# The largest entry has 163 M parameters: 0.65 GB in float32.
MOST_BYTES = 1 << 30

_CHUNK = 1 << 20
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
# A full disk is another OSError, and no network error.
_UNREACHABLE = (
    urllib.error.URLError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
)

_logger = logging.getLogger(__name__)


def mirror_of(mirror: str | None = None) -> str | None:
    """The mirror to fetch weights from.

    Args:
        mirror: What the caller gave. Defaults to `None`.

    Returns:
        It, or what the environment variable `KERASSEG_MIRROR` names, without a
        slash at its end; or `None`.

    Raises:
        ValueError: If it is no URL of a folder on `https:` or `file:`, or on
            `http:` of this very machine.
    """
    name = "`mirror`" if mirror else MIRROR
    mirror = mirror or os.environ.get(MIRROR)
    if not mirror:
        return None
    if not _is_folder(mirror):
        raise ValueError(
            f"{name} must be the URL of a folder, https://HOST/PATH or "
            "file:///PATH, or http:// on this machine alone. Received: "
            f"{shown(mirror)!r}"
        )
    return mirror.rstrip("/")


def url_in(mirror: str, file: str) -> str:
    """The URL of a file of a mirror.

    Args:
        mirror: What `mirror_of` returned.
        file: Name of the file.

    Returns:
        The URL.
    """
    return f"{mirror}/{quote(file)}"


def download(url: str, expected: str, path: Path) -> None:
    """Downloads a file.

    It is written under a temporary name, and takes its place when it is
    complete and has the expected hash. Redirections lead to `https:` only,
    or on this machine from `http:` to `http:`.

    Args:
        url: The URL: `https:`, `http:` or `file:`.
        expected: SHA-256 hash of the file.
        path: Where to write it.

    Raises:
        WeightsError: If the file is too large, or has another hash.
        ConnectionError: If it cannot be had.
    """
    _logger.info("Downloading %s to %s", url, path)
    opener = urllib.request.build_opener(_Redirections)
    try:
        with (
            atomic_file(path) as temporary,
            opener.open(url, timeout=TIMEOUT) as response,
        ):
            _copy(response, temporary, url)
            _check(temporary, expected, url)
    except _UNREACHABLE as error:
        raise ConnectionError(
            f"A file could not be downloaded from {url}: "
            f"{getattr(error, 'reason', error)}. Check the network and try "
            f"again, or bring the file (sha256 {expected}) to {path} by hand."
        ) from error


def _copy(response, path, url):
    size = 0
    with open(path, "wb") as file:
        while chunk := response.read(_CHUNK):
            size += len(chunk)
            if size > MOST_BYTES:
                raise WeightsError(
                    f"The file at {url} must have at most {MOST_BYTES} bytes; "
                    "it has more, and was deleted"
                )
            file.write(chunk)
    wanted = response.headers.get("Content-Length")
    if (wanted or "").isdecimal() and size < int(wanted):
        raise ConnectionError(f"it broke off after {size} of {wanted} bytes")


def _check(path, expected, url):
    found = sha256(path)
    if found != expected:
        raise WeightsError(
            f"The file {path} ({path.stat().st_size} bytes) is damaged or not "
            f"the one that belongs here. Expected sha256 {expected}, found "
            f"sha256 {found}. It came from {url} and was deleted. Try again; "
            "if the hashes differ again, the file was changed at its source or "
            "on the way."
        )


def _is_folder(url):
    try:
        parts = urlsplit(url)
        if parts.query or parts.fragment or "@" in parts.netloc:
            return False
        if parts.scheme == "file":
            return parts.netloc in ("", "localhost") and bool(parts.path)
        return bool(parts.hostname) and _is_safe(parts)
    except ValueError:
        return False


def _is_safe(parts):
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    return parts.scheme == "https" or local


class _Redirections(urllib.request.HTTPRedirectHandler):
    """Follows no redirection to files of this machine, nor to plain HTTP."""

    def redirect_request(self, request, file, code, message, headers, url):
        before, after = urlsplit(request.full_url), urlsplit(url)
        if after.scheme != "https" and not (
            before.scheme == "http" and _is_safe(after)
        ):
            raise urllib.error.URLError(
                f"redirected to {shown(url)}, which is not on https"
            )
        return super().redirect_request(
            request, file, code, message, headers, url
        )
