import json

import keras
import numpy as np
import pytest

from kerasseg.cli.scores import final_score
from kerasseg.data import Labels
from kerasseg.metrics import BoundaryF1
from kerasseg.metrics import BoundaryIoU
from kerasseg.training import evaluate

LABELS = Labels(("sky", "road", "car"))


def strongest_color(image_shape=(None, None, 3)):
    """A model whose prediction is the strongest channel of a pixel."""
    return keras.Sequential(
        [keras.Input(image_shape), keras.layers.Rescaling(1.0)]
    )


def halves(height, width):
    """Left half predicted 0, right half 1; rows labeled 0, 1, last 255."""
    image = np.zeros((height, width, 3), "uint8")
    image[:, : width // 2, 0] = 200
    image[:, width // 2 :, 1] = 200
    mask = np.zeros((height, width), "uint8")
    mask[height // 2 :] = 1
    mask[-1] = 255
    return image, mask


def check_by_hand(result):
    # 32 x 40: 16 rows of 0, 15 rows of 1, 20 columns predicted each.
    assert result["images"] == 1
    assert result["confusion_matrix"] == [
        [320, 320, 0],
        [300, 300, 0],
        [0, 0, 0],
    ]
    assert result["pixel_accuracy"] == pytest.approx(620 / 1240)
    assert result["mean_accuracy"] == pytest.approx(0.5)
    assert result["mean_iou"] == pytest.approx((320 / 940 + 300 / 920) / 2)
    assert result["frequency_weighted_iou"] == pytest.approx(
        (640 * 320 / 940 + 600 * 300 / 920) / 1240
    )
    assert result["per_class_iou"] == {
        "sky": pytest.approx(320 / 940),
        "road": pytest.approx(300 / 920),
        "car": None,
    }


@pytest.mark.every_backend
def test_by_hand_with_an_absent_class_and_ignored_pixels():
    result = evaluate(strongest_color(), [halves(32, 40)], LABELS)
    check_by_hand(result)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_a_tf_dataset_is_scored_as_its_samples_are():
    tf = pytest.importorskip("tensorflow")
    image, mask = halves(32, 40)
    data = tf.data.Dataset.from_tensors((image, mask))
    check_by_hand(evaluate(strongest_color(), data, LABELS))


def test_another_way_to_predict():
    model, (image, mask) = strongest_color(), halves(32, 40)

    def predict(given, pixels):
        assert given is model
        np.testing.assert_array_equal(pixels, image)
        return np.where(mask == 255, 2, mask)

    result = evaluate(model, [(image, mask)], LABELS, predict=predict)
    assert result["mean_iou"] == 1


def test_another_way_to_predict_that_finds_no_class():
    image, mask = halves(32, 40)
    with pytest.raises(ValueError, match="`prediction` must hold .* 0 to 2"):
        evaluate(
            strongest_color(),
            [(image, mask)],
            LABELS,
            predict=lambda model, image: np.full(mask.shape, 3),
        )


def test_absent_classes_as_zero():
    result = evaluate(strongest_color(), [halves(32, 40)], LABELS, "zero")
    assert result["per_class_iou"]["car"] == 0
    assert result["mean_iou"] == pytest.approx((320 / 940 + 300 / 920) / 3)


def test_images_of_several_sizes_add_up():
    done = []
    result = evaluate(
        strongest_color(),
        [halves(32, 40), halves(50, 34)],
        LABELS,
        progress=done.append,
    )
    # 50 x 34: 25 rows of 0, 24 rows of 1, 17 columns predicted each.
    assert result["confusion_matrix"] == [
        [320 + 425, 320 + 425, 0],
        [300 + 408, 300 + 408, 0],
        [0, 0, 0],
    ]
    assert done == [1, 2]


def test_a_model_of_fixed_input_size():
    result = evaluate(strongest_color((64, 96, 3)), [halves(32, 40)], LABELS)
    check_by_hand(result)
    assert result["notes"][-1] == (
        "The model was made for images of 64x96 pixels; 1 of another size, "
        "such as 32x40, were resized to 64x96."
    )


def test_images_of_another_size_than_the_model_was_made_for_are_reported():
    pairs = [halves(32, 40), halves(50, 34), halves(60, 34)]
    result = evaluate(strongest_color(), pairs, LABELS, image_size=(32, 40))
    assert (
        "32x40 pixels; 2 of another size, such as 50x34, were scored"
        in (result["notes"][-1])
    )


def test_an_ignored_class_is_not_scored():
    labels = Labels(("sky", "road", "car"), ignore_classes=(0, 255))
    result = evaluate(strongest_color(), [halves(32, 40)], labels)
    assert result["confusion_matrix"] == [
        [0, 0, 0],
        [300, 300, 0],
        [0, 0, 0],
    ]
    # Predictions of an ignored class are misses, but no class of their own.
    assert result["per_class_iou"]["sky"] is None
    assert result["mean_iou"] == result["per_class_iou"]["road"] == 0.5
    assert result["mean_over"]["mean_iou"] == "1 of 3 classes"


def test_masks_of_0_and_255_are_reported(caplog):
    image, mask = (array[:, :32] for array in halves(40, 64))
    mask[mask == 1] = 255
    labels = Labels(("background", "road", "cell"))
    result = evaluate(strongest_color(), [(image, mask)], labels)
    # Every pixel that counts is right, since none of the foreground counts.
    assert result["mean_iou"] == 1.0
    assert result["mean_over"] == {
        "mean_accuracy": "1 of 3 classes",
        "mean_iou": "1 of 3 classes",
    }
    (note,) = result["notes"]
    assert "road, cell never occur in the masks, while 255," in note
    assert "id_map={0: 0, 255: 1}" in note
    assert note in caplog.text


def test_float_masks_are_class_ids_or_refused():
    image, mask = halves(32, 40)
    pairs = [(image, mask.astype("float32"))]
    check_by_hand(evaluate(strongest_color(), pairs, LABELS))
    with pytest.raises(ValueError, match="mask of image 0 .* not whole"):
        evaluate(strongest_color(), [(image, mask / 255)], LABELS)


def test_scaled_images_are_refused():
    image, mask = halves(32, 40)
    with pytest.raises(ValueError, match=r"0\.\.255.*divided by 255"):
        evaluate(strongest_color(), [(image / 255, mask)], LABELS)


def test_a_model_of_one_channel_is_refused():
    model = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.Conv2D(1, 1)]
    )
    with pytest.raises(ValueError, match=r"one \(sigmoid\) channel is not"):
        evaluate(model, [halves(32, 40)], Labels(("background", "cell")))


def test_boundaries_on_request():
    pairs = [halves(32, 40), halves(50, 34)]
    model = strongest_color()
    plain = evaluate(model, pairs, LABELS)
    result = evaluate(model, pairs, LABELS, boundaries=True)
    over = plain.pop("mean_over")
    names = ("mean_accuracy", "mean_iou", "boundary_iou", "boundary_f1")
    assert result.pop("mean_over") == {n: "2 of 3 classes" for n in names}
    assert over == {n: "2 of 3 classes" for n in names[:2]}
    assert plain.items() <= result.items()
    added = {"trimap_iou", "boundary_iou", "boundary_f1"}
    assert set(result) - set(plain) == added
    assert list(result["trimap_iou"]) == ["1", "2", "3", "5", "10", "20", "40"]
    # The bands of 40 hold all of both images.
    assert result["trimap_iou"]["40"] == pytest.approx(plain["mean_iou"])
    for name, kind in (
        ("boundary_iou", BoundaryIoU),
        ("boundary_f1", BoundaryF1),
    ):
        metric = kind(3)
        for image, mask in pairs:
            metric.update(mask, image.argmax(-1))
        assert 0 < result[name] < 1
        assert result[name] == pytest.approx(metric.result())
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_images_without_labels_have_no_scores():
    image, mask = halves(32, 40)
    mask[:] = 255
    labels, model = LABELS, strongest_color()
    result = evaluate(model, [(image, mask)], labels, boundaries=True)
    for name in ("mean_iou", "mean_accuracy", "pixel_accuracy"):
        assert result[name] is None
    assert result["frequency_weighted_iou"] is None
    assert final_score(result) is None
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert set(result["trimap_iou"].values()) == {None}
    assert result["boundary_iou"] is None
    assert result["boundary_f1"] is None


def test_objects_that_void_outlines():
    model = strongest_color()
    image, _ = halves(40, 64)
    mask = image[..., 1] // 200
    mask[:, 30:34] = 255
    arguments = {"labels": LABELS, "boundaries": True}
    alone = evaluate(model, [(image, mask)], **arguments)
    assert alone["boundary_f1"] is None
    *others, note = alone["notes"]
    assert "outlined by void" in note
    assert "--void-outline" in note
    filled = evaluate(model, [(image, mask)], **arguments, void_outline=5)
    assert filled["notes"] == others
    assert filled["boundary_f1"] == 1
    assert filled["trimap_iou"]["40"] > 0.98
    # Only the boundary metrics see what was filled.
    assert filled["confusion_matrix"] == alone["confusion_matrix"]
    with pytest.raises(ValueError, match="`void_outline` must be an integer"):
        evaluate(model, [(image, mask)], **arguments, void_outline=-1)
    with pytest.raises(
        ValueError, match="--void-outline on .*void_outline=9999"
    ):
        evaluate(model, [(image, mask)], **arguments, void_outline=9999)


def test_bad_data():
    image, mask = halves(32, 40)
    model = strongest_color()
    with pytest.raises(ValueError, match="at least one image"):
        evaluate(model, [], LABELS)
    with pytest.raises(
        ValueError, match=r"mask of image 1 .* size .*\(32, 40\).*\(31, 40\)"
    ):
        evaluate(model, [(image, mask), (image, mask[1:])], LABELS)
    mask = mask.copy()
    mask[3, 4] = 17
    with pytest.raises(ValueError, match="image 0 holds unknown class ids: 17"):
        evaluate(model, [(image, mask)], LABELS)


def test_another_number_of_classes():
    labels = Labels(("background", "cell"))
    with pytest.raises(
        ValueError, match="must have 2 classes.*Received: 3 classes"
    ):
        evaluate(strongest_color(), [halves(32, 40)], labels)
