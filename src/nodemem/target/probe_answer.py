"""What a probe says, after it has run in the target: a value of the shape that was asked for."""

from __future__ import annotations

from typing import Any

import msgspec

from nodemem.errors import TargetError, TargetNotFound


def read_answer(answer: dict[str, Any], shape: type[Any], who: str) -> Any:
    """The value that a probe returned.

    Raises:
        TargetNotFound: the answer is not that of a Node.js process.
        TargetError: the probe reports a failure.
    """
    result = answer.get("result")
    value = result.get("value") if isinstance(result, dict) else None
    failed = value.get("failed") if isinstance(value, dict) else "it gave no answer"
    if failed is not None or "exceptionDetails" in answer:
        raise TargetError(f"{who} could not be asked", why=str(failed)[:300])
    try:
        return msgspec.convert(value, shape, strict=False)
    except msgspec.ValidationError as error:
        raise TargetNotFound(
            f"{who} does not answer like Node.js", why=str(error), next="nodemem ps"
        ) from error
