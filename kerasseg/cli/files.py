"""Files and folders from what the user typed."""

import argparse
import glob
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from kerasseg import files
from kerasseg.cli.errors import UsageError
from kerasseg.cli.errors import one_line


def path_argument(text: str) -> Path:
    """A path that the user typed; the `type` of an argument.

    Args:
        text: The path. "~" and "~name" at its start are home folders.

    Returns:
        The path, which need not exist.

    Raises:
        argparse.ArgumentTypeError: If no file can have this path.
    """
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"must be a path, not {text!r}")
    try:
        path = files.user_path(text)
        os.lstat(path)
    except FileNotFoundError:
        return path
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(one_line(error)) from error
    return path


def name_argument(text: str) -> str:
    """A name, or a path that the user typed; the `type` of an argument.

    Args:
        text: The text.

    Returns:
        The text, with the home folder in the place of "~".

    Raises:
        argparse.ArgumentTypeError: If it can be neither.
    """
    path = path_argument(text)
    return str(path) if text.startswith("~") else text


def text_argument(text: str) -> str:
    """A text that the user typed; the `type` of an argument.

    Args:
        text: The text.

    Returns:
        The text.

    Raises:
        argparse.ArgumentTypeError: If there is nothing in it.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError(f"must be a text, not {text!r}")
    return text


def find_images(
    arguments: Iterable[str | os.PathLike],
) -> tuple[list[Path], list[Path]]:
    """The image files that files, folders and glob patterns stand for.

    A file is taken whatever its name; a folder and a pattern give the files
    with the name of an image, sorted, and no hidden ones. A file found twice
    is taken once.

    Args:
        arguments: Files, folders, and patterns such as `street/**/*.jpg`.

    Returns:
        The images, and what was found but is not the name of an image.

    Raises:
        UsageError: If an argument is no file, or stands for no image.
    """
    images, left_out = {}, {}
    for argument in arguments:
        path = Path(argument)
        if path.is_file():
            images[path] = None
            continue
        if path.is_dir():
            found = sorted(path.iterdir())
        elif glob.has_magic(str(path)):
            found = sorted(
                Path(p) for p in glob.iglob(str(path), recursive=True)
            )
        else:
            raise UsageError(f"no such file or folder: {argument}")
        taken = [p for p in found if _looks_like_image(p)]
        if not taken:
            what = "folder" if path.is_dir() else "pattern"
            raise UsageError(f"no images in the {what} {argument}")
        images.update(dict.fromkeys(taken))
        left_out.update(dict.fromkeys(p for p in found if p not in images))
    return list(images), list(left_out)


def stems(images: Iterable[Path]) -> dict[Path, str]:
    """One output name for each image, no two alike.

    Args:
        images: The image files.

    Returns:
        The file name without its suffix; where two images share it, with the
        suffix ("a_png"), and with a number if that is not enough.
    """
    images = list(images)
    counts = {}
    for path in images:
        counts[path.stem] = counts.get(path.stem, 0) + 1
    names, taken = {}, set()
    for path in images:
        alone = counts[path.stem] == 1
        base = path.stem if alone else f"{path.stem}_{path.suffix[1:]}"
        name, number = base, 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        names[path] = name
    return names


def make_folder(path: str | os.PathLike) -> Path:
    """A folder to write to, made if it is missing.

    Args:
        path: The folder.

    Returns:
        The folder as a `Path`.

    Raises:
        UsageError: If it cannot be made or written to.
    """
    folder = files.user_path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot make the folder {path}: {error.strerror}"
        ) from error
    try:
        # Not os.access(): it knows nothing of read-only and full disks.
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError as error:
        raise UsageError(
            f"cannot write to the folder {path}: {error.strerror}"
        ) from error
    return folder


def output_file(path: str | os.PathLike, suffix: str = "") -> Path:
    """A file to write to, checked before there is anything to write.

    Args:
        path: The file; missing folders above it are made.
        suffix: What its name must end in. Defaults to `""`: anything.

    Returns:
        The file as a `Path`.

    Raises:
        UsageError: If it is a folder, its folder cannot be written to, or
            its name ends in something else.
    """
    file = files.user_path(path)
    if not file.name.lower().endswith(suffix):
        raise UsageError(
            f"cannot write the file {path}: its name must end in {suffix}"
        )
    make_folder(file.parent)
    if file.is_dir():
        raise UsageError(f"cannot write the file {path}: it is a folder")
    if file.exists() and not file.is_file():
        raise UsageError(f"cannot write the file {path}: it is no regular file")
    return file


def _looks_like_image(path):
    named = path.suffix.lower() in files.IMAGE_SUFFIXES
    return named and not path.name.startswith(".") and path.is_file()
