"""The wire format of protocol buffers, as far as weights need it.

A message is parsed one level at a time, and what is inside is a view of the
same memory: nothing is allocated by what a file declares. The format is that
of https://protobuf.dev/programming-guides/encoding.
"""

import numpy as np

# More than any network has layers; a field takes 200 bytes of memory.
_MAX_FIELDS = 1 << 16
_FIXED = {1: 8, 5: 4}


class Message:
    """The fields of a message by their numbers.

    Args:
        content: A `memoryview` of bytes.

    Raises:
        ValueError: If the bytes are no message.
    """

    def __init__(self, content: memoryview) -> None:
        self._fields = {}
        self._fixed = {}
        place, end, count = 0, len(content), 0
        while place < end:
            tag, place = _varint(content, place)
            number, kind = tag >> 3, tag & 7
            if not number:
                raise ValueError("a field without a number")
            if kind in _FIXED:
                size = _FIXED[kind]
                self._fixed.setdefault((number, size), bytearray()).extend(
                    _slice(content, place, size)
                )
                place += size
                continue
            count += 1
            if count > _MAX_FIELDS:
                raise ValueError(f"more than {_MAX_FIELDS} fields")
            value, place = _value(content, place, kind)
            self._fields.setdefault(number, []).append(value)

    def number(self, field: int, default: int = 0) -> int:
        """An integer, the last one that is given.

        Args:
            field: Number of the field.
            default: Its value where it is left out. Defaults to 0.

        Returns:
            The integer.
        """
        return ([default, *self.numbers(field)])[-1]

    def numbers(self, field: int) -> list[int]:
        """Integers, packed or not.

        Args:
            field: Number of the field.

        Returns:
            The integers.
        """
        found = []
        for value in self._fields.get(field, ()):
            if isinstance(value, int):
                found.append(value)
                continue
            place = 0
            while place < len(value):
                number, place = _varint(value, place)
                found.append(number)
                if len(found) > _MAX_FIELDS:
                    raise ValueError(f"more than {_MAX_FIELDS} integers")
        return found

    def text(self, field: int) -> str:
        """A string, the last one that is given, or `""`.

        Args:
            field: Number of the field.

        Returns:
            The string.
        """
        return (["", *self.texts(field)])[-1]

    def texts(self, field: int) -> list[str]:
        """Strings.

        Args:
            field: Number of the field.

        Returns:
            The strings.
        """
        return [str(value, "utf-8") for value in self._views(field)]

    def messages(self, field: int) -> list["Message"]:
        """Messages.

        Args:
            field: Number of the field.

        Returns:
            The messages.
        """
        return [Message(value) for value in self._views(field)]

    def message(self, field: int) -> "Message":
        """A message, the last one that is given, or an empty one.

        Args:
            field: Number of the field.

        Returns:
            The message.
        """
        return Message(([memoryview(b""), *self._views(field)])[-1])

    def floats(self, field: int, dtype: str = "<f4") -> np.ndarray:
        """Numbers with a fraction, packed or not.

        Args:
            field: Number of the field.
            dtype: `"<f4"` or `"<f8"`. Defaults to `"<f4"`.

        Returns:
            An array that shares memory with the file where it can.
        """
        parts = self._views(field)
        alone = self._fixed.get((field, np.dtype(dtype).itemsize))
        if alone:
            parts.append(alone)
        arrays = [np.frombuffer(part, dtype) for part in parts]
        return (
            arrays[0]
            if len(arrays) == 1
            else np.concatenate([np.empty(0, dtype), *arrays])
        )

    def _views(self, field):
        values = self._fields.get(field, ())
        if any(isinstance(value, int) for value in values):
            raise ValueError(f"an integer in field {field}")
        return list(values)


def _varint(content, place):
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(content):
            raise ValueError("the end of the file within a number")
        byte = content[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("a number of more than 64 bits")


def _value(content, place, kind):
    if kind == 0:
        return _varint(content, place)
    if kind == 2:
        size, place = _varint(content, place)
        return _slice(content, place, size), place + size
    raise ValueError(f"the wire type {kind}")


def _slice(content, place, size):
    if place + size > len(content):
        raise ValueError(
            f"{size} bytes declared where {len(content) - place} are left"
        )
    return content[place : place + size]
