"""Readings of a process from /proc and its control groups: nothing is sent to it."""

from __future__ import annotations

from nodemem.records import ProcessFacts, ProcessSample
from nodemem.target import cgroup, discover, family, inspector, mappings, procfs, told


class Sampler:
    """Reads one Node.js process again and again.

    `process` is what it is, found when we came; a process that takes its id later is told from it.

    Raises:
        TargetNotFound: there is no such process, or it is not Node.js.
        NotPermitted: it may not be looked at, as others' on macOS.
    """

    def __init__(self, pid: int) -> None:
        found = discover.examine(pid)
        if found is None:
            raise family.not_node(pid)
        if found.rss is None and not told.BY_KERNEL:
            inspector.require_running(pid)  # others' may not be looked at on macOS
        self.pid = pid
        self.process = found
        self._started = procfs.start_ticks(pid)
        # Where a group is mounted is asked once; a process hardly ever changes its group.
        self._groups = cgroup.memory_groups(pid)

    def facts(self) -> ProcessFacts:
        """Who it is, for the head of a recording."""
        return ProcessFacts(
            pid=self.pid,
            version=self.process.version,
            script=self.process.script,
            argv=self.process.argv,
            limit=self.process.cgroup_limit,
        )

    def sample(self, time: float, *, detailed: bool | None = False) -> ProcessSample | None:
        """A reading, `time` seconds into the observation; None once it is gone.

        `detailed` as in `mappings.resident`.
        """
        resident = mappings.resident(self.pid, detailed=detailed)
        if resident is None or procfs.start_ticks(self.pid) != self._started:
            return None
        status = procfs.status(self.pid)
        return ProcessSample(
            time=time,
            resident=resident,
            threads=None if status is None else status.threads,
            fds=procfs.open_files(self.pid),
            cpu=procfs.cpu_seconds(self.pid),
            groups=cgroup.levels(self._groups),
            events=cgroup.events(self._groups),
        )
