"""The table of the published models."""

import dataclasses
import json
from pathlib import Path

from kerasseg import papers
from kerasseg.label_sets import ADE20K
from kerasseg.label_sets import ANIMALS
from kerasseg.label_sets import CAMVID
from kerasseg.label_sets import IDD_LITE
from kerasseg.label_sets import NUCLEI
from kerasseg.label_sets import VOC
from kerasseg.zoo.entry import Entry

_FCN_VGG16 = {
    "builder": "fcn",
    "backbone": "vgg16",
    "backbone_arguments": {"taps": "pool", "mean": list(papers.FCN_MEAN)},
    "labels": VOC,
    "image_shape": (384, 384, 3),
    "weights": None,
    "dataset": "voc",
    "provenance": "Architecture only: no weights are published with it.",
    "paper": papers.FCN,
}

_PIXEL_DCL_UNET = {
    "builder": "pixel_dcl_unet",
    "labels": VOC,
    "image_shape": (256, 256, 3),
    "weights": None,
    "dataset": "voc",
    "provenance": "Architecture only: no weights are published with it.",
    "paper": papers.PIXEL_DCL,
}

_CAMVID = {
    "backbone": "mobilenet_v2",
    "labels": CAMVID,
    "image_shape": (360, 480, 3),
    "dataset": "camvid",
    "license_weights": (
        "Apache-2.0, as far as the project owns them; they were learned from "
        "images for research only, see license_data"
    ),
    "license_data": (
        "CamVid: research only; no commercial use, cite Brostow et al. 2009"
    ),
    "provenance": (
        "Trained by this project on the 468 training and validation images of "
        "CamVid (360x480, 11 classes), from a MobileNetV2 1.0 trained on "
        "ImageNet-1k."
    ),
}

_LRR_CAMVID = {
    **_CAMVID,
    "builder": "lrr",
    "weights": "lrr_4x.safetensors",
    "sha256": (
        "21ab5dd238ef67efbc041f15bc6e5aa41af3b91d2b1e9dc01dd67661c31ea9e4"
    ),
    "paper": papers.LRR,
}

_NUCLEI = {
    "builder": "lrr",
    "backbone": "mobilenet_v2",
    "labels": NUCLEI,
    "image_shape": (256, 256, 3),
    "dataset": "nuclei",
    "weights": "lrr_4x_nuclei.safetensors",
    "sha256": (
        "b4b829551bea26fea9d448d3ba8aafcbcfcb24270b4ef627272d98050e67d175"
    ),
    "license_weights": "Apache-2.0",
    "license_data": (
        "BBBC038v1: CC0 1.0, public domain; stage 1 of the 2018 Data Science "
        "Bowl"
    ),
    "provenance": (
        "Trained by this project on the 200 training and validation images, "
        "from a MobileNetV2 1.0 trained on ImageNet-1k."
    ),
    "paper": papers.LRR,
}

