import importlib
import io
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from kerasseg.data.image import resize_planes
from kerasseg.export import ExportError
from kerasseg.export import read_sidecar
from kerasseg.export import run_saved_model
from kerasseg.export import to_saved_model

saved_model = importlib.import_module("kerasseg.export.saved_model.exporter")
SHAPE = (32, 48)


def test_the_folder_computes_what_the_model_computes(model, tmp_path, rng):
    path = tmp_path / "served"
    report = to_saved_model(model, path, image_shape=SHAPE)
    images = rng.uniform(0, 255, (2, 32, 48, 3)).astype("float32")
    expected = model(images, training=False)
    np.testing.assert_allclose(
        run_saved_model(path, images), expected, atol=1e-5
    )
    assert report.format == "saved_model"
    assert report.logit_range > 0.1
    assert report.relative_error <= 1e-4
    assert report.operators["Conv2D"] == 3
    assert report.operators["DepthToSpace"] == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "served",
        "served.json",
    ]
    assert read_sidecar(path)["sha256"] == report.sha256


def test_batch_normalization_in_training_mode_is_found(trapped_model, tmp_path):
    pattern = (
        r"(?s)differs from the Keras model: max logit error \d.*mask "
        r"agreement .*updates 2 variables .*moving_mean.*training mode"
    )
    with pytest.raises(ExportError, match=pattern):
        to_saved_model(trapped_model, tmp_path / "served", image_shape=SHAPE)
    assert not list(tmp_path.iterdir())


def test_an_older_saved_model_is_replaced(build, tmp_path):
    path = tmp_path / "served"
    first = to_saved_model(build(num_classes=3), path, image_shape=SHAPE)
    second = to_saved_model(build(num_classes=5), path, image_shape=SHAPE)
    assert first.sha256 != second.sha256
    assert read_sidecar(path)["num_classes"] == 5
    assert run_saved_model(path, np.zeros((1, 32, 48, 3))).shape[-1] == 5
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_with_other_things_is_not_replaced(model, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="`path` must be new, or an empty"):
        to_saved_model(model, tmp_path, image_shape=SHAPE)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def _bytes(pixels, form, **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form, **options)
    return stream.getvalue()


@pytest.fixture(scope="module")
def serving(build, tmp_path_factory):
    """The two signatures of an exported folder, and its path."""
    import tensorflow as tf

    keras.utils.set_random_seed(4)
    path = tmp_path_factory.mktemp("serving") / "served"
    report = to_saved_model(build(), path, image_shape=SHAPE)
    loaded = tf.saved_model.load(str(path))

    def plain(pixels):
        images = tf.constant(pixels, tf.float32)
        return loaded.signatures["serving_default"](images=images)["logits"]

    def encoded(content):
        serve = loaded.signatures["serving_encoded"]
        return serve(encoded=tf.constant([content]))["logits"].numpy()

    # The signatures live as long as what was loaded.
    return SimpleNamespace(
        path=path, report=report, plain=plain, encoded=encoded, kept=loaded
    )


def test_bytes_of_a_png_give_what_its_pixels_give(serving, rng):
    pixels = rng.integers(0, 256, (*SHAPE, 3), "uint8")
    expected = serving.plain(pixels[None])
    assert np.ptp(expected) > 0.1
    found = serving.encoded(_bytes(pixels, "png"))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    palette = Image.fromarray(pixels).quantize(16)
    stream = io.BytesIO()
    palette.save(stream, "png")
    colors = np.asarray(palette.convert("RGB"))
    found = serving.encoded(stream.getvalue())
    np.testing.assert_allclose(found, serving.plain(colors[None]), atol=1e-6)


def test_bytes_of_a_gray_jpeg_give_what_its_pixels_give(serving, rng):
    content = _bytes(rng.integers(0, 256, SHAPE, "uint8"), "jpeg", quality=95)
    gray = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    found = serving.encoded(content)
    np.testing.assert_allclose(found, serving.plain(gray[None]), atol=0.05)


@pytest.mark.parametrize("size", [(64, 96), (20, 33), (80, 40)])
def test_images_of_another_size_are_resized(serving, rng, size):
    pixels = rng.integers(0, 256, (*size, 3), "uint8")
    resized = resize_planes(pixels, SHAPE)
    found = serving.encoded(_bytes(pixels, "png"))
    assert found.shape == (1, *SHAPE, 4)
    np.testing.assert_allclose(found, serving.plain(resized[None]), atol=1e-3)


def test_the_sidecar_describes_the_bytes(serving):
    entry = read_sidecar(serving.path)["signatures"]["serving_encoded"]
    assert entry["input"]["name"] == "encoded"
    assert entry["input"]["dtype"] == "string"
    assert "JPEG or PNG" in entry["input"]["meaning"]
    assert any("serving_encoded" in note for note in serving.report.notes)


def test_a_wrong_decoder_is_refused(model, tmp_path, monkeypatch):
    def flipped(traced, shape):
        import tensorflow as tf

        def from_bytes(encoded):
            image = tf.io.decode_image(encoded[0], channels=3)[:, ::-1]
            images = tf.cast(image[tf.newaxis], tf.float32)
            return traced(tf.ensure_shape(images, shape))

        signature = tf.TensorSpec((1,), tf.string, name="encoded")
        return tf.function(
            from_bytes, input_signature=[signature], autograph=False
        )

    monkeypatch.setattr(saved_model, "encoded_function", flipped)
    for output in ("logits", "mask"):
        with pytest.raises(ExportError, match="something else for a PNG"):
            to_saved_model(
                model, tmp_path / "x", image_shape=SHAPE, output=output
            )
    assert not list(tmp_path.iterdir())


def test_images_that_no_jpeg_holds_have_one_signature(build, tmp_path):
    report = to_saved_model(build((*SHAPE, 5)), tmp_path / "served")
    assert "signatures" not in read_sidecar(tmp_path / "served")
    assert not report.notes
