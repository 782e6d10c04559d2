import dataclasses

import pytest

from kerasseg.losses import SegmentationLoss


@pytest.mark.parametrize("name", ["epochs", "batch_size"])
@pytest.mark.parametrize("value", [0, -3, 2.5, "8", None])
def test_counts_must_be_whole_and_positive(make_recipe, name, value):
    with pytest.raises(
        ValueError, match=f"`{name}` must be an integer of 1 or more"
    ):
        make_recipe(**{name: value})


def test_seeds_out_of_range(make_recipe):
    assert make_recipe(seed=2**32 - 1).seed == 2**32 - 1
    for seed in (-1, 2**32):
        with pytest.raises(ValueError, match=f"`seed` must .*seed={seed}"):
            make_recipe(seed=seed)


@pytest.mark.parametrize("precision", ["bfloat17", "int32", "", 16, None])
def test_precisions_that_are_none(make_recipe, precision):
    with pytest.raises(ValueError, match="`precision` must be a dtype policy"):
        make_recipe(precision=precision)


def test_losses_without_heads(make_recipe):
    with pytest.raises(ValueError, match=r"`heads` must .*\['coarse'\]"):
        make_recipe(head_losses={"coarse": SegmentationLoss()})


def test_is_frozen_and_replaced(make_recipe):
    recipe = make_recipe()
    with pytest.raises(dataclasses.FrozenInstanceError, match="epochs"):
        recipe.epochs = 9
    assert dataclasses.replace(recipe, epochs=9).epochs == 9
    with pytest.raises(ValueError, match="`epochs`"):
        dataclasses.replace(recipe, epochs=0)


def test_reading_a_recipe_costs_nothing(make_recipe):
    def fail(*args):
        raise RuntimeError("called")

    make_recipe(
        train=fail, model=fail, optimizer=fail, heads=fail, validation=fail
    )
