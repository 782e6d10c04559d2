"""What TensorRT's ONNX parser takes, as its makers state it.

The facts are those of `SOURCE` for TensorRT 10.15, read on 2026-11-21:
operators, number formats of their first input, restrictions. TensorRT 11 has
no published table of its own here; it takes operator sets up to 25. Nothing
in this file was tried on a GPU.
"""

SOURCE = "https://github.com/onnx/onnx-tensorrt/blob/main/docs/operators.md"
TENSORRT_VERSION = "10.15"
READ_ON = "2026-11-21"
OPSETS = range(9, 25)

_REAL = frozenset({"float32", "float16", "bfloat16"})
_HALF = frozenset({"float32", "float16"})
_NUMBER = _REAL | {"int32", "int64"}
_ANY = _NUMBER | {"bool"}
_BOOL = frozenset({"bool"})
_QUANTIZED = frozenset({"int8", "int4", "float8e4m3fn", "float4e2m1"})

_BY_TYPES = (
    (
        _REAL,
        "Acos Acosh Asin Asinh Atan Atanh AveragePool BatchNormalization Ceil "
        "Celu Clip Conv ConvTranspose Cos Cosh CumSum Dropout Einsum Elu Erf "
        "Exp Floor GRU Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool "
        "GroupNormalization HardSigmoid HardSwish Hardmax "
        "InstanceNormalization IsInf LRN LSTM LayerNormalization LeakyRelu "
        "Log LogSoftmax LpNormalization LpPool MatMul MaxPool "
        "MeanVarianceNormalization PRelu QuantizeLinear RMSNormalization RNN "
        "Reciprocal Resize Round Selu Sigmoid Sin Sinh Softmax Softplus "
        "Softsign Sqrt Tan Tanh ThresholdedRelu Upsample",
    ),
    (
        _NUMBER,
        "Abs Add ArgMax ArgMin DepthToSpace Div Equal Greater GreaterOrEqual "
        "IsNaN Less LessOrEqual Max Min Mod Mul Neg Pad Pow Range ReduceL1 "
        "ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin "
        "ReduceProd ReduceSum ReduceSumSquare Relu ScatterElements ScatterND "
        "Shrink Sign SpaceToDepth Sub Sum TopK",
    ),
    (
        _ANY,
        "Concat Expand EyeLike Flatten Gather GatherElements GatherND "
        "Identity If Loop OneHot Reshape ReverseSequence Shape Size Slice "
        "Split Squeeze Tile Transpose Trilu Unsqueeze Where",
    ),
    (_HALF, "GridSample Mish NonMaxSuppression NonZero RoiAlign"),
    (_BOOL, "And Not Or Xor"),
    (_ANY | {"uint8"}, "Cast CastLike"),
    (_ANY | _QUANTIZED - {"int8"}, "Constant ConstantOfShape"),
    (_QUANTIZED, "DequantizeLinear"),
    (_NUMBER | {"int8"}, "Gelu"),
    (_NUMBER | {"float8e4m3fn"}, "Mean"),
)

# Operator -> number formats that it takes.
OPERATORS = {
    name: types for types, names in _BY_TYPES for name in names.split()
}

# Operator -> attribute -> values that it may have. What is missing in a file
# has ONNX' default, which is allowed in all of these.
ATTRIBUTES = {
    "Resize": {
        "coordinate_transformation_mode": (
            "half_pixel",
            "pytorch_half_pixel",
            "tf_half_pixel_for_nn",
            "asymmetric",
            "align_corners",
        ),
        "mode": ("nearest", "linear"),
        "nearest_mode": (
            "floor",
            "ceil",
            "round_prefer_floor",
            "round_prefer_ceil",
        ),
        "keep_aspect_ratio_policy": ("stretch",),
        "antialias": (0,),
    },
    "LSTM": {"input_forget": (0,), "layout": (0,)},
    "ScatterND": {"reduction": ("none",)},
    "TopK": {"sorted": (1,)},
}
UNIT_DILATIONS = ("AveragePool", "LpPool", "MaxPool")
PLANAR_POOLING = ("AveragePool", "MaxPool")
FIRST_OUTPUT_ONLY = ("LayerNormalization", "MaxPool")
ZERO_POINT_ZERO = ("DequantizeLinear", "QuantizeLinear")
# Operator -> positions of inputs that must be known when the engine is built.
CONSTANT_INPUTS = {
    "CumSum": (1,),
    "OneHot": (1,),
    "Squeeze": (1,),
    "Unsqueeze": (1,),
    **{name: (1,) for name in OPERATORS if name.startswith("Reduce")},
}
MAX_TOP_K = 3839
