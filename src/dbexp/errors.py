"""The exceptions that mean "the user can mend this". They know nothing of what was asked."""

from collections.abc import Sequence


class UserError(Exception):
    """A mistake the user can mend.

    Its text is one clear sentence (or one a line) that names the file or key and the remedy. The front door prints it
    without a traceback and leaves with exit code 2.

    Args:
        message: the sentences.
        advice: what to try instead, told after them and no fault itself.
    """

    def __init__(self, message: str = "", advice: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.advice = tuple(advice)


class NotHereError(UserError):
    """A model that was named is not on this machine; nothing else is wrong with the request."""
