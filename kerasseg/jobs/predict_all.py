"""Masks of all images of an archive or a folder, by several workers."""

import contextlib
import json
import math
import os
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasseg import zoo
from kerasseg.arguments import check_integer
from kerasseg.jobs.manifest import Manifest
from kerasseg.jobs.members import Members
from kerasseg.jobs.segmenter import Segmenter
from kerasseg.locks import lock

MANIFEST = "manifest.jsonl"
_LOCK = ".job"
# Images of a task, which is done again where its worker is killed.
_TASK = 8
# Names and hashes are all that goes through the store; Ray takes a third of
# the memory otherwise.
_STORE_BYTES = 100 << 20


@dataclass(frozen=True)
class JobReport:
    """What became of the images of a job.

    Args:
        total: Number of images in the source.
        done: Number of masks that are there, also from before.
        before: Number of those from before.
        failed: What went wrong, by the name of the image.
        problem: What is wrong with the source itself, or an empty text.
    """

    total: int
    done: int
    before: int
    failed: dict[str, str]
    problem: str


def predict_all(
    entry: str | os.PathLike,
    source: str | os.PathLike,
    out: str | os.PathLike,
    workers: int = 2,
    resume: bool = False,
    on_record: Callable[[dict], None] | None = None,
) -> JobReport:
    """Segments all images of an archive or a folder, each exactly once.

    The mask of `a/b.jpg` is `a/b.jpg.png` in `out`, class ids with the
    classes' colors. `manifest.jsonl` there has a line for each image, written
    when its mask is there: name, mask, hash, size and worker, or what went
    wrong. A worker that is killed is replaced, and its images are done again;
    where the job itself is, another call with `resume=True` does what is
    left, and what failed before.

    Args:
        entry: Name of a zoo entry, folder of a saved model, or
            `"hf://USER/NAME"`.
        source: A ZIP archive, a TAR archive that is not compressed, or a
            folder with its sub-folders. Hidden files in it are left out.
        out: Folder of the masks, made if it does not exist.
        workers: Number of processes of Ray Data on this machine; each loads
            the model, and takes a processor. 0 for this process alone,
            without Ray. Defaults to 2.
        resume: Whether to go on with the job in `out`. Defaults to `False`.
        on_record: Function called with each line of the manifest. Defaults to
            none.

    Returns:
        The report.

    Raises:
        ValueError: If the model has no weights, the source cannot be read, or
            `out` lies in it, holds another job, or one that is under way.
        ImportError: If Ray is not installed.
        OSError: If no mask can be written any more, such as on a full disk.
    """
    check_integer("workers", workers, 0)
    info = zoo.info(str(entry))
    if not info.is_trained:
        raise ValueError(
            f"`entry` must have trained weights. Received: entry={str(entry)!r}"
        )
    members = Members(source)
    out = Path(out).absolute()
    _check_out(out, members.path)
    job = {
        "model": info.sha256,
        "source": members.path.name,
        "bytes": members.size,
        "images": len(members.names),
    }
    # Every worker takes the same commit of a model on Hugging Face.
    arguments = info.origin or str(entry), str(members.path), str(out)
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out):
        manifest = Manifest(out / MANIFEST, job, resume)
        try:
            left = [n for n in members.names if n not in manifest.done]
            records = _records(arguments, left, workers)
            failed = _note(records, manifest, on_record)
        finally:
            manifest.close()
    total, before = len(members.names), len(manifest.done)
    done = total - len(failed)
    return JobReport(total, done, before, failed, members.problem)


def _check_out(out, source):
    # Masks in the source would be images of it when the job goes on.
    if out.resolve().is_relative_to(source.resolve()):
        raise ValueError(
            "`out` must be a folder outside of `source`. "
            f"Received: out={str(out)!r}, source={str(source)!r}"
        )


@contextlib.contextmanager
def _alone(out):
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock(out / _LOCK, wait=False))
        except BlockingIOError as error:
            raise ValueError(
                "`out` must not be the folder of a job that is under way. "
                f"Received: out={str(out)!r}"
            ) from error
        yield


def _records(arguments, names, workers):
    if not names:
        return iter(())
    if workers == 0:
        return map(Segmenter(*arguments).segment, names)
    return _with_ray(arguments, names, workers)


def _note(records, manifest, on_record):
    """Writes the manifest; what failed, by the name of the image."""
    failed = {}
    for record in records:
        if "stop" in record:
            raise OSError(f"No mask can be written any more: {record['stop']}")
        manifest.add(record)
        if "error" in record:
            failed[record["member"]] = record["error"]
        if on_record is not None:
            on_record(record)
    return failed


def _with_ray(
    arguments: Sequence[str], names: Sequence[str], workers: int
) -> Iterator[dict]:
    """What became of each image, as workers of Ray Data tell."""
    try:
        import ray
        from ray import data
    except ImportError as error:
        raise ImportError(
            "A job with workers needs Ray: pip install 'kerasseg[jobs]'. "
            "`workers=0` needs none"
        ) from error
    started = not ray.is_initialized()
    if started:
        ray.init(
            num_cpus=workers,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            object_store_memory=_STORE_BYTES,
        )
    try:
        rows = data.from_items(
            [{"member": name} for name in names],
            override_num_blocks=math.ceil(len(names) / _TASK),
        ).map_batches(
            Segmenter,
            fn_constructor_args=arguments,
            batch_size=_TASK,
            compute=data.ActorPoolStrategy(size=workers),
            num_cpus=1,
        )
        for row in rows.iter_rows():
            yield json.loads(row["record"])
    finally:
        if started:
            ray.shutdown()
