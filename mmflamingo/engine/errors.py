"""Errors that a user can mend; the tools print them without a traceback."""


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
