"""Helpers for tests of nodemem and of programs that use it."""

from nodemem.testing.node_program import NodeProgram

__all__ = ["NodeProgram"]
