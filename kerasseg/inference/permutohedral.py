"""Gaussian filtering in several dimensions, on a permutohedral lattice."""

import numpy as np


class PermutohedralLattice:
    """Sums of values over all points, weighted by how near the points are.

    Approximates, for all points at once and in time linear in their number,
    `sum_j exp(-|f_i - f_j|^2 / 2) v_j`. Values are splatted onto the corners of
    the simplex that encloses their point, the lattice is blurred along each of
    its axes, and the sums are read off at the points, which each belong to
    their own sum.

    Args:
        features: Float array `(points, dimensions)`: positions in units of the
            standard deviation of the Gaussian.

    Raises:
        ImportError: If SciPy is not installed (extra `crf`).
        ValueError: If the points are too far apart to be numbered.

    Reference:
        Adams, Baek and Davis, 2010, "Fast High-Dimensional Filtering Using the
        Permutohedral Lattice".

    Example:

    >>> lattice = PermutohedralLattice(positions / 3.0)
    >>> near = lattice.filter(np.ones((len(positions), 1)))
    """

    def __init__(self, features) -> None:
        features = np.asarray(features, dtype="float64")
        corners, weights = _enclosing_simplex(_elevated(features))
        keys, places = _distinct(corners)
        self._slice = _sparse(weights, places, len(keys))
        self._splat = self._slice.T.tocsr()
        self._blurs = _blurs(keys)
        # The blur adds up to more than a Gaussian does.
        self._scale = np.float32(1 / (1 + 2.0 ** -features.shape[1]))

    def filter(self, values):
        """The weighted sums.

        Args:
            values: Float array `(points, channels)`.

        Returns:
            Float32 array `(points, channels)`.
        """
        found = self._splat @ np.asarray(values, dtype="float32")
        for blur in self._blurs:
            found = blur @ found
        return (self._slice @ found) * self._scale


def _elevated(features):
    """Points on the plane of `dimensions + 1` coordinates that sum to 0."""
    count, d = features.shape
    numbers = np.arange(1, d + 1)
    scaled = features * (d + 1) * np.sqrt(2 / 3 / (numbers * (numbers + 1)))
    # Coordinate i: the scaled ones from i on, less i times the one before.
    sums = np.cumsum(scaled[:, ::-1], axis=1)[:, ::-1]
    elevated = np.zeros((count, d + 1))
    elevated[:, :-1] = sums
    elevated[:, 1:] -= numbers * scaled
    return elevated


def _enclosing_simplex(elevated):
    """The corners around each point, and its barycentric coordinates.

    Returns:
        Integers `(points, dimensions + 1, dimensions)`, the last coordinate of
        a corner following from the rest, and floats
        `(points, dimensions + 1)`.
    """
    count, size = elevated.shape
    nearest = np.rint(elevated / size).astype("int64") * size
    rest = elevated - nearest
    order = np.argsort(-rest, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(size)[np.newaxis], axis=1)
    # Rounding leaves the plane by a few steps: undo those that went furthest.
    rank += nearest.sum(axis=1, keepdims=True) // size
    low, high = rank < 0, rank >= size
    nearest += size * low.astype("int64") - size * high
    rank += size * low.astype("int64") - size * high
    weights = _barycentric((elevated - nearest) / size, rank)
    color = np.arange(size)[np.newaxis, :, np.newaxis]
    step = color - size * (rank[:, np.newaxis] > size - 1 - color)
    corners = nearest[:, np.newaxis] + step
    return corners[..., :-1], weights


def _barycentric(rest, rank):
    count, size = rest.shape
    ordered = np.empty_like(rest)
    np.put_along_axis(ordered, rank, rest, axis=1)
    weights = np.empty_like(rest)
    # The corner of color k lies between the ranks size - 1 - k and size - k.
    weights[:, 1:] = (ordered[:, :-1] - ordered[:, 1:])[:, ::-1]
    weights[:, 0] = 1 + ordered[:, -1] - ordered[:, 0]
    return weights


def _distinct(corners):
    """The corners without repetition, and which one each is."""
    count, size, d = corners.shape
    flat = np.ascontiguousarray(corners.reshape(-1, d))
    packed = _packed(flat, flat.min(axis=0), flat.max(axis=0))
    _, first, places = np.unique(
        packed, return_index=True, return_inverse=True
    )
    return flat[first], places.reshape(count, size)


def _packed(keys, least, most):
    """One integer for each row; rows outside of the bounds become -1."""
    spans = most - least + 1
    if np.prod(spans.astype("float64")) >= 2**63:
        raise ValueError(
            "`features` must be less far apart: divide them by a larger "
            f"standard deviation. Received: a lattice of {spans.tolist()}"
        )
    packed = np.zeros(len(keys), "int64")
    for column, low, span in zip(keys.T, least, spans, strict=True):
        packed = packed * span + (column - low)
    packed[((keys < least) | (keys > most)).any(axis=1)] = -1
    return packed


def _scipy_sparse():
    try:
        import scipy.sparse
    except ImportError as error:
        raise ImportError(
            "A dense CRF needs SciPy: pip install 'kerasseg[crf]'",
            name="scipy",
        ) from error
    return scipy.sparse


def _sparse(weights, places, columns):
    count, size = weights.shape
    starts = np.arange(0, count * size + 1, size)
    return _scipy_sparse().csr_array(
        (weights.astype("float32").ravel(), places.ravel(), starts),
        shape=(count, columns),
    )


def _blurs(keys):
    """For each axis a matrix that adds half of both neighbors along it."""
    sparse = _scipy_sparse()
    count, d = keys.shape
    least, most = keys.min(axis=0), keys.max(axis=0)
    known = _packed(keys, least, most)
    order = np.argsort(known)
    blurs = []
    for axis in range(d + 1):
        step = np.ones(d, "int64")
        if axis < d:
            step[axis] = -d
        blur = sparse.eye_array(count, dtype="float32", format="csr")
        for sign in (1, -1):
            wanted = _packed(keys + sign * step, least, most)
            at = np.searchsorted(known, wanted, sorter=order)
            at = order[np.minimum(at, count - 1)]
            (rows,) = np.nonzero(known[at] == wanted)
            halves = np.full(len(rows), 0.5, "float32")
            neighbors = (halves, (rows, at[rows]))
            blur = blur + sparse.csr_array(neighbors, shape=blur.shape)
        blurs.append(blur)
    return blurs
