r"""LRR-4x in less than 1.6 times the time of its backbone.

The result of last_stage.py with half the channels in its head and the finest
level at half the resolution. Each level keeps the half of its channels whose
kernels have the largest sum of absolute values; then all learns on.

Commands: kerasseg train zoo/lrr_4x/recipe.py --out runs/lrr_4x
          kerasseg train zoo/lrr_4x/last_stage.py \
              --start-from runs/lrr_4x/model --out runs/lrr_4x_last_stage
          kerasseg train zoo/lrr_4x/half_width.py \
              --out runs/lrr_4x_half_width
Data: CamVid, 11 classes, train + val (468 images). The schedule was fixed
before any score of it was seen; nothing was chosen on the test images.

Reference: Li et al., "Pruning Filters for Efficient ConvNets", ICLR 2017.
"""

import keras
import numpy as np

import kerasseg
from kerasseg.data import CAMVID
from kerasseg.losses import LovaszSoftmaxLoss

# Square roots of the median-frequency weights of the training masks (the
# largest a little less), so that thin classes count without drowning the
# rest; order of the class ids.
WEIGHTS = [0.53, 0.45, 2.19, 0.39, 1.0, 0.65, 1.96, 1.4, 0.89, 2.52, 2.5]


def train():
    return kerasseg.data.camvid("train+val").cached()


def model(start_from):
    full = kerasseg.zoo.load(start_from)
    backbone = full.get_layer("mobilenet_v2")
    model = kerasseg.models.lrr(
        CAMVID.num_classes,
        backbone,
        bases=full.get_layer("reconstruction_4x").bases,
        head_width=0.5,
        finest_upsampling=2,
    )
    coarser = None
    for level in ("32x", "16x", "8x", "4x"):
        spatial, project = f"spatial_{level}", f"project_{level}"
        copy(full, model, spatial)
        kernel = full.get_layer(project).kernel
        size = np.abs(keras.ops.convert_to_numpy(kernel)).sum(axis=(0, 1, 2))
        kept = np.sort(np.argsort(size)[-(len(size) // 2) :])
        copy(full, model, project, outputs=kept)
        if coarser is None:
            copy(full, model, f"coefficients_{level}", inputs=kept)
        else:
            context = f"context_{level}"
            copy(full, model, context, inputs=coarser, outputs=kept)
            head = model.get_layer(f"reconstruction_{level}").kernel
            head.assign(
                keras.ops.take(
                    full.get_layer(f"reconstruction_{level}").kernel,
                    kept,
                    axis=0,
                )
            )
        coarser = kept
    # As in recipe.py, the backbone stays as it is up to a stride of 4.
    for layer in backbone.get_layer("mobilenet_v2_features").layers:
        layer.trainable = False
        if layer.name == "block_2_add":
            break
    return model


def copy(full, model, name, inputs=None, outputs=None):
    """The weights of a convolution, of some of its channels."""
    weights = full.get_layer(name).get_weights()
    if inputs is not None:
        weights[0] = weights[0][:, :, inputs]
    if outputs is not None:
        weights = [weight[..., outputs] for weight in weights]
    model.get_layer(name).set_weights(weights)


def heads(model):
    outputs = kerasseg.models.lrr_heads(model, dilation_erosion=False).output
    every_second = model.output[:, 1::2, 1::2]
    return keras.Model(model.input, {**outputs, "iou": every_second})


def loss():
    return kerasseg.losses.SegmentationLoss(
        class_weights=WEIGHTS, normalization="image"
    )


def optimizer(steps):
    return keras.optimizers.AdamW(
        kerasseg.training.PolyDecay(7e-4, steps, warmup_steps=steps // 20),
        weight_decay=1e-3,
        clipnorm=5.0,
    )


def recipe():
    return kerasseg.training.Recipe(
        name="lrr_4x_half_width",
        labels=CAMVID,
        train=train,
        augmentation=kerasseg.data.Augmentation(
            crop_size=(320, 320), scale=(0.6, 1.8), brightness=0.5, gamma=0.4
        ),
        batch_size=8,
        model=model,
        start_from="runs/lrr_4x_last_stage/model",
        loss=loss(),
        heads=heads,
        head_losses={
            "32x": loss(),
            "16x": loss(),
            "8x": loss(),
            "iou": LovaszSoftmaxLoss(),
        },
        optimizer=optimizer,
        epochs=16,
    )
