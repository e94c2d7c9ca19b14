"""Leaks: a verdict from what was observed of one process over time.

from nodemem.leaks import Observation, diagnose

diagnosis = diagnose(Observation(
    before=open_snapshot("a.heapsnapshot"),   # both taken in one inspector session,
    after=open_snapshot("b.heapsnapshot"),    # under the same load
    samples=[MemorySample, ...],              # process.memoryUsage() over the whole time
    before_time=3.0, after_time=13.0,         # seconds on the clock of the samples
    requests=4200,                            # answered between the snapshots, when known
))
diagnosis.verdict      # "leak", "bounded growth", "steady", "insufficient evidence"
diagnosis.findings     # what leaks, who holds it, on which source line, how fast
diagnosis.growth       # Table: growth points, the greatest first (as `nodemem heap diff`)
diagnosis.path         # Table: retaining path of one leaked object, through its holder; or None
"""

from nodemem.leaks.diagnosis import Diagnosis, Observation, Verdict, diagnose

__all__ = ["Diagnosis", "Observation", "Verdict", "diagnose"]
