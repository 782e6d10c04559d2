"""Says which classes the mean IoU of a training leaves out."""

import logging
from collections.abc import Sequence

import keras
import numpy as np

logger = logging.getLogger(__name__)


class MeanOver(keras.callbacks.Callback):
    """Logs which classes a mean leaves out, once for each set of them.

    A class that neither occurs nor is predicted has no IoU. A mean over the
    others alone must not be taken for that of all.

    Args:
        metric: `MeanIoU` that the model was compiled with.
        name: Its name in the logs, such as `"val_mean_iou"`.
        class_names: Names of the classes. Defaults to their ids.
    """

    def __init__(
        self,
        metric: keras.metrics.Metric,
        name: str,
        class_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self._metric = metric
        self._name = name
        self._names = class_names
        self._reported = set()

    def on_epoch_end(self, epoch, logs=None):
        absent = np.flatnonzero(np.isnan(self._metric.per_class_iou()))
        left_out = tuple(absent.tolist())
        if not left_out or left_out in self._reported:
            return
        self._reported.add(left_out)
        names = self._names or range(self._metric.num_classes)
        count = self._metric.num_classes
        logger.warning(
            "%s is a mean over %d of %d classes, without %s",
            self._name,
            count - len(left_out),
            count,
            ", ".join(str(names[i]) for i in left_out),
        )
