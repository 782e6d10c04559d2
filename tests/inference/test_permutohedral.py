import numpy as np
import pytest

from kerasseg.inference import permutohedral
from kerasseg.inference.permutohedral import PermutohedralLattice

DIMENSIONS = [1, 2, 3, 5]


def squares(points):
    """Squared distances between all pairs of points."""
    return ((points[:, np.newaxis] - points) ** 2).sum(axis=-1)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_the_plane_keeps_distances_up_to_a_factor(rng, d):
    points = rng.normal(size=(60, d))
    elevated = permutohedral._elevated(points)
    np.testing.assert_allclose(elevated.sum(axis=1), 0, atol=1e-9)
    # The lattice's own blur has this variance, in its units.
    factor = 2 / 3 * (d + 1) ** 2
    np.testing.assert_allclose(squares(elevated), factor * squares(points))


@pytest.mark.parametrize("d", DIMENSIONS)
def test_points_are_within_their_simplex(rng, d):
    elevated = permutohedral._elevated(rng.normal(size=(200, d)) * 3)
    corners, weights = permutohedral._enclosing_simplex(elevated)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    last = -corners.sum(axis=-1, keepdims=True)
    corners = np.concatenate([corners, last], axis=-1)
    # All coordinates of a corner of color k are k more than a multiple.
    colors = np.arange(d + 1)[:, np.newaxis]
    assert (corners % (d + 1) == colors).all()
    found = (weights[..., np.newaxis] * corners).sum(axis=1)
    np.testing.assert_allclose(found, elevated, atol=1e-9)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_means_are_those_of_a_gaussian(rng, d):
    points = rng.normal(size=(900, d))
    values = np.tanh(3 * points @ rng.normal(size=(d, 4)))
    lattice = PermutohedralLattice(points)
    ones = np.ones((900, 1))
    gaussian = np.exp(-squares(points) / 2)
    exact = gaussian @ values / (gaussian @ ones)
    found = lattice.filter(values) / lattice.filter(ones)
    assert found.dtype == "float32"
    assert np.abs(found - exact).mean() < 0.08 * exact.std()
    assert np.abs(values - exact).mean() > 0.2


def test_sums_are_linear(rng):
    points = rng.normal(size=(300, 5))
    lattice = PermutohedralLattice(points)
    a, b = rng.random((2, 300, 3))
    np.testing.assert_allclose(
        lattice.filter(2 * a - b),
        2 * lattice.filter(a) - lattice.filter(b),
        atol=1e-4,
    )


def test_points_far_apart_do_not_meet():
    points = np.array([[0.0, 0.0], [1e6, -1e6]])
    found = PermutohedralLattice(points).filter(np.array([[1.0], [5.0]]))
    np.testing.assert_allclose(found[1] / found[0], 5, rtol=0.5)
    assert found[0] <= 1


def test_points_that_cannot_be_numbered_are_refused():
    points = np.array([[0.0] * 5, [1e7] * 5])
    with pytest.raises(ValueError, match="larger standard deviation"):
        PermutohedralLattice(points)
