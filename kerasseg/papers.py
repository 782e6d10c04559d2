"""The publications of the methods, and a figure that several share."""

LRR = (
    "Ghiasi and Fowlkes, Laplacian Pyramid Reconstruction and Refinement for "
    "Semantic Segmentation, ECCV 2016, https://arxiv.org/abs/1605.02264"
)

FCN = (
    "Long, Shelhamer and Darrell, Fully Convolutional Networks for Semantic "
    "Segmentation, CVPR 2015, https://arxiv.org/abs/1411.4038"
)

GDN = (
    "Nekrasov, Ju and Choi, Global Deconvolutional Networks for Semantic "
    "Segmentation, BMVC 2016, https://arxiv.org/abs/1602.03930"
)

MOBILENET = (
    "Sandler, Howard, Zhu, Zhmoginov and Chen, MobileNetV2: Inverted Residuals "
    "and Linear Bottlenecks, CVPR 2018, https://arxiv.org/abs/1801.04381"
)

DEEPLAB = (
    "Chen, Zhu, Papandreou, Schroff and Adam, Encoder-Decoder with Atrous "
    "Separable Convolution for Semantic Image Segmentation, ECCV 2018, "
    "https://arxiv.org/abs/1802.02611"
)

PIXEL_DCL = (
    "Gao, Yuan, Wang and Ji, Pixel Transposed Convolutional Networks, TPAMI "
    "2020, https://arxiv.org/abs/1705.06820"
)

GUIDED = (
    "Sediqi and Lee, A Novel Upsampling and Context Convolution for Image "
    "Semantic Segmentation, Sensors 2021, 21(6), 2170, "
    "https://doi.org/10.3390/s21062170"
)

TIRAMISU = (
    "Jégou, Drozdzal, Vazquez, Romero and Bengio, The One Hundred Layers "
    "Tiramisu: Fully Convolutional DenseNets for Semantic Segmentation, CVPRW "
    "2017, https://arxiv.org/abs/1611.09326"
)

# Means of R, G and B that the reference implementations of FCN, GDN and
# PixelDCL subtract.
FCN_MEAN = (122.67891434, 116.66876762, 104.00698793)
