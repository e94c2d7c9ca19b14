"""The public surface is what `__all__` says, and errors are one family."""

from __future__ import annotations

import inspect

import nodemem
from nodemem import errors


def test_every_exported_name_exists() -> None:
    for name in nodemem.__all__:
        assert getattr(nodemem, name) is not None
    assert list(nodemem.__all__) == ["__version__", *sorted(set(nodemem.__all__) - {"__version__"})]


def test_every_public_thing_says_what_it_is() -> None:
    for name in nodemem.__all__:
        value = getattr(nodemem, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            own = value.__doc__ or ("" if not isinstance(value, type) else errors.__doc__)
            assert own, f"{name} has no docstring"


def test_errors_are_one_family_with_exit_codes() -> None:
    family = [
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, Exception)
    ]
    assert all(issubclass(error, nodemem.NodememError) for error in family)
    assert {error.__name__ for error in family} <= set(nodemem.__all__)
    assert {error.exit_code for error in family} == {2, 3, 4, 5, 6, 70}
