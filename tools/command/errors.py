"""Errors of a command that are shown without a traceback; the message says what to do. Any other exception is a bug.

ToolError
├── Missing              a required program, file or argument is missing
├── CommandFailed        a child process ended with a status other than 0
├── GateFailed           the build would not run on Lambda, or differs from what is pinned
├── StackFailed          the local stack did not start, or differs from the template
├── UnexpectedAnswer     the API answered with an unexpected status or body
├── MigrationFailed      an index cannot be copied; the message says what to do
└── CheckFailed          a measured or verified condition is false
"""


class ToolError(Exception):
    """Base class."""


class Missing(ToolError):
    """A required program, file or argument is missing."""


class CommandFailed(ToolError):
    """A child process ended with a status other than 0; the message has the end of its output."""


class GateFailed(ToolError):
    """The build would not run on Lambda, or differs from what is pinned."""


class StackFailed(ToolError):
    """The local stack did not start, or differs from the template."""


class UnexpectedAnswer(ToolError):
    """The API answered with an unexpected status or body."""


class CheckFailed(ToolError):
    """A measured or verified condition is false."""


class MigrationFailed(ToolError):
    """An index cannot be copied; the message says what to do."""
