"""What was observed: plain records, and the file that keeps them."""

from nodemem.records.address_space import AddressSpace, Mapping
from nodemem.records.groups import ControlGroup, Pressure, Stall
from nodemem.records.observed import MappedMemory, Observed, ThreadName
from nodemem.records.recording import RecordingReader, RecordingWriter, is_recording
from nodemem.records.rotation import RotatingWriter
from nodemem.records.types import (
    ActiveResources,
    GcEvent,
    GcKind,
    GcSpace,
    GcWatch,
    GroupMemory,
    HeapSpace,
    Marker,
    MemorySample,
    ProcessEnd,
    ProcessFacts,
    ProcessSample,
    Record,
    Resident,
    WorkerUsage,
)

__all__ = [
    "ActiveResources",
    "AddressSpace",
    "ControlGroup",
    "GcEvent",
    "GcKind",
    "GcSpace",
    "GcWatch",
    "GroupMemory",
    "HeapSpace",
    "MappedMemory",
    "Mapping",
    "Marker",
    "MemorySample",
    "Observed",
    "Pressure",
    "ProcessEnd",
    "ProcessFacts",
    "ProcessSample",
    "Record",
    "RecordingReader",
    "RecordingWriter",
    "Resident",
    "RotatingWriter",
    "Stall",
    "ThreadName",
    "WorkerUsage",
    "is_recording",
]
