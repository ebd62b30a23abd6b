"""Errors as exit codes and as messages that say what to do; docs/command-line.md lists the codes."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

import click

from vectord_client import change_errors, errors, gateway_errors
from vectord_client.cli.advice import advice_for, detail_of
from vectord_client.cli.output import say
from vectord_client.load import errors as loads

_SHOWN: Final = 10  # rows that a message lists


class Exit(IntEnum):
    """The exit codes of the command line."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    DENIED = 5
    UNAVAILABLE = 6
    INVALID = 7
    PARTIAL = 8
    INTERRUPTED = 130  # 128 + SIGINT, as shells count
    PIPE_CLOSED = 141  # 128 + SIGPIPE


# The first class that an error belongs to decides.
_EXITS: Final[Mapping[type[errors.VectordError], Exit]] = {
    errors.RouteNotFound: Exit.UNAVAILABLE,
    errors.NotFound: Exit.NOT_FOUND,
    errors.FolderMissing: Exit.NOT_FOUND,
    errors.IndexExists: Exit.CONFLICT,
    errors.PreconditionFailed: Exit.CONFLICT,
    errors.IdempotencyKeyReused: Exit.CONFLICT,
    errors.VectorBucket: Exit.CONFLICT,
    errors.AccessDenied: Exit.DENIED,
    gateway_errors.AccessRefused: Exit.DENIED,
    errors.CredentialsMissing: Exit.DENIED,
    errors.Unavailable: Exit.UNAVAILABLE,
    change_errors.StillQueued: Exit.UNAVAILABLE,
    errors.TransportError: Exit.UNAVAILABLE,
    gateway_errors.GatewayFailed: Exit.UNAVAILABLE,
    gateway_errors.NotVectord: Exit.UNAVAILABLE,
    gateway_errors.AnswerInvalid: Exit.UNAVAILABLE,
    errors.IndexCorrupt: Exit.FAILED,
    errors.IndexUnsupported: Exit.FAILED,
    errors.StorageRefused: Exit.FAILED,
    errors.Problem: Exit.INVALID,
    gateway_errors.RequestRefused: Exit.INVALID,
    loads.LoadRunning: Exit.CONFLICT,
    loads.SourceChanged: Exit.CONFLICT,
    loads.IndexChanged: Exit.CONFLICT,
    loads.UploadNotSeen: Exit.UNAVAILABLE,
    loads.FileUnwritable: Exit.FAILED,
    loads.ExportIncomplete: Exit.UNAVAILABLE,
    loads.JournalUnusable: Exit.FAILED,
    loads.LoadError: Exit.INVALID,
    errors.MissingExtra: Exit.FAILED,
    errors.ClientClosed: Exit.FAILED,
    errors.UsageError: Exit.USAGE,
}


def exit_of(error: errors.VectordError) -> Exit:
    """Return the exit code of an error of the client."""
    return next((code for kind, code in _EXITS.items() if isinstance(error, kind)), Exit.FAILED)


def report(error: BaseException, parameters: Mapping[str, Any] | None = None) -> Exit:
    """Print an error to standard error and return its exit code; `parameters` are those of the command that failed.

    Raises:
        BaseException: the error itself, if it is a defect and not one of the expected kinds.
    """
    match error:
        case errors.VectordError():
            _say_error(error, parameters or {})
            return exit_of(error)
        case click.UsageError():
            return _usage(error)
        case click.ClickException():
            say(f"error: {error.format_message()}")
            return Exit.FAILED
        case click.Abort():
            return Exit.FAILED
        case KeyboardInterrupt():
            say(str(error) or "Interrupted.")
            return Exit.INTERRUPTED
        case OSError():
            say(f"error: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
            return Exit.FAILED
        case _:
            raise error


def _say_error(error: errors.VectordError, parameters: Mapping[str, Any]) -> None:
    """Print what is wrong, the rows that are not valid, and the advice."""
    say(" ".join(["error:", detail_of(error, parameters), *error.circumstances]))
    for item in error.errors[:_SHOWN]:
        which = "" if item.id is None else f", id {item.id!r}"
        say(f"row {item.position + 1:,}{which}: {item.reason}")  # from 1, as editors number lines
    if (hidden := len(error.errors) + error.errors_omitted - _SHOWN) > 0:
        say(f"and {hidden:,} more")
    for note in (*getattr(error, "__notes__", ()), advice_for(error)):
        if note:
            say(note)


def _usage(error: click.UsageError) -> Exit:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(error.format_message())
        return Exit.USAGE
    say(f"error: {error.format_message()}")
    if error.ctx is not None:
        say(f"Try: {error.ctx.command_path} --help")
    return Exit.USAGE
