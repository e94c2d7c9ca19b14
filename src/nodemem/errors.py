"""Every failure a user may meet, as one family of exceptions.

    NodememError                 what happened, why, what to do next, and the exit code
    ├── UsageError           2   the request itself cannot be carried out as written
    │   ├── OutputExists     2   -o FILE is there already
    │   └── MissingExtra     2   an optional dependency is not installed
    ├── TargetError          3   the live process cannot be used
    │   ├── TargetNotFound   3   no such process, or it is not Node.js
    │   ├── NotPermitted     3   the operating system or the target says no
    │   ├── TargetLost       3   the process or its connection ended while we used it
    │   ├── TargetTimeout    3   the target did not answer in time
    │   └── UnsafeTarget     3   going on could harm the target
    ├── InputError           4   a file that cannot be read as what it should be
    ├── InsufficientEvidence 5   a verdict was asked for that the observations do not carry
    ├── OutputError          6   the result could not be written
    └── InternalError       70   our bug

Errors are raised anywhere and printed in one place, the command line's `main`.
"""

from __future__ import annotations


class NodememError(Exception):
    """Base of all errors that nodemem raises on purpose.

    `what` is one sentence without a full stop; `why` says the reason when it is known;
    `next` is the next step for the user, ideally a command that can be pasted.
    """

    exit_code = 70

    def __init__(self, what: str, *, why: str | None = None, next: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.next = next

    def __str__(self) -> str:
        return self.what if self.why is None else f"{self.what}: {self.why}"


class UsageError(NodememError):
    exit_code = 2


class OutputExists(UsageError):
    pass


class MissingExtra(UsageError):
    pass


class TargetError(NodememError):
    exit_code = 3


class TargetNotFound(TargetError):
    pass


class NotPermitted(TargetError):
    pass


class TargetLost(TargetError):
    pass


class TargetTimeout(TargetError):
    pass


class UnsafeTarget(TargetError):
    pass


class InputError(NodememError):
    exit_code = 4


class InsufficientEvidence(NodememError):
    exit_code = 5


class OutputError(NodememError):
    exit_code = 6


class InternalError(NodememError):
    exit_code = 70
