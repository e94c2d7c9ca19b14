"""Helpers for tests of nodemem and of programs that use it."""

from nodemem.testing.memory_image import MemoryImage
from nodemem.testing.node_program import NodeProgram
from nodemem.testing.snapshot_builder import SnapshotBuilder, build_snapshot

__all__ = ["MemoryImage", "NodeProgram", "SnapshotBuilder", "build_snapshot"]
