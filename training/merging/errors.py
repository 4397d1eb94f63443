"""The error of a merge, raised with one sentence that names the offender."""


class MergeError(ValueError):
    """A merge that cannot be done as asked."""
