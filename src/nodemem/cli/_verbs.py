"""The verbs of the command line: name -> (one-line summary, module). Order is that of `--help`."""

VERBS: dict[str, tuple[str, str]] = {
    "ps": ("Node.js processes on this host, without touching them", "nodemem.cli.ps"),
    "map": ("where every byte of RSS is: code, data, heap, stack", "nodemem.cli.map"),
    "usage": ("process.memoryUsage(), heap spaces and limits, from outside", "nodemem.cli.usage"),
    "gc": ("minor and major collections: pauses, rates, causes", "nodemem.cli.gc"),
    "limits": ("the heap limits in force, why they are that, what to set", "nodemem.cli.limits"),
    "snapshot": ("stream a heap snapshot to disk, with a forecast first", "nodemem.cli.snapshot"),
    "record": ("everything light that can be observed, over time", "nodemem.cli.record"),
    "run": ("run a program and record it from the start", "nodemem.cli.program"),
    "heap": ("what a heap snapshot holds, and who holds it", "nodemem.cli.heap"),
    "cache": ("what is kept of large heap snapshots: list, check, clear", "nodemem.cli.cache"),
    "inspect": (
        "open the inspector for DevTools or VS Code, and close it afterwards",
        "nodemem.cli.inspect",
    ),
    "demo": ("a leaking server of ours, the whole way to the diagnosis", "nodemem.cli.demo"),
    "doctor": (
        "is everything here that is needed? what did killed runs leave?",
        "nodemem.cli.doctor",
    ),
    "explain": ("a concept in words, with a process's own numbers", "nodemem.cli.explain"),
    "completion": ("print the shell's completion script", "nodemem.cli.completion"),
}

PROCESS = "nodemem.cli.triage"
"""What runs where a process id stands in place of a verb."""
