"""What can go wrong with a tool, told in words that say what to do. Anything else is a bug and keeps its traceback.

ToolError
├── Missing              something that has to be on the machine is not
├── CommandFailed        a command ended with a status other than 0
├── GateFailed           what was built would not run on Lambda, or not as it should
├── StackFailed          the local stack did not start, or is not what the template says
├── UnexpectedAnswer     the API answered something else than it should
└── CheckFailed          the demo measured something that must not be
"""


class ToolError(Exception):
    """Shown to the person without a traceback."""


class Missing(ToolError):
    """Something that has to be on the machine is not."""


class CommandFailed(ToolError):
    """A command ended with a status other than 0; the message holds the end of what it printed."""


class GateFailed(ToolError):
    """What was built would not run on Lambda, or not as it should."""


class StackFailed(ToolError):
    """The local stack did not start, or is not what the template says."""


class UnexpectedAnswer(ToolError):
    """The API answered something else than it should."""


class CheckFailed(ToolError):
    """The demo measured something that must not be."""
