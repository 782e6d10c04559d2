"""The table of the published models."""

from kerasseg.data.labels import CAMVID
from kerasseg.data.labels import NUCLEI
from kerasseg.data.labels import Labels
from kerasseg.data.labels import default_palette
from kerasseg.zoo.ade20k import ADE20K
from kerasseg.zoo.entry import Entry

VOC = Labels(
    class_names=(
        "Background",
        "Aeroplane",
        "Bicycle",
        "Bird",
        "Boat",
        "Bottle",
        "Bus",
        "Car",
        "Cat",
        "Chair",
        "Cow",
        "DiningTable",
        "Dog",
        "Horse",
        "Motorbike",
        "Person",
        "PottedPlant",
        "Sheep",
        "Sofa",
        "Train",
        "TVMonitor",
    ),
    palette=default_palette(21),
)

_LRR_PAPER = (
    "Ghiasi and Fowlkes, Laplacian Pyramid Reconstruction and Refinement for "
    "Semantic Segmentation, ECCV 2016, https://arxiv.org/abs/1605.02264"
)

_FCN_PAPER = (
    "Long, Shelhamer and Darrell, Fully Convolutional Networks for Semantic "
    "Segmentation, CVPR 2015, https://arxiv.org/abs/1411.4038"
)

_GDN_PAPER = (
    "Nekrasov, Ju and Choi, Global Deconvolutional Networks for Semantic "
    "Segmentation, BMVC 2016, https://arxiv.org/abs/1602.03930"
)

_FCN_VGG16 = {
    "builder": "fcn",
    "backbone": "vgg16",
    "backbone_arguments": {"taps": "pool"},
    "labels": VOC,
    "image_shape": (384, 384, 3),
    "weights": None,
    "dataset": "voc",
    "provenance": "Architecture only: no weights are published with it.",
    "paper": _FCN_PAPER,
}

# The baseline is its backbone, but for a classifier.
_MOBILENET_PAPER = (
    "Sandler, Howard, Zhu, Zhmoginov and Chen, MobileNetV2: Inverted Residuals "
    "and Linear Bottlenecks, CVPR 2018, https://arxiv.org/abs/1801.04381"
)

_DEEPLAB_PAPER = (
    "Chen, Zhu, Papandreou, Schroff and Adam, Encoder-Decoder with Atrous "
    "Separable Convolution for Semantic Image Segmentation, ECCV 2018, "
    "https://arxiv.org/abs/1802.02611"
)

_PIXEL_DCL_PAPER = (
    "Gao, Yuan, Wang and Ji, Pixel Transposed Convolutional Networks, TPAMI "
    "2020, https://arxiv.org/abs/1705.06820"
)

_GUIDED_PAPER = (
    "Sediqi and Lee, A Novel Upsampling and Context Convolution for Image "
    "Semantic Segmentation, Sensors 2021, 21(6), 2170, "
    "https://doi.org/10.3390/s21062170"
)

_PIXEL_DCL_UNET = {
    "builder": "pixel_dcl_unet",
    "labels": VOC,
    "image_shape": (256, 256, 3),
    "weights": None,
    "dataset": "voc",
    "provenance": "Architecture only: no weights are published with it.",
    "paper": _PIXEL_DCL_PAPER,
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
        "CamVid: research only, no commercial use, cite Brostow et al. 2009"
    ),
    "provenance": (
        "Trained by this project on the 468 training and validation images of "
        "CamVid (480x360, 11 classes), from a MobileNetV2 1.0 trained on "
        "ImageNet-1k."
    ),
}

_LRR_CAMVID = {
    **_CAMVID,
    "builder": "lrr",
    "weights": "lrr_4x.weights.h5",
    "sha256": (
        "96d3fc5f4d0a9a3e5ed9c3b8f9ab0b3af9c1ff3ee65ffb30a51b422c49621fbb"
    ),
    "paper": _LRR_PAPER,
}

