"""What LRR's finest level costs, and what less of it loses.

    python benchmarks/lrr_finest.py
    python benchmarks/lrr_finest.py --beside runs/lrr_4x_half_width/model

Three forms of a packaged entry, none trained again: all levels; the finest at
half the resolution, its bases averaged over 2x2 pixels; without the finest. An
entry that is at half the resolution has the last two alone. Each is scored on
CamVid's test images and timed in ONNX Runtime, 352 x 480, float32, all in one
run, over the entry's own backbone; and so is what was saved in the folder after
`--beside`, such as the narrower model of zoo/lrr_4x/half_width.py.
"""

import argparse
import tempfile
from pathlib import Path

import timing

FORMS = {
    "all levels": {"level": "4x"},
    "finest at half the resolution": {"level": "4x", "finest_upsampling": 2},
    "without the finest": {"level": "8x"},
}
SCORES = ("mean_iou", "boundary_f1")


def at_half(whole):
    """Whether the finest level of a model is at half the resolution."""
    return whole.get_layer("reconstruction_4x").strides < 4


def forms(whole):
    """The arguments of the forms that the weights of a model allow."""
    return dict(list(FORMS.items())[at_half(whole) :])


def form(entry, whole, arguments):
    """A form of an entry, with its weights."""
    import keras

    import kerasseg
    from kerasseg import zoo

    backbone = next(x for x in whole.layers if isinstance(x, keras.Model))
    model = kerasseg.models.lrr(
        whole.output_shape[-1],
        backbone,
        bases=whole.get_layer("reconstruction_32x").bases,
        **arguments,
    )
    # At half the resolution for the first time, they are made of `bases`.
    made = "finest_upsampling" in arguments and not at_half(whole)
    zoo.read_weights(
        model,
        zoo.weights_path(zoo.info(entry)),
        allow_extra=arguments["level"] != "4x",
        skip=["reconstruction_4x/bases"] if made else [],
    )
    return model


def backbone_of(model):
    """The backbone alone, two of its channels repeated to every pixel."""
    import keras

    import kerasseg

    backbone = next(x for x in model.layers if isinstance(x, keras.Model))
    two = backbone.output["P5"][..., :2]
    every_pixel = kerasseg.layers.NearestUpSampling2D(32)(two)
    return keras.Model(backbone.input, every_pixel)


def scored(model):
    """The scores of a model on CamVid's test images."""
    import kerasseg
    from kerasseg.training.evaluate import evaluate

    dataset = kerasseg.data.camvid("test")
    found = evaluate(model, dataset, labels=dataset.labels, boundaries=True)
    return {name: found[name] for name in SCORES}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--entry", default="lrr_4x")
    parser.add_argument("--beside", metavar="FOLDER", help="a saved model")
    timing.add_arguments(parser, rounds=30)
    args = parser.parse_args()
    timing.set_up(args.threads)
    import runners
    import subjects

    from kerasseg import export
    from kerasseg import zoo

    whole = zoo.load(args.entry)
    models = {
        name: form(args.entry, whole, given)
        for name, given in forms(whole).items()
    }
    if args.beside:
        models[args.beside] = zoo.load(args.beside)
    scores = {name: scored(model) for name, model in models.items()}
    base = "the backbone alone"
    models[base] = backbone_of(whole)
    with tempfile.TemporaryDirectory() as scratch:
        found = {}
        for index, (name, model) in enumerate(models.items()):
            path = Path(scratch) / f"{index}.onnx"
            export.to_onnx(model, path, image_shape=subjects.IMAGE_SHAPE)
            found[name] = runners.onnx_runner(path, args.threads)
        before = timing.machine()
        seconds = timing.in_turns(found, args.rounds)
    rows, results = [], []
    for name, taken in seconds.items():
        ratio = timing.ratio(taken, seconds[base])
        result = {"form": name, "ratio": ratio, **scores.get(name, {})}
        results.append({**result, "seconds": taken})
        row = [name, timing.median_and_min(taken), f"{ratio:.2f}"]
        for score in SCORES:
            row.append(f"{100 * result[score]:.2f}" if score in result else "")
        rows.append(row)
    timing.print_table(
        [args.entry, "ms: median (min)", "over the backbone", *SCORES], rows
    )
    timing.write_json(args.json, before, args, results=results)


if __name__ == "__main__":
    main()
