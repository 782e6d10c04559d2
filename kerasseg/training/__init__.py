"""Recipes and what runs them."""

from kerasseg.training.checkpoint import Checkpoint
from kerasseg.training.curves import plot_curves
from kerasseg.training.deep_supervision import DeepSupervision
from kerasseg.training.distillation import Distillation
from kerasseg.training.evaluate import evaluate
from kerasseg.training.fit import fit
from kerasseg.training.freezing import freeze
from kerasseg.training.freezing import freeze_batch_normalization
from kerasseg.training.l2_sgd import L2SGD
from kerasseg.training.multipliers import LearningRateMultipliers
from kerasseg.training.quantization_aware import quantization_aware
from kerasseg.training.quantization_aware import without_quantization
from kerasseg.training.recipe import Recipe
from kerasseg.training.schedules import PolyDecay

__all__ = [
    "Checkpoint",
    "DeepSupervision",
    "Distillation",
    "L2SGD",
    "LearningRateMultipliers",
    "PolyDecay",
    "Recipe",
    "evaluate",
    "fit",
    "freeze",
    "freeze_batch_normalization",
    "plot_curves",
    "quantization_aware",
    "without_quantization",
]
