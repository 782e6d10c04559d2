"""TensorRT for RTX: NVIDIA's builder, which needs no GPU."""
