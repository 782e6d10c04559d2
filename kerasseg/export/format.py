"""What every format can say about itself."""

import abc
import collections

from kerasseg.export.quantization import Conversion
from kerasseg.export.signature import Signature
from kerasseg.formats import FORMATS


class Format(abc.ABC):
    """One kind of exported file: how it is made, opened and read.

    A subclass lies in the folder of its format and knows its converter and
    its runtime. What is fixed stands in `kerasseg.formats`, under `name`.
    Methods take the path of a file that `convert` wrote.
    """

    name: str

    def __init__(self):
        self.facts = FORMATS[self.name]

    @property
    def suffix(self) -> str:
        """End of its file names; empty for a folder."""
        return self.facts.suffix

    @property
    def modules(self) -> tuple[str, ...]:
        """Modules that converting and running it import here."""
        return self.facts.modules

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions whose versions the report states."""
        return self.facts.packages

    @abc.abstractmethod
    def convert(self, frozen, path) -> Conversion | None:
        """Writes a model as a file.

        Args:
            frozen: The `FrozenModel` to convert.
            path: Path to write.

        Returns:
            What a `Conversion` tells of a file with integers.

        Raises:
            ExportError: If the model cannot be converted.
        """

    def advice(self) -> str:
        """Says what to try where a model cannot be converted.

        Returns:
            Sentence, with a space before it; empty where there is nothing.
        """
        return ""

    @abc.abstractmethod
    def open(self, path):
        """Loads a file in the runtime that its users have.

        Args:
            path: Path of the file.

        Returns:
            Function from an image batch to logits or class ids, numpy arrays
            with channels last.

        Raises:
            ExportError: If the runtime refuses the file or its input and
                output are not `images` and `logits` or `mask`.
        """

    @abc.abstractmethod
    def operators(self, path) -> dict[str, int]:
        """Counts the operators of a file.

        Args:
            path: Path of the file.

        Returns:
            Dictionary from operator name to count, most frequent first.
        """

    def signature(self, path) -> Signature | None:
        """Reads what a file says about its input and output.

        Args:
            path: Path of the file.

        Returns:
            Its `Signature`, or `None` where it has none to read.

        Raises:
            ExportError: If it cannot be read.
        """
        del path

    def quantization(self, path) -> tuple[dict | None, dict | None]:
        """Reads how a file turns pixels and logits into integers.

        Args:
            path: Path of the file.

        Returns:
            For input and output a dictionary with `scale` and `zero_point`,
            where `real = scale * (integer - zero_point)`, or `None` where the
            values are no quantized numbers.
        """
        del path
        return None, None

    def float_operators(self, path) -> list[str]:
        """Names the operators of an int8 file that compute in float.

        Args:
            path: Path of the file.

        Returns:
            Sorted list of names; none where the format cannot tell.
        """
        del path
        return []

    def time_shares(self, path, images) -> dict[str, float] | None:
        """Measures which operators take the time of a file.

        Args:
            path: Path of the file.
            images: Batch of one image, channels last.

        Returns:
            Dictionary from operator name to its share of the time, in
            [0, 1], largest first, or `None` where the runtime does not tell.
        """
        del path, images

    def extra_signatures(self, path, images) -> tuple[dict, tuple[str, ...]]:
        """Verifies what a file offers besides the logits or mask of images.

        Args:
            path: Path of the file.
            images: Batch of one image, channels last.

        Returns:
            Entries of the sidecar, and sentences for the report; none of both
            where it offers nothing more.

        Raises:
            ExportError: If that gives another result.
        """
        del path, images
        return {}, ()


def by_count(names) -> dict[str, int]:
    """Counts names.

    Args:
        names: Iterable of the names, or a `collections.Counter` of them.

    Returns:
        Dictionary from name to count, most frequent first.
    """
    counts = collections.Counter(names)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
