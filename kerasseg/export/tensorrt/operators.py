"""What TensorRT takes, for machines without NVIDIA's builder.

Found by trying with NVIDIA's builder of TensorRT for RTX, version `VERSION`:
for each operator and each limit there is a small graph, which this table and
the builder must judge alike (`tests/tensorrt_small_graphs.py`). Operators that
no exporter here writes are left out.
"""

VERSION = "1.7.1"

_NAMES = (
    "Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool "
    "BatchNormalization Cast Ceil Celu Clip Concat Constant ConstantOfShape "
    "Conv ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div "
    "Einsum Elu Equal Erf Exp Expand Flatten Floor GRU Gather GatherElements "
    "GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater "
    "GreaterOrEqual HardSigmoid HardSwish Identity InstanceNormalization "
    "IsNaN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax "
    "Loop MatMul Max MaxPool Min Mish Mod Mul Neg Not OneHot Or PRelu Pad "
    "Pow QuantizeLinear RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum "
    "ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
    "ReduceSumSquare Relu Reshape Resize ReverseSequence Round "
    "ScatterElements ScatterND Selu Shape Sigmoid Sign Sin Sinh Size Slice "
    "Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tan "
    "Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Where Xor"
)
OPERATORS = frozenset(_NAMES.split())
# Operators that ONNX has for integers, and TensorRT for floats alone.
_FLOAT_ONLY = (
    "Einsum Gemm MatMul PRelu ReduceL2 ReduceLogSum ReduceLogSumExp Relu Resize"
)
FLOAT_ONLY = frozenset(_FLOAT_ONLY.split())
INTEGERS = frozenset({"int32", "int64"})

# Attributes of resizes and their values; the first is ONNX' default.
RESIZE = {
    "coordinate_transformation_mode": (
        "half_pixel",
        "pytorch_half_pixel",
        "tf_half_pixel_for_nn",
        "asymmetric",
        "align_corners",
    ),
    "mode": ("nearest", "linear", "cubic"),
    "antialias": (0,),
}
# Coordinates that go with one rounding alone.
ROUNDING = {"tf_half_pixel_for_nn": "round_prefer_floor"}
UNIT_DILATIONS = ("AveragePool", "MaxPool")
FIRST_OUTPUT_ONLY = ("MaxPool",)
ZERO_POINT_ZERO = ("DequantizeLinear", "QuantizeLinear")
# Operators whose axes must be known when the engine is built.
KNOWN_AXES = ("CumSum", "ReduceSum", "Squeeze", "Unsqueeze")
MAX_TOP_K = 3840
