r"""The mean of the weights of two seeds of boundaries.py.

Commands: kerasseg train zoo/lrr_4x_efficientnet_lite0/boundaries.py \
              --out runs/lrr_4x_efficientnet_lite0_boundaries
          kerasseg train zoo/lrr_4x_efficientnet_lite0/boundaries.py \
              --seed 2 --out runs/lrr_4x_efficientnet_lite0_boundaries_seed_2
          python zoo/lrr_4x_efficientnet_lite0/mean_of_seeds.py \
              runs/lrr_4x_efficientnet_lite0_boundaries/model \
              runs/lrr_4x_efficientnet_lite0_boundaries_seed_2/model OUT
The last writes the folder OUT, a model. The moments of batch normalization are
averaged with the rest, since the two trainings are short and begin at the same
weights. The mean was fixed as what is packaged before it was scored.

Reference: Wortsman et al., "Model soups", ICML 2022,
https://arxiv.org/abs/2203.05482.
"""

import sys

from kerasseg import zoo
from kerasseg.data import CAMVID


def main(one, other, out):
    model, second_model = zoo.load(one), zoo.load(other)
    pairs = zip(model.weights, second_model.weights, strict=True)
    for weight, second in pairs:
        weight.assign((weight + second) / 2)
    zoo.save(model, out, CAMVID)


if __name__ == "__main__":
    main(*sys.argv[1:])