_NUCLEI = {
    "builder": "lrr",
    "backbone": "mobilenet_v2",
    "labels": NUCLEI,
    "image_shape": (256, 256, 3),
    "dataset": "nuclei",
    "weights": "lrr_4x_nuclei.weights.h5",
    "sha256": (
        "c339dfc15b845ea71ef553a22799cd52caa42011ce24b7c165b524ba617e27fb"
    ),
    "license_weights": "Apache-2.0",
    "license_data": (
        "BBBC038v1 (2018 Data Science Bowl, stage 1): CC0 1.0, public domain"
    ),
    "provenance": (
        "Trained by this project on the 200 training and validation images, "
        "from a MobileNetV2 1.0 trained on ImageNet-1k."
    ),
    "paper": _LRR_PAPER,
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
        weights="bilinear.weights.h5",
        sha256=(
            "eb4c5ede5dcab36f7230fbbe40e726eaa42de70135cfca826927049b016c18b6"
        ),
        parameters=2_237_963,
        paper=_MOBILENET_PAPER,
        **_CAMVID,
    ),
    Entry(
        name="deeplab_v3_plus",
        title="DeepLabV3+ on MobileNetV2, 11 street classes",
        builder="deeplab_v3_plus",
        arguments={"filters": 96},
        weights="deeplab_v3_plus.weights.h5",
        sha256=(
            "5608160d6b0c21df6f76c4c9ffbb6aa03a3d20c7c0627c933519d9649d84b7cc"
        ),
        parameters=2_961_883,
        paper=_DEEPLAB_PAPER,
        **_CAMVID,
    ),
    Entry(
        name="fcn_32s",
        title="FCN-32s on MobileNetV2, 11 street classes",
        builder="fcn",
        arguments={"variant": "32s"},
        weights="fcn_32s.weights.h5",
        sha256=(
            "d42aa2e1599c9e69a140552dc785b37af860db3ea67e82108717b506395159a2"
        ),
        parameters=2_237_963,
        paper=_FCN_PAPER,
        **_CAMVID,
    ),
    Entry(
        name="fcn_16s",
        title="FCN-16s on MobileNetV2, 11 street classes",
        builder="fcn",
        arguments={"variant": "16s"},
        weights="fcn_16s.weights.h5",
        sha256=(
            "78256f2b38f8b59277ec75b085d6d9ab4dbb531a52dcb334a11524516a719981"
        ),
        parameters=2_244_310,
        paper=_FCN_PAPER,
        **_CAMVID,
    ),
    Entry(
        name="fcn_8s",
        title="FCN-8s on MobileNetV2, 11 street classes",
        builder="fcn",
        arguments={"variant": "8s"},
        weights="fcn_8s.weights.h5",
        sha256=(
            "428d68eaab306d0064b3084b15a0a32e18d4e1f14733de9317defb369c3935bf"
        ),
        parameters=2_246_433,
        paper=_FCN_PAPER,
        **_CAMVID,
    ),
    Entry(
        name="gdn",
        title="GDN on MobileNetV2, 11 street classes",
        builder="gdn",
        arguments={"size": (384, 480), "resampling": "resample"},
        weights="gdn.weights.h5",
        sha256=(
            "bd78feba3adbcff4ce62cf4708624731339783d45a707d472e18f0c507742bfc"
        ),
        parameters=2_249_771,
        paper=_GDN_PAPER,
        **_CAMVID,
    ),
    Entry(
        name="pixel_dcl",
        title="Pixel deconvolution on MobileNetV2, 11 street classes",
        builder="pixel_dcl_unet",
        arguments={"upsampling": "pixel_dcl"},
        weights="pixel_dcl.weights.h5",
        sha256=(
            "403f2ad59ae55dc0db8666221086949ebe25174810b17c283e885cf828a0bd30"
        ),
        parameters=3_103_867,
        paper=_PIXEL_DCL_PAPER,
        **_CAMVID,
    ),
    Entry(
        name="ipixel_dcl",
        title="Input pixel deconvolution on MobileNetV2, 11 street classes",
        builder="pixel_dcl_unet",
        arguments={"upsampling": "ipixel_dcl"},
        weights="ipixel_dcl.weights.h5",
        sha256=(
            "0f908e33421547c57ec9e5f019527581ba10c03ebeba5f31feaac06d0c0f8cf3"
        ),
        parameters=4_083_643,
        paper=_PIXEL_DCL_PAPER,
        **_CAMVID,
    ),
    Entry(
        name="guided_duc_dlc",
        title="Guided DUC + DLC on MobileNetV2, 11 street classes",
        builder="guided_duc_dlc",
        weights="guided_duc_dlc.weights.h5",
        sha256=(
            "3a8c965a79b2ed38c153e7a5d4db90088e062a1048415ad67bcea9348019d1dc"
        ),
        parameters=3_664_235,
        paper=_GUIDED_PAPER,
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
        paper=_LRR_PAPER,
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
        "authors' own model",
        builder="gdn",
        arguments={
            "size": (500, 500),
            "level": "P3",
            "multiple": 1,
            "initializer": "glorot_gdn",
        },
        backbone="vgg16_large_fov",
        labels=VOC,
        image_shape=(500, 500, 3),
        weights=None,
        parameters=20_569_429,
        dataset="voc",
        provenance="Architecture only: no weights are published with it.",
        paper=_GDN_PAPER,
    ),
    Entry(
        name="pixel_dcl_unet",
        title="U-Net with PixelDCL, 21 Pascal VOC classes: the authors' own "
        "model",
        arguments={"upsampling": "pixel_dcl", "reference": True},
        parameters=31_358_954,
        **_PIXEL_DCL_UNET,
    ),
    Entry(
        name="ipixel_dcl_unet",
        title="U-Net with iPixelDCL, 21 Pascal VOC classes: the authors' own "
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
        paper=_GUIDED_PAPER,
    ),
)

ENTRIES = {entry.name: entry for entry in _ENTRIES}
