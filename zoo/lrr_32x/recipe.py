"""LRR-32x on CamVid: the 32x prediction of the run that made lrr_4x.

All levels of LRR are trained together, see zoo/lrr_4x/recipe.py; this entry
reads its part of the same file of weights.

Commands: kerasseg train zoo/trunk.py --out runs/trunk
          kerasseg train zoo/lrr_32x/recipe.py --out runs/lrr_4x
"""

import importlib.util
from pathlib import Path

_path = Path(__file__).parents[1] / "lrr_4x" / "recipe.py"
_spec = importlib.util.spec_from_file_location("lrr_4x", _path)
lrr_4x = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(lrr_4x)

recipe = lrr_4x.recipe
