"""Digests of snapshots; see docs/commands/heap-digest.md."""

from nodemem.heap.digest.making import digest

__all__ = ["digest"]
