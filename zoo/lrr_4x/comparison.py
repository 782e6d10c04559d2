r"""LRR-4x on the terms of all decoders in docs/upsamplers.md.

Commands: kerasseg train zoo/lrr_4x/recipe.py --epochs 16 \
              --out runs/lrr_4x_comparison
          python zoo/lrr_4x/comparison.py runs/lrr_4x_comparison
The second, run from the top of the repository, scores all four levels once on
the test images and writes comparison.json beside the metrics.json of each;
after a training with `--seed 1`, add seed_1.json to name the files so.
"""

import sys
from pathlib import Path

from kerasseg import zoo
from kerasseg.cli.main import main as kerasseg_command
from kerasseg.data import CAMVID

LEVELS = ("lrr_32x", "lrr_16x", "lrr_8x", "lrr_4x")


def main(run, file="comparison.json"):
    for name in LEVELS:
        model = zoo.build(name)
        zoo.read_weights(model, Path(run, "model"), allow_extra=True)
        folder = Path(run, name)
        zoo.save(model, folder, CAMVID)
        out = Path("zoo", name, file)
        command = ["evaluate", folder, "--data", "camvid", "--boundaries"]
        if kerasseg_command([*map(str, command), "--out", str(out)]):
            raise SystemExit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
