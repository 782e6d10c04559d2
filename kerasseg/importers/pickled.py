"""Lists of tensors that `torch.save` wrote, without unpickling.

A pickle is a program. Here none is run: its operations are read one by one,
and those that a list of tensors needs build dictionaries and lists. The few
functions of PyTorch that such a list names are known by their names and are
not called; any other name is refused.
"""

import dataclasses
import math
import pickletools
import re
from typing import Any

# Kinds of numbers by the name of their storage.
_DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "|b1",
}
_REBUILD = {"torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor"}
_PARAMETER = "torch._utils _rebuild_parameter"
_ORDERED = "collections OrderedDict"
_KNOWN = {*_REBUILD, _PARAMETER, _ORDERED, "torch Size"}
_KNOWN |= {f"torch {name}" for name in _DTYPES}
_MARK = object()
_MAX_RANK = 8


class NumbersError(ValueError):
    """Numbers of a type that is not read, which is the message."""


@dataclasses.dataclass(frozen=True)
class Storage:
    """A block of numbers that tensors are parts of.

    Args:
        key: Its name in the file.
        dtype: Type of its numbers, as NumPy writes it.
        size: How many there are.
    """

    key: str
    dtype: str
    size: int


@dataclasses.dataclass(frozen=True)
class Stored:
    """A tensor as part of a storage.

    Args:
        storage: The storage.
        start: Where it starts, in numbers.
        shape: Its shape.
        strides: The distance of neighbors along each axis, in numbers.
    """

    storage: Storage
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __post_init__(self):
        numbers = (self.start, *self.shape, *self.strides)
        if not all(type(n) is int and n >= 0 for n in numbers):
            raise ValueError(f"a tensor of shape {self.shape}")
        if not len(self.shape) == len(self.strides) <= _MAX_RANK:
            raise ValueError(f"a tensor of {len(self.shape)} axes")
        sides = zip(self.shape, self.strides, strict=True)
        last = self.start + sum((n - 1) * step for n, step in sides)
        if math.prod(self.shape) and last >= self.storage.size:
            raise ValueError(
                f"a tensor of shape {self.shape} beyond its "
                f"{self.storage.size} numbers"
            )


@dataclasses.dataclass(frozen=True)
class _Name:
    """A function or class that a pickle names."""

    name: str


def read_pickle(file) -> Any:
    """Reads one pickle.

    Args:
        file: A binary file, read up to the end of the pickle.

    Returns:
        Numbers, texts, lists, tuples and dictionaries, with a `Stored` for
        each tensor.

    Raises:
        ValueError: If it needs anything else; the message names it.
        NumbersError: If that is a type of numbers.
    """
    machine = _Machine()
    for operation, value, _ in pickletools.genops(file):
        machine.step(operation.name, value)
    return machine.result()


class _Machine:
    """The stack and the memo of a pickle."""

    def __init__(self):
        self._stack = []
        self._memo = {}

    def result(self):
        (value,) = self._stack
        return value

    def step(self, name, value):
        if name in _IGNORED:
            return
        if name in _PUSHED:
            self._stack.append(value)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name]())
        elif name in _TUPLES:
            count = _TUPLES[name]
            self._stack[-count:] = [tuple(self._stack[-count:])]
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self._memo[value] = self._stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = self._stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            self._stack.append(self._memo[value])
        elif name in _OPERATIONS:
            _OPERATIONS[name](self, value)
        else:
            raise ValueError(f"the operation {name}")

    def _pop(self):
        return self._stack.pop()

    def _since_mark(self):
        for place in range(len(self._stack) - 1, -1, -1):
            if self._stack[place] is _MARK:
                items = self._stack[place + 1 :]
                del self._stack[place:]
                return items
        raise ValueError("a mark is missing")

    def _global(self, value):
        kind = re.fullmatch(r"torch (\w+)Storage", value)
        if kind and value not in _KNOWN:
            raise NumbersError(kind[1])
        if value not in _KNOWN:
            raise ValueError(
                f"it names {value.replace(' ', '.')}, which a pickle would run"
            )
        self._stack.append(_Name(value))

    def _stack_global(self, value):
        name, module = self._pop(), self._pop()
        self._global(f"{module} {name}")

    def _reduce(self, value):
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, _Name) or not isinstance(arguments, tuple):
            raise ValueError("a call of what is no function")
        self._stack.append(_call(function.name, arguments))

    def _storage(self, value):
        kind, name, key, _, size, *view = self._pop()
        dtype = _DTYPES.get(getattr(name, "name", "").removeprefix("torch "))
        if kind != "storage" or dtype is None or type(size) is not int:
            raise ValueError(f"a storage of the kind {kind!r}")
        # PyTorch before 0.4 had storages that begin within another one.
        if any(part is not None for part in view):
            raise ValueError("a storage that is a part of another one")
        self._stack.append(Storage(str(key), dtype, size))

    def _set_items(self, value):
        items = self._since_mark()
        _dictionary(self._stack[-1]).update(
            zip(items[::2], items[1::2], strict=True)
        )

    def _set_item(self, value):
        item, key = self._pop(), self._pop()
        _dictionary(self._stack[-1])[key] = item

    def _append(self, value):
        item = self._pop()
        _list(self._stack[-1]).append(item)

    def _appends(self, value):
        items = self._since_mark()
        _list(self._stack[-1]).extend(items)

    def _tuple(self, value):
        self._stack.append(tuple(self._since_mark()))

    def _list_since(self, value):
        self._stack.append(self._since_mark())

    def _build(self, value):
        # Attributes of a dictionary, such as the versions of its modules.
        self._pop()
        _dictionary(self._stack[-1])

    def _pop_step(self, value):
        self._pop()


_IGNORED = {"PROTO", "FRAME", "STOP"}
_PUSHED = {
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE"),
    *("BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4"),
    *("BINFLOAT", "FLOAT", "BINSTRING", "SHORT_BINSTRING", "STRING"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}
_CONSTANTS = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "MARK": lambda: _MARK,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_OPERATIONS = {
    "GLOBAL": _Machine._global,
    "STACK_GLOBAL": _Machine._stack_global,
    "REDUCE": _Machine._reduce,
    "BINPERSID": _Machine._storage,
    "SETITEMS": _Machine._set_items,
    "SETITEM": _Machine._set_item,
    "APPEND": _Machine._append,
    "APPENDS": _Machine._appends,
    "TUPLE": _Machine._tuple,
    "LIST": _Machine._list_since,
    "BUILD": _Machine._build,
    "POP": _Machine._pop_step,
}


def _call(name, arguments):
    """What a known function would return."""
    if name in _REBUILD:
        storage, start, shape, strides, *rest = arguments
        if not isinstance(storage, Storage):
            raise ValueError("a tensor without a storage")
        # Behind gradients and hooks: signs that are turned as it is read.
        if any(rest[2:]):
            raise ValueError(f"a tensor that is marked by {rest[2:]}")
        return Stored(storage, start, tuple(shape), tuple(strides))
    if name == _PARAMETER:
        return arguments[0]
    if name == _ORDERED:
        pairs = arguments[0] if arguments else ()
        return dict(pairs)
    if name == "torch Size":
        return tuple(arguments[0])
    raise ValueError(f"a call of {name.replace(' ', '.')}")


def _dictionary(value):
    if not isinstance(value, dict):
        raise ValueError("items put into what is no dictionary")
    return value


def _list(value):
    if not isinstance(value, list):
        raise ValueError("items appended to what is no list")
    return value
