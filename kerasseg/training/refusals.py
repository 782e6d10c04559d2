"""What a training refuses before it begins."""

from pathlib import Path

import keras

from kerasseg import zoo
from kerasseg.arguments import check_choice
from kerasseg.inference.ends import output_shape
from kerasseg.zoo.hub_name import is_hub_name


def check_start(start_from):
    """Refuses a start that is not there.

    Args:
        start_from: Path or name of what the model starts from, or `None`.

    Raises:
        ValueError: If it is not there.
    """
    if start_from is None or is_hub_name(start_from):
        return
    if not Path(start_from).exists() and start_from not in zoo.names():
        raise ValueError(
            "`start_from` must be a weights file, the folder of a saved model "
            f"or a zoo entry. Received: start_from={str(start_from)!r}, which "
            "is not there; `kerasseg train RECIPE.py --start-from PATH` names "
            "another"
        )


def check_teacher(teacher, labels):
    """Refuses a teacher that is not there or knows other classes.

    Args:
        teacher: Name of a trained model, a function, or `None`.
        labels: `Labels` of the recipe, or `None`.

    Raises:
        ValueError: If there is no such model, or its classes differ.
    """
    if teacher is None or callable(teacher):
        return
    try:
        known = zoo.info(teacher).labels
    except ValueError as error:
        raise ValueError(
            "`teacher` must name a trained model. "
            f"Received: teacher={str(teacher)!r}; {error}"
        ) from error
    if labels is not None and known.class_names != labels.class_names:
        raise ValueError(
            "`teacher` must have the classes of the recipe, "
            f"{', '.join(labels.class_names)}. Received: "
            f"teacher={str(teacher)!r}, with {', '.join(known.class_names)}"
        )


def check_callbacks(callbacks):
    """Refuses what is no callback.

    Args:
        callbacks: Callbacks of Keras.

    Raises:
        TypeError: If one is something else.
    """
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                "`callbacks` must hold instances of keras.callbacks.Callback. "
                f"Received: {callback!r} of type {type(callback).__name__}"
            )


def check_keep(keep, validation):
    """Refuses to keep the best of what nobody scores.

    Args:
        keep: `"last"` or `"best"`.
        validation: What a recipe has for its validation, or `None`.

    Raises:
        ValueError: If it is another word, or there is no validation.
    """
    check_choice("keep", keep, ("last", "best"))
    if keep == "best" and validation is None:
        raise ValueError(
            "`validation` of the recipe must say what the best epoch is. "
            "Received: keep='best', validation=None"
        )


def check_labels(labels, data, model):
    """Refuses labels that are not those of the data and the model.

    Args:
        labels: `Labels` of a recipe, or `None`.
        data: The training data.
        model: The model.

    Raises:
        ValueError: If the classes differ.
    """
    if labels is None:
        return
    names = getattr(getattr(data, "labels", labels), "class_names", None)
    if names is not None and names != labels.class_names:
        raise ValueError(
            "`labels` must have the classes of the training data, "
            f"{', '.join(names)}. Received: {', '.join(labels.class_names)}"
        )
    if output_shape(model)[-1] != labels.num_classes:
        raise ValueError(
            f"`labels` must have the {output_shape(model)[-1]} classes of the "
            f"model. Received: labels with {labels.num_classes} classes"
        )


def check_batch_size(batch_size, replicas):
    """Refuses a batch that devices cannot share.

    Args:
        batch_size: Images of a step.
        replicas: Number of devices.

    Raises:
        ValueError: If it is no multiple.
    """
    if batch_size % replicas:
        raise ValueError(
            f"`batch_size` must be a multiple of the {replicas} devices that "
            f"share a batch. Received: batch_size={batch_size}"
        )


def check_accumulation(make, replicas):
    """Refuses to accumulate gradients on several devices of TensorFlow.

    Keras does so in a branch, where the replicas of TensorFlow cannot meet.

    Args:
        make: Function from a number of steps to the optimizer.
        replicas: Number of devices.

    Raises:
        ValueError: If the optimizer accumulates there.
    """
    if replicas == 1 or keras.backend.backend() != "tensorflow":
        return
    every = getattr(make(1), "gradient_accumulation_steps", None)
    if every:
        raise ValueError(
            "`optimizer` of the recipe must not accumulate gradients when "
            "several devices share a batch on TensorFlow, which Keras cannot "
            "do; a larger `batch_size` has the same effect. Received: "
            f"gradient_accumulation_steps={every} on {replicas} devices"
        )
