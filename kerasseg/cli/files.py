"""Files and folders from what the user typed."""

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from kerasseg.cli.mistakes import UserMistake

IMAGE_SUFFIXES = (
    ".bmp",
    ".gif",
    ".jpeg",
    ".jpg",
    ".png",
    ".ppm",
    ".tif",
    ".tiff",
    ".webp",
)


def find_images(arguments: Iterable[str]) -> tuple[list[Path], list[Path]]:
    """The image files that files, folders and glob patterns stand for.

    A file is taken whatever its name; a folder and a pattern give the files
    with the name of an image, sorted. A file found twice is taken once.

    Args:
        arguments: Files, folders, and patterns such as `street/**/*.jpg`.

    Returns:
        The images, and what was found but is not the name of an image.

    Raises:
        UserMistake: If an argument is no file, or stands for no image.
    """
    images, left_out = {}, {}
    for argument in arguments:
        path = Path(argument).expanduser()
        if path.is_file():
            images[path] = None
            continue
        if path.is_dir():
            found = sorted(path.iterdir())
        elif glob.has_magic(argument):
            found = sorted(
                Path(p) for p in glob.iglob(str(path), recursive=True)
            )
        else:
            raise UserMistake(f"no such file or folder: {argument}")
        taken = [p for p in found if _looks_like_image(p)]
        if not taken:
            what = "folder" if path.is_dir() else "pattern"
            raise UserMistake(f"no images in the {what} {argument}")
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
        UserMistake: If it cannot be made or written to.
    """
    folder = Path(path).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserMistake(
            f"cannot make the folder {path}: {error.strerror}"
        ) from error
    if not os.access(folder, os.W_OK):
        raise UserMistake(f"cannot write to the folder {path}")
    return folder


def _looks_like_image(path):
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
