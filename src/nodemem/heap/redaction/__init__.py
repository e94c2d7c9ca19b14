"""Copies of snapshots that can be given away: texts replaced, structure kept; see
docs/commands/heap-redact.md."""

from nodemem.heap.redaction.copying import Redacted, redact

__all__ = ["Redacted", "redact"]
