"""`kerasseg demo`: segment, fine-tune and export in a few minutes."""

import argparse
import contextlib
import os
import time
from pathlib import Path

from kerasseg.cli import demo_images
from kerasseg.cli import demo_page
from kerasseg.cli.entry import load_model
from kerasseg.cli.entry import save_model
from kerasseg.cli.errors import Failure
from kerasseg.cli.errors import one_line
from kerasseg.cli.files import make_folder
from kerasseg.cli.output import echo
from kerasseg.cli.predict import write_mask
from kerasseg.files import atomic_file

ENTRY = "lrr_4x"
PHOTO_ENTRY = "lrr_4x_animals"
# Chelsea, by Stefan van der Walt, CC0: a photo of scikit-image's.
PHOTO = Path(__file__).with_name("cat.jpg")
EPOCHS = 10
BATCH = 8
TRAIN, HELD_OUT = 48, 16

_EPILOG = """\
examples:
  kerasseg demo
  kerasseg demo --out demo --image my_street.jpg
"""

_NEXT = """\
kerasseg predict {entry} my_images --out masks
kerasseg predict {folder}/discs my_discs --out masks
kerasseg export {entry} --to litert --image-shape 352x480
kerasseg train zoo/{entry}/recipe.py --out runs/{entry}
"""


def add_parser(subparsers) -> None:
    """Adds the verb to the command.

    Args:
        subparsers: What `add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "demo",
        help="segment, fine-tune and export in a few minutes",
        description="Segment a street and a photo with trained models, "
        "teach one a new class, export and verify that as LiteRT and ONNX, "
        "and write a page that shows it all.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        default="demo",
        help="the folder to write to (default: demo)",
    )
    parser.add_argument(
        "--image",
        metavar="FILE",
        help="the image to segment (default: a photo of a cat, and a "
        "CamVid test image if that dataset is here, else a street that the "
        "demo draws)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the demo.

    Args:
        args: The parsed arguments.

    Returns:
        The exit code.

    Raises:
        Failure: If an exporter is missing or its file is wrong.
    """
    import keras

    import kerasseg

    start = time.perf_counter()
    folder = make_folder(args.out)
    street, photo = find_images(args.image)
    keras.utils.set_random_seed(1)
    parts = segment(folder, street, photo)
    model, labels, shown = fine_tune(folder)
    parts += shown
    shown, problems = export(folder, model, labels)
    parts += shown
    parts += [
        demo_page.section("Go on", "Everything above is one command or call:"),
        demo_page.code(_NEXT.format(entry=ENTRY, folder=args.out)),
    ]
    took = time.perf_counter() - start
    made = demo_page.faint(
        f"Made in {took:.0f} s by kerasseg {kerasseg.__version__} with Keras "
        f"{keras.__version__} on {keras.backend.backend()}."
    )
    page = demo_page.page("kerasseg demo", [made, *parts])
    with atomic_file(folder / "index.html") as at:
        at.write_text(page, encoding="utf-8")
    echo(f"{folder / 'index.html'} shows it all ({took:.0f} s)")
    if problems:
        raise Failure("; ".join(problems))
    return 0