_ENTRIES = (
    Entry(
        name="lrr_32x",
        title="LRR-32x on MobileNetV2, 11 street classes: coarsest level",
        arguments={"level": "32x"},
        parameters=2_612_078,
        subset=True,
        **_LRR_CAMVID,
    ),
    Entry(
        name="lrr_16x",
        title="LRR-16x on MobileNetV2, 11 street classes",
        arguments={"level": "16x"},
        parameters=2_747_182,
        subset=True,
        **_LRR_CAMVID,
    ),
    Entry(
        name="lrr_8x",
        title="LRR-8x on MobileNetV2, 11 street classes",
        arguments={"level": "8x"},
        parameters=2_776_494,
        subset=True,
        **_LRR_CAMVID,
    ),
    Entry(
        name="lrr_4x",
        title="LRR-4x on MobileNetV2, 11 street classes: the full pyramid",
        arguments={"level": "4x"},
        parameters=2_787_998,
        **_LRR_CAMVID,
    ),
    Entry(
        name="lrr_4x_efficientnet_lite0",
        title="LRR-4x on EfficientNet-Lite0, 11 street classes",
        builder="lrr",
        arguments={"level": "4x", "finest_upsampling": 2},
        weights="lrr_4x_efficientnet_lite0.safetensors",
        sha256=(
            "51a4e369ae65bc7856c05140b5bc04968c48183c8433361a9233e7b4b6bff537"
        ),
        parameters=3_271_406,
        paper=papers.LRR,
        **{
            **_CAMVID,
            "backbone": "efficientnet_lite",
            "provenance": (
                "Trained by this project on the 468 training and validation "
                "images of CamVid (360x480, 11 classes), from an "
                "EfficientNet-Lite0 trained on ImageNet-1k."
            ),
        },
    ),
    Entry(
        name="lrr_4x_idd",
        title="LRR-4x on EfficientNet-Lite0, 7 classes of streets in India",
        builder="lrr",
        backbone="efficientnet_lite",
        arguments={"level": "4x"},
        labels=IDD_LITE,
        image_shape=(227, 320, 3),
        weights="lrr_4x_idd.safetensors",
        sha256=(
            "f9b712f4bd6679b770c57357533c632973f88837f9a9c55adc59dd6d8ea164f1"
        ),
        parameters=3_252_166,
        dataset="idd_lite",
        license_weights=_CAMVID["license_weights"],
        license_data=(
            "IDD-Lite and CamVid: research only; IDD-Lite as far as its page "
            "says, cite Mishra et al. 2019 and Varma et al. 2019; the weights "
            "that it started from were learned from CamVid"
        ),
        provenance=(
            "Trained by this project on the 1403 training images of IDD-Lite "
            "(227x320, 7 classes), from the second stage of its "
            "lrr_4x_efficientnet_lite0 (last_stage.py), not from the weights "
            "that are packaged."
        ),
        paper=papers.LRR,
    ),
    Entry(
        name="lrr_4x_animals",
        title="LRR-4x on EfficientNet-Lite0, animals and people, 7 classes",
        builder="lrr",
        backbone="efficientnet_lite",
        arguments={"level": "4x"},
        labels=ANIMALS,
        image_shape=(375, 500, 3),
        weights="lrr_4x_animals.safetensors",
        sha256=(
            "258696f9f9c4e4b099c339b28da04dd5555ce8f4b587aae3a43a8024c814a320"
        ),
        parameters=3_252_166,
        dataset="animals",
        license_weights=(
            "Apache-2.0, as far as the project owns them; they were learned "
            "from images for research, see license_data"
        ),
        license_data=(
            "Pascal VOC 2012: for research; photos from Flickr, cite "
            "Everingham et al. 2010 and Hariharan et al. 2011"
        ),
        provenance=(
            "Trained by this project on 3131 images of animals and people of "
            "Pascal VOC 2012 (7 classes), from an EfficientNet-Lite0 trained "
            "on ImageNet-1k."
        ),
        paper=papers.LRR,
    ),
    Entry(
        name="lrr_4x_nuclei",
        title="LRR-4x on MobileNetV2, cell nuclei in microscope images",
        arguments={"level": "4x"},
        parameters=2_744_708,
        **_NUCLEI,
    ),
    Entry(
        name="bilinear",
        title="Bilinear upsampling on MobileNetV2, 11 street classes",
        builder="bilinear",
        weights="bilinear.safetensors",
        sha256=(
            "a09fd944467632a83713fa426bf11f30da1861ef8a424b6b057921d44c0f5116"
        ),
        parameters=2_237_963,
        paper=papers.MOBILENET,
        **_CAMVID,
    ),
    Entry(
        name="deeplab_v3_plus",
        title="DeepLabV3+ on MobileNetV2, 11 street classes",
        builder="deeplab_v3_plus",
        arguments={"filters": 96},
        weights="deeplab_v3_plus.safetensors",
        sha256=(
            "69f69cf954aabc855894231c4b65f0a53fd7bc2dc8ef910339da1e365008b7f3"
        ),
        parameters=2_961_883,
        paper=papers.DEEPLAB,
        **_CAMVID,
    ),
    Entry(
        name="fcn_32s",
        title="FCN-32s on MobileNetV2, 11 street classes",
        builder="fcn",
        arguments={"variant": "32s"},
        weights="fcn_32s.safetensors",
        sha256=(
            "2ecb7119a07d4049253098ea77cbb5c72c8c856dd044fa28df60c5fbc54c860f"
        ),
        parameters=2_237_963,
        paper=papers.FCN,
        **_CAMVID,
    ),
    Entry(
        name="fcn_16s",
        title="FCN-16s on MobileNetV2, 11 street classes",
        builder="fcn",
        arguments={"variant": "16s"},
        weights="fcn_16s.safetensors",
        sha256=(
            "3b6cd92a7b335add63c5dbd10398631b7b7631b7ed84b4e1b3a6b58c099beb5f"
        ),
        parameters=2_244_310,
        paper=papers.FCN,
        **_CAMVID,
    ),
    Entry(
        name="fcn_8s",
        title="FCN-8s on MobileNetV2, 11 street classes",
        builder="fcn",
        arguments={"variant": "8s"},
        weights="fcn_8s.safetensors",
        sha256=(
            "e2111cab29053cabc04141577b046cd08eefcd72babed55c1377469ecacc66b6"
        ),
        parameters=2_246_433,
        paper=papers.FCN,
        **_CAMVID,
    ),
    Entry(
        name="gdn",
        title="GDN on MobileNetV2, 11 street classes",
        builder="gdn",
        arguments={"size": (384, 480), "resampling": "resample"},
        weights="gdn.safetensors",
        sha256=(
            "1a54835e1ba0328d55cc55347413c057979c371c9bc64eecd3498ee1afcb99c1"
        ),
        parameters=2_249_771,
        paper=papers.GDN,
        **_CAMVID,
    ),
    Entry(
        name="pixel_dcl",
        title="Pixel deconvolution on MobileNetV2, 11 street classes",
        builder="pixel_dcl_unet",
        arguments={"upsampling": "pixel_dcl"},
        weights="pixel_dcl.safetensors",
        sha256=(
            "05351ab1b74ee778901763de003d5adb0b2d6b7f0e53df5890581107d9fdb016"
        ),
        parameters=3_103_867,
        paper=papers.PIXEL_DCL,
        **_CAMVID,
    ),
    Entry(
        name="ipixel_dcl",
        title="Input pixel deconvolution on MobileNetV2, 11 street classes",
        builder="pixel_dcl_unet",
        arguments={"upsampling": "ipixel_dcl"},
        weights="ipixel_dcl.safetensors",
        sha256=(
            "2cfc2c58fe471d3d074aa2f544c6543d6852b477cc6dab93a6ee32816933f0f7"
        ),
        parameters=4_083_643,
        paper=papers.PIXEL_DCL,
        **_CAMVID,
    ),
    Entry(
        name="guided_duc_dlc",
        title="Guided DUC + DLC on MobileNetV2, 11 street classes",
        builder="guided_duc_dlc",
        weights="guided_duc_dlc.safetensors",
        sha256=(
            "7e83b63199dfb25fbb5fcb9db5efc6d67971065c56c0fd9789092f97b6a714ea"
        ),
        parameters=3_664_235,
        paper=papers.GUIDED,
        **_CAMVID,
    ),
    Entry(
        name="lrr_4x_vgg16",
        title="LRR-4x on VGG-16, 21 Pascal VOC classes: the paper's own model",
        builder="lrr",
        arguments={"level": "4x", "head": "paper"},
        backbone="vgg16",
        labels=VOC,
        image_shape=(384, 384, 3),
        weights=None,
        parameters=162_485_384,
        dataset="voc",
        provenance="Architecture only: no weights are published with it.",
        paper=papers.LRR,
    ),
    Entry(
        name="lrr_4x_resnet101",
        title="LRR-4x on ResNet-101, 21 Pascal VOC classes",
        builder="lrr",
        arguments={"level": "4x", "head": "paper"},
        backbone="resnet101",
        labels=VOC,
        image_shape=(384, 384, 3),
        weights=None,
        parameters=62_713_672,
        dataset="voc",
        provenance="Architecture only: no weights are published with it. Which "
        "layers of ResNet-101 the paper reads is not published: here, the last "
        "of each stage.",
        paper=papers.LRR,
    ),
    Entry(
        name="fcn_32s_vgg16",
        title="FCN-32s on VGG-16, 21 Pascal VOC classes: the paper's own model",
        arguments={"variant": "32s"},
        parameters=134_346_581,
        **_FCN_VGG16,
    ),
    Entry(
        name="fcn_16s_vgg16",
        title="FCN-16s on VGG-16, 21 Pascal VOC classes: the paper's own model",
        arguments={"variant": "16s"},
        parameters=134_357_354,
        **_FCN_VGG16,
    ),
    Entry(
        name="fcn_8s_vgg16",
        title="FCN-8s on VGG-16, 21 Pascal VOC classes: the paper's own model",
        arguments={"variant": "8s"},
        parameters=134_362_751,
        **_FCN_VGG16,
    ),
    Entry(
        name="gdn_vgg16",
        title="GDN on DeepLab-LargeFOV VGG-16, 21 Pascal VOC classes: the "
        "reference model",
        builder="gdn",
        arguments={
            "size": (500, 500),
            "level": "P3",
            "multiple": 1,
            "initializer": "glorot_gdn",
        },
        backbone="vgg16_large_fov",
        backbone_arguments={"mean": list(papers.FCN_MEAN)},
        labels=VOC,
        image_shape=(500, 500, 3),
        weights=None,
        parameters=20_569_429,
        dataset="voc",
        provenance="Architecture only: no weights are published with it.",
        paper=papers.GDN,
    ),
    Entry(
        name="pixel_dcl_unet",
        title="U-Net with PixelDCL, 21 Pascal VOC classes: the reference model",
        arguments={"upsampling": "pixel_dcl", "reference": True},
        parameters=31_358_954,
        **_PIXEL_DCL_UNET,
    ),
    Entry(
        name="ipixel_dcl_unet",
        title="U-Net with iPixelDCL, 21 Pascal VOC classes: the reference "
        "model",
        arguments={"upsampling": "ipixel_dcl", "reference": True},
        parameters=50_159_594,
        **_PIXEL_DCL_UNET,
    ),
    Entry(
        name="guided_duc_dlc_resnet50",
        title="Guided DUC + DLC on ResNet-50, 150 ADE20K classes: the paper's "
        "own model",
        builder="guided_duc_dlc",
        arguments={"head": "paper"},
        backbone="resnet50",
        backbone_arguments={"output_stride": 16},
        labels=ADE20K,
        image_shape=(480, 480, 3),
        weights=None,
        parameters=35_954_198,
        dataset="ade20k",
        provenance="Architecture only: no weights are published with it.",
        paper=papers.GUIDED,
    ),
)

# Written by zoo/table.py from the measurements in zoo/*/metrics.json.
SCORES = Path(__file__).with_name("scores.json")


def _scored(entries):
    """The entries by name, with their scores."""
    scores = json.loads(SCORES.read_text(encoding="utf-8"))
    return {
        entry.name: dataclasses.replace(
            entry, scores=scores.get(entry.name, {})
        )
        for entry in entries
    }


ENTRIES = _scored(_ENTRIES)
