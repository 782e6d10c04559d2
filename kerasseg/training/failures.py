"""What ends a training before its time, in a sentence."""

import contextlib
import errno

# A full disk, a quota that is used up, and a file system's limit.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def clear_errors(checkpoint, sources):
    """Says what went wrong with the numbers, inside of the input or on disk.

    Args:
        checkpoint: Path of the state of the training.
        sources: `Batches` that are read, or `None`.

    Yields:
        Nothing.
    """
    try:
        yield
    except FloatingPointError as error:
        kept = checkpoint if checkpoint.exists() else "nothing"
        raise FloatingPointError(
            f"{error} Try a lower learning rate, gradient clipping or "
            f'`precision="float32"`. Kept: {kept}'
        ) from error
    except Exception as error:
        for source in sources:
            if source is not None and source.error is not None:
                raise source.error from error
        if getattr(error, "errno", None) in _NO_ROOM:
            raise _without_room(error, checkpoint) from error
        raise


def _without_room(error, checkpoint):
    kept = "Nothing is kept yet"
    if checkpoint.exists():
        kept = (
            "The last finished epoch that was written is kept, and the "
            "training resumes from it once there is room"
        )
    what = f"{error.strerror}, for what an epoch leaves. {kept}"
    return OSError(error.errno, what, str(checkpoint.parent))
