"""Segmentation models of KerasHub as ONNX files.

    python benchmarks/peers/hub.py --out build/peers-onnx

Needs `pip install ".[tensorflow,onnx,hub]"`. The models are built from
arguments with random weights, so nothing is downloaded: SegFormer with the
encoder MiT-B0, and DeepLabV3 and DeepLabV3+ on ResNet-18, with KerasHub's own
heads and 11 classes. Each file is written by `kerasseg.export`, so it is
verified to compute what the model computes. KerasHub's MiT takes square images
alone: SegFormer is left out unless `--size` is square, and peers.py takes a
`--size` too. Height and width must be multiples of 32.
"""

import argparse
import os
from pathlib import Path

CLASSES = 11


def segformer(size):
    """SegFormer with MiT-B0, as in the preset `segformer_b0_ade20k_512`."""
    import keras_hub

    encoder = keras_hub.models.MiTBackbone(
        layerwise_depths=[2, 2, 2, 2],
        num_layers=4,
        layerwise_num_heads=[1, 2, 5, 8],
        layerwise_sr_ratios=[8, 4, 2, 1],
        max_drop_path_rate=0.1,
        layerwise_patch_sizes=[7, 3, 3, 3],
        layerwise_strides=[4, 2, 2, 2],
        hidden_dims=[32, 64, 160, 256],
        image_shape=(*size, 3),
    )
    backbone = keras_hub.models.SegFormerBackbone(encoder, 256)
    return keras_hub.models.SegFormerImageSegmenter(backbone, CLASSES)


def deeplab_v3(size, low_level=None):
    """DeepLabV3 on ResNet-18; DeepLabV3+ where a low level joins."""
    import keras_hub

    encoder = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 128, 256, 512],
        stackwise_num_blocks=[2, 2, 2, 2],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block",
        use_pre_activation=False,
        image_shape=(*size, 3),
    )
    backbone = keras_hub.models.DeepLabV3Backbone(
        encoder,
        spatial_pyramid_pooling_key="P5",
        upsampling_size=8,
        dilation_rates=[6, 12, 18],
        low_level_feature_key=low_level,
        projection_filters=48,
        image_shape=(*size, 3),
    )
    return keras_hub.models.DeepLabV3ImageSegmenter(backbone, CLASSES)


def deeplab_v3_plus(size):
    """DeepLabV3+ on ResNet-18, with the level of stride 4."""
    return deeplab_v3(size, low_level="P2")


MODELS = {
    "SegFormer-B0": segformer,
    "DeepLabV3": deeplab_v3,
    "DeepLabV3Plus": deeplab_v3_plus,
}

SQUARE = ("SegFormer-B0",)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--models", nargs="+", choices=MODELS, default=list(MODELS)
    )
    parser.add_argument(
        "--size", type=int, nargs=2, default=(352, 480), metavar="N"
    )
    args = parser.parse_args()
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    from kerasseg import export

    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.models:
        if name in SQUARE and args.size[0] != args.size[1]:
            print(f"left out, since it takes square images alone: {name}")
            continue
        keras.utils.set_random_seed(0)
        path = args.out / f"KerasHub {name}.onnx"
        export.to_onnx(MODELS[name](tuple(args.size)), path)
        print(path)


if __name__ == "__main__":
    main()