def find_images(path: str | None):
    """The images to segment, and which ones they are.

    Args:
        path: An image file for both, or `None` for a CamVid test image if
            that dataset is here, a drawn street elsewhere, and a photo.

    Returns:
        A street and a photo: each a `uint8` array `(height, width, 3)`
        and a phrase that names it.
    """
    from kerasseg.data import places
    from kerasseg.data.image import read_image

    if path is not None:
        image = read_image(path), f"your image {Path(path).name}"
        return image, image
    photo = read_image(PHOTO), "a photo by Stefan van der Walt (CC0)"
    # Research use only, hence not in the package; fine to look at here.
    folder = places.data_root() / "camvid" / "images" / "test"
    images = sorted(folder.glob("*.jpg"))
    if os.environ.get("KERASSEG_DATA") and images:
        image = images[len(images) // 2]
        name = f"CamVid's test image {image.stem} (research use only)"
        return (read_image(image), name), photo
    street = demo_images.draw_street(), "a street that this demo drew"
    return street, photo


def segment(folder: Path, street, photo) -> list[str]:
    """Segments a street and a photo.

    Args:
        folder: Where images, masks and overlays go.
        street: `uint8` array `(height, width, 3)` and a phrase that names it.
        photo: The same of a photo of animals or people.

    Returns:
        Pieces of HTML.
    """
    figures = _segmented(folder, "street", ENTRY, *street)
    figures += _segmented(folder, "photo", PHOTO_ENTRY, *photo)
    return [
        demo_page.section(
            "1. Segment",
            f"{ENTRY} was trained on street images, {PHOTO_ENTRY} on animals "
            "and people. Both are loaded from the package.",
        ),
        demo_page.grid(figures),
    ]


def _segmented(folder, stem, entry, image, source):
    """An image and what an entry sees in it, as figures and as files."""
    from PIL import Image

    from kerasseg import inference
    from kerasseg import zoo

    with _step(f"segment {source} with {entry}"):
        model = load_model(entry)
        labels = zoo.info(entry).labels
        mask = inference.predict_mask(model, image)
        overlay = inference.overlay(image, mask, labels)
        write_mask(folder / f"{stem}_mask.png", mask, labels.palette)
        for name, content in (
            (f"{stem}.png", Image.fromarray(image)),
            (f"{stem}_overlay.png", overlay),
        ):
            with atomic_file(folder / name) as part:
                content.save(part)
    return [
        demo_page.figure(image, f"{source}, {_size(image)}"),
        demo_page.figure(overlay, f"what {entry} sees"),
    ]


def fine_tune(folder: Path):
    """Teaches the trained backbone two new classes with `model.fit`.

    Args:
        folder: Where the model goes.

    Returns:
        The model, its labels, and pieces of HTML.
    """
    from kerasseg import data

    labels = data.Labels(demo_images.DISC_CLASSES, demo_images.DISC_PALETTE)
    held_out = demo_images.draw_discs(HELD_OUT, seed=2)
    steps = EPOCHS * TRAIN // BATCH
    with _step(f"fine-tune {ENTRY} on discs for {steps} steps"):
        model, history = _fit_discs(labels, held_out, steps)
        save_model(model, folder / "discs", labels)
    losses = history["loss"]
    score = 100 * history["val_mean_iou"][-1]
    echo(
        f"  loss {losses[0]:.3f} -> {losses[-1]:.3f}, mean IoU on {HELD_OUT} "
        f"held-out drawings {score:.1f} %"
    )
    parts = [
        demo_page.section(
            "2. Fine-tune",
            f"The backbone of {ENTRY}, frozen, with a new head for "
            f"{labels.class_names[0]} and {labels.class_names[1]}: {TRAIN} "
            f"small drawings, {steps} steps of model.fit. Mean IoU on "
            f"{HELD_OUT} drawings that it never saw: {score:.1f} %.",
        ),
        demo_page.curves(
            {"training loss": losses, "held-out loss": history["val_loss"]},
            "epoch",
        ),
        demo_page.faint("Held-out drawings and what the model finds:"),
        demo_page.grid(_found(model, labels, held_out), small=True),
    ]
    return model, labels, parts


def _fit_discs(labels, held_out, steps):
    """The fine-tuned model and its losses and scores by epoch."""
    import keras

    from kerasseg import losses
    from kerasseg import metrics
    from kerasseg import zoo

    images, masks = demo_images.draw_discs(TRAIN, seed=1)
    model = zoo.load(ENTRY, num_classes=labels.num_classes)
    backbones = [i for i in model.layers if isinstance(i, keras.Model)]
    for backbone in backbones:
        backbone.trainable = False
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    model.compile(
        keras.optimizers.AdamW(schedule),
        losses.SegmentationLoss(),
        metrics=[metrics.MeanIoU(labels.num_classes, name="mean_iou")],
    )
    history = model.fit(
        images,
        masks.astype("int32"),
        batch_size=BATCH,
        epochs=EPOCHS,
        validation_data=(held_out[0], held_out[1].astype("int32")),
        verbose=0,
    )
    for backbone in backbones:
        backbone.trainable = True
    return model, history.history


def _found(model, labels, held_out):
    """The first held-out drawings and what the model finds in them."""
    from kerasseg import inference

    figures = []
    for image, mask in zip(*(part[:4] for part in held_out), strict=True):
        found = inference.predict_mask(model, image)
        shown = inference.overlay(image, found, labels, 0.6, legend=False)
        agree = 100 * (found == mask).mean()
        figures += [
            demo_page.figure(image, "held out"),
            demo_page.figure(shown, f"{agree:.1f} % of pixels right"),
        ]
    return figures


def export(folder: Path, model, labels):
    """Exports the fine-tuned model, verified on held-out drawings.

    Args:
        folder: Where the files go.
        model: The fine-tuned model.
        labels: Its labels.

    Returns:
        Pieces of HTML, and sentences on what went wrong.
    """
    import kerasseg.export

    images, masks = demo_images.draw_discs(HELD_OUT, seed=2)
    samples = list(zip(images, masks, strict=True))
    tables, problems = [], []
    for title, name, to_format in (
        ("LiteRT", "discs.tflite", kerasseg.export.to_litert),
        ("ONNX", "discs.onnx", kerasseg.export.to_onnx),
    ):
        try:
            with _step(f"export to {title} and compare the file with Keras"):
                report = to_format(
                    model,
                    folder / name,
                    image_shape=images.shape[1:],
                    verify_on=samples,
                    labels=labels,
                )
        except (ImportError, ValueError, kerasseg.export.ExportError) as error:
            problems.append(f"{title}: {one_line(error)}")
            tables.append(
                demo_page.report_table(title, [("failed", one_line(error))])
            )
            continue
        echo(
            f"  {name}: mask agreement {100 * report.mask_agreement:.4f} %, "
            f"max logit error {report.max_error:.1e}"
        )
        tables.append(demo_page.report_table(title, _rows(report, name)))
    parts = [
        demo_page.section(
            "3. Export and verify",
            "Each file was loaded in its own runtime and run on the held-out "
            "drawings before it was put in place; the tables say how far it "
            "is from the Keras model.",
        ),
        demo_page.grid(tables),
    ]
    return parts, problems


def _rows(report, name):
    """The rows of a report in the words of the page."""
    shown = {
        "path": name,
        "verified on": f"{report.images} held-out drawings",
    }
    return [(row, shown.get(row, value)) for row, value in report.rows()]


def _size(image):
    return f"{image.shape[1]} x {image.shape[0]}"


@contextlib.contextmanager
def _step(title):
    echo(f"{title} ...", flush=True)
    start = time.perf_counter()
    yield
    echo(f"  {time.perf_counter() - start:.1f} s", flush=True)
