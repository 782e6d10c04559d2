"""The list of what a job has done, a line of JSON for each image."""

import json
import os
from pathlib import Path

from kerasseg.files import atomic_file


class Manifest:
    """What a job has done, on disk after each image.

    The first line says what the job is. A line that a crash cut off is
    dropped, and so are those of images that failed, which are tried again.

    Args:
        path: The file.
        job: What the job is, as JSON holds it.
        resume: Whether to go on with a file that is there.

    Raises:
        ValueError: If there is a file and it is not to be resumed, or that of
            another job.
    """

    def __init__(self, path: Path, job: dict, resume: bool) -> None:
        self.path = Path(path)
        self.done = {}
        if self.path.exists():
            self._take_over(job, resume)
        with atomic_file(self.path) as temporary:
            lines = [job, *self.done.values()]
            temporary.write_text("".join(map(_line, lines)), encoding="utf-8")
        self._file = self.path.open("a", encoding="utf-8")

    def add(self, record: dict) -> None:
        """Notes what became of an image.

        Args:
            record: Its name as `"member"`, and facts.

        Raises:
            OSError: If it cannot be written.
        """
        self._file.write(_line(record))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _take_over(self, job, resume):
        if not resume:
            raise ValueError(
                "`out` must not hold an earlier job when `resume=False`. "
                f"Received: {self.path}"
            )
        first, *records = _read(self.path) or [{}]
        changed = [k for k in {**first, **job} if first.get(k) != job.get(k)]
        if changed:
            raise ValueError(
                "A job must be resumed with the model and the source that it "
                f"began with. Received: {self.path}, other than now in: "
                + ", ".join(
                    f"{k} ({first.get(k)} before, {job.get(k)} now)"
                    for k in changed
                )
            )
        for record in records:
            mask = record.get("mask")
            if mask and (self.path.parent / mask).is_file():
                self.done[record["member"]] = record


def _line(record):
    return json.dumps(record, sort_keys=True) + "\n"


def _read(path):
    """The whole lines of a file."""
    records = []
    for line in path.read_bytes().splitlines(keepends=True):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if line.endswith(b"\n") and isinstance(record, dict):
            records.append(record)
    return records
