"""Values with one thing wrong, for tests of what reads files of others."""

import copy
import json

STRANGE = (
    None,
    True,
    False,
    0,
    -1,
    0.5,
    1 << 70,
    1e300,
    "",
    "x",
    "../../etc/passwd",
    "\x1b[31mred",
    "\ud800",
    "x" * 100_000,
    [],
    ["x"],
    [[[]]],
    {},
    {"x": 1},
)


def same(one, other):
    """Whether two values are the same for every reader of JSON."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            same(one[key], other[key]) for key in one
        )
    return one == other


def paths(value, prefix=()):
    """Where each value within a value is, and the value itself."""
    yield prefix
    items = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield from paths(item, (*prefix, key))


def at(value, path):
    """What is at a path."""
    for key in path:
        value = value[key]
    return value


def _with(content, path, change):
    """A copy of which the holder of a path's end was changed."""
    content = copy.deepcopy(content)
    change(at(content, path[:-1]), path[-1])
    return content


def _put(value):
    def put(holder, key):
        holder[key] = value

    return put


def _delete(holder, key):
    del holder[key]


def _rename(holder, key):
    holder[f"{key}_"] = holder.pop(key)


def near(value):
    """Values of the same kind that are nearly the same."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1, -value, 2 * value, value + 0.5]
    if isinstance(value, float):
        return [value + 1, -value, value / 2, value * (1 + 1e-9)]
    if isinstance(value, str):
        return [
            f"{value} ",
            value[1:],
            value[::-1],
            value.upper(),
            f"/{value}",
            f"{value}\n",
        ]
    if isinstance(value, list):
        return [value[::-1], value[1:], value * 2, [*value, None], [value]]
    if isinstance(value, dict):
        return [{**value, "x": 1}, [value]]
    return ["null"]


def edits(content):
    """Each value within a content, changed in each way: path and content."""
    for path in paths(content):
        if not path:
            continue
        old = at(content, path)
        for new in (*near(old), *STRANGE):
            if not same(old, new):
                yield path, _with(content, path, _put(new))
        yield path, _with(content, path, _delete)
        if isinstance(at(content, path[:-1]), dict):
            yield path, _with(content, path, _rename)


def draw(content, rng):
    """The text of a content with one to three things wrong, anywhere.

    Half of it is damaged as values, and half as the bytes of the file.
    """
    if rng.random() < 0.5:
        for _ in range(rng.integers(1, 4)):
            path = _choice(rng, [p for p in paths(content) if p] or [()])
            if not path:
                break
            new = _choice(rng, [*near(at(content, path)), *STRANGE])
            change = _choice(rng, [_put(new), _put(new), _delete])
            content = _with(content, path, change)
        return json.dumps(content).encode("utf-8", "surrogatepass")
    return damaged_bytes(json.dumps(content, indent=2).encode(), rng)


def damaged_bytes(content, rng):
    """Bytes that are cut, changed, repeated, or not those at all."""
    content = bytearray(content)
    kind = rng.integers(6)
    first, last = sorted(rng.integers(0, len(content) + 1, 2))
    if kind == 0:
        return bytes(content[:first])
    if kind == 1:
        return bytes(content[:first] + content[last:])
    if kind == 2:
        return bytes(content[:last] + content[first:])
    if kind == 3:
        return rng.bytes(int(rng.integers(0, 200)))
    for _ in range(rng.integers(1, 5)):
        where = rng.integers(len(content))
        if kind == 4:
            content[where] ^= 1 << int(rng.integers(8))
        else:
            content[where] = _choice(rng, list(b'{}[]",:0-.e\\ntf\x00\xff'))
    return bytes(content)


def _choice(rng, items):
    return items[rng.integers(len(items))]
