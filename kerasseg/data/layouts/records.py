"""Files of annotations: read, checked, and the image that each tells of."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from kerasseg.data.image import ImageReadError
from kerasseg.files import IMAGE_SUFFIXES
from kerasseg.files import read_json

_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)


def read_record(path: Path, *keys: str) -> dict[str, Any]:
    """A JSON file that holds an object with some keys.

    NaN is taken, which programs write into fields that nobody reads here: who
    reads a number checks it.

    Args:
        path: The file.
        *keys: Keys that it must have.

    Returns:
        The object.

    Raises:
        ValueError: If the file cannot be read, is no JSON, as of
            `kerasseg.files.read_json`, or lacks a key.
    """
    try:
        content = read_json(path, nan=True)
    except OSError as error:
        raise ValueError(f"Cannot read {path}: {error}") from error
    missing = [
        key
        for key in keys
        if not isinstance(content, dict) or key not in content
    ]
    if missing:
        raise ValueError(
            f"{path} must hold an object with {', '.join(keys)}. "
            f"It has no {missing[0]!r}."
        )
    return content


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height of an image as it is shown, its EXIF orientation heeded.

    Args:
        path: The image.

    Returns:
        `(width, height)` in pixels.

    Raises:
        ImageReadError: If the file is missing or no image.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(_ORIENTATION) in _SIDEWAYS
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageReadError(f"Cannot read {path}: {error}") from error
    return (height, width) if turned else (width, height)


def check_size(source, declared, image: Path) -> None:
    """Refuses shapes that were drawn on an image of another size.

    Args:
        source: File that the shapes come from, for the message.
        declared: `(width, height)` in pixels as that file has them, in numbers
            or texts; `None` for one that it does not have.
        image: The image.

    Raises:
        ValueError: If the size is another one than `upright_size`.
    """
    actual = upright_size(image)
    if any(
        value is not None and str(value) not in (str(side), f"{side}.0")
        for value, side in zip(declared, actual, strict=True)
    ):
        raise ValueError(
            f"{source} must hold shapes that were drawn on the image as it is. "
            f"Received: {declared[0]}x{declared[1]} pixels there, and "
            f"{actual[0]}x{actual[1]} of {image} as it is shown"
        )


def find_image(name: str, folders: Iterable[Path]) -> Path | None:
    """The image of a name, in the first folder that has it.

    Args:
        name: File name, perhaps with folders in the manner of Windows; it
            may lack its suffix.
        folders: Where to look.

    Returns:
        The path, or `None`.
    """
    relative = Path(name.replace("\\", "/"))
    for folder in folders:
        if (folder / relative).is_file():
            return folder / relative
        for suffix in IMAGE_SUFFIXES:
            path = folder / f"{relative}{suffix}"
            if path.is_file():
                return path
    return None
