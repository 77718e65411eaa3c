"""The process that works apart: how a job gets there, and how what came of it gets back. `python -m healer.survey.process`.

Both are files, because through a pipe they would be copied three times, a piece at a time on the event loop; files in memory,
where there are any, because what is large would hold up what the journal writes to the disk.
"""

import os
import sys
import tempfile
from typing import IO

import msgspec

from healer.survey.work import Done, Job, Read, do
from healer.topology.packed import Packed

_BODY = b"b"
"""What follows is node-link JSON as it is, to be read."""
_JOB = b"j"
"""What follows is another job."""

_done = msgspec.msgpack.Decoder(Done)
_jobs: msgspec.msgpack.Decoder[Job] = msgspec.msgpack.Decoder(Job)


def empty() -> IO[bytes]:
    """A file without a name, which is gone when it is closed."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("healer"), "w+b")
    return tempfile.TemporaryFile()


def write(job: Job) -> IO[bytes]:
    """A job as a file, for the process to read."""
    file = empty()
    file.write(_BODY if isinstance(job, Read) else _JOB)
    file.write(job.body if isinstance(job, Read) else msgspec.msgpack.encode(job))
    file.seek(0)
    return file


def answer(file: IO[bytes]) -> tuple[Done, Packed | None]:
    """What the process wrote."""
    file.seek(0)
    done = _done.decode(file.read(int.from_bytes(file.read(8), "little")))
    return done, Packed.read(file) if file.read(1) == _MORE else None


def _job(file: IO[bytes]) -> Job:
    kind, rest = file.read(1), file.read()
    job: Job = Read(rest) if kind == _BODY else _jobs.decode(rest)
    return job


def _work(given: IO[bytes], answered: IO[bytes]) -> None:
    done, packed = do(_job(given))
    said = msgspec.msgpack.encode(done)
    answered.write(len(said).to_bytes(8, "little") + said)
    if packed is not None:
        answered.write(_MORE)
        packed.write(answered)
    answered.flush()


_MORE = b"p"
"""After what came of the job comes what an index needs."""

if __name__ == "__main__":
    import gc

    gc.disable()  # nothing here is ever in a circle, and the process ends soon
    _work(sys.stdin.buffer, sys.stdout.buffer)
    os._exit(0)  # to let go of millions of objects one by one would take a tenth of the time
