"""What was observed: plain records, and the file that keeps them."""

from nodemem.records.recording import RecordingReader, RecordingWriter
from nodemem.records.types import (
    HeapSpace,
    Marker,
    MemorySample,
    ProcessFacts,
    Record,
    WorkerUsage,
)

__all__ = [
    "HeapSpace",
    "Marker",
    "MemorySample",
    "ProcessFacts",
    "Record",
    "RecordingReader",
    "RecordingWriter",
    "WorkerUsage",
]
