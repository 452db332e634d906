"""The one exception that means "the user can mend this". It knows nothing of what was asked."""


class UserError(Exception):
    """A mistake the user can mend.

    Its text is one clear sentence (or one a line) that names the file or key and the remedy. The front door prints it
    without a traceback and leaves with exit code 2.
    """
