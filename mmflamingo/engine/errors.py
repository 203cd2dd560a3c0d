"""Errors that a user can mend; the tools print them without a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """Something given by the user doesn't work: the message says what, and what to do."""


class ConfigError(UserError):
    """A config names what doesn't exist; the message lists all such places."""


class MissingFilesError(UserError):
    """Files that a run needs are not there; the message lists all of them."""


class CheckpointError(UserError):
    """A checkpoint can't be read, or doesn't fit the model."""


class RunError(UserError):
    """A run can't begin, go on, or be scored: the message says what stands in its way."""


@contextmanager
def building_a_model() -> Iterator[None]:
    """Names the config where torch or a part of the model cannot do with its values, such as a size without bounds.

    Raises:
        ConfigError: In place of an error of these kinds.
    """
    try:
        yield
    except (RuntimeError, TypeError, OverflowError, ZeroDivisionError, MemoryError) as error:
        reason = str(error).splitlines()[0] if str(error) else 'it gives no reason'
        raise ConfigError(f'The model of the config cannot be built: {type(error).__name__}: {reason}') from error
