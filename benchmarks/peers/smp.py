"""Models of segmentation_models.pytorch: export them, or train them.

    python benchmarks/peers/smp.py export --out build/peers-onnx
    python benchmarks/peers/smp.py train --model DeepLabV3Plus

Runs in an environment of its own, see README.md beside this file. All models
have a MobileNetV2 encoder with random weights and 11 classes. `train` is
driven by benchmarks/training_throughput.py: it makes a step for each line it
reads and answers with `done`.
"""

import argparse
import sys
from pathlib import Path

import torch

MODELS = ("DeepLabV3Plus", "FPN", "Unet", "Linknet")
CLASSES = 11
IGNORED = 255
# torchvision is built for CUDA. Beside a torch for CPUs its operators are
# missing, and its import fails where it describes these two; no model here
# uses them.
MISSING_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def import_smp():
    """segmentation_models_pytorch, also beside a torch without CUDA."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in MISSING_OPERATORS:
        name = operator.split("(")[0]
        if not hasattr(torch.ops.torchvision, name):
            library.define(operator)
    import segmentation_models_pytorch

    return segmentation_models_pytorch


def build(name):
    """A model with random weights."""
    torch.manual_seed(0)
    return getattr(import_smp(), name)(
        "mobilenet_v2", encoder_weights=None, classes=CLASSES
    )


def settle(model, size):
    """Sets the statistics of batch normalization, so that signals flow."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # Averages over what it sees.
    model.train()
    with torch.no_grad():
        model(torch.randn(2, 3, *size))
    return model.eval()


def export(args):
    """Writes each model to an ONNX file of one fixed shape."""
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.models:
        path = args.out / f"SMP {name}.onnx"
        torch.onnx.export(
            settle(build(name), args.size),
            (torch.randn(1, 3, *args.size),),
            str(path),
            dynamo=True,
            external_data=False,
            opset_version=18,
            verbose=False,
        )
        print(path)


def train(args):
    """Trains a step for each line of the standard input."""
    torch.set_num_threads(args.threads)
    model = build(args.model).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    loss_function = torch.nn.CrossEntropyLoss(ignore_index=IGNORED)
    images = torch.rand(args.batch, 3, *args.size)
    masks = torch.randint(0, CLASSES, (args.batch, *args.size))
    if args.channels_last:
        model = model.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    answers = sys.stdout

    def step():
        optimizer.zero_grad()
        loss_function(model(images), masks).backward()
        optimizer.step()
        answers.write("done\n")
        answers.flush()

    step()
    for _ in sys.stdin:
        step()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(required=True, metavar="export|train")
    exporting = verbs.add_parser("export", help="write ONNX files")
    exporting.add_argument("--out", type=Path, required=True, metavar="DIR")
    exporting.add_argument(
        "--models", nargs="+", choices=MODELS, default=MODELS
    )
    exporting.set_defaults(run=export)
    training = verbs.add_parser("train", help="train a step for each line")
    training.add_argument("--model", choices=MODELS, default=MODELS[0])
    training.add_argument("--batch", type=int, default=4)
    training.add_argument("--threads", type=int, default=2)
    training.add_argument("--channels-last", action="store_true")
    training.set_defaults(run=train)
    for verb in (exporting, training):
        verb.add_argument(
            "--size", type=int, nargs=2, default=(352, 480), metavar="N"
        )
    args = parser.parse_args()
    args.size = tuple(args.size)
    args.run(args)


if __name__ == "__main__":
    main()
