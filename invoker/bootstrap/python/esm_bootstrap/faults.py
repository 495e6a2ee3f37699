"""Errors, in the form of the Runtime API and the log."""

import os
import traceback

_OURS = os.path.dirname(os.path.abspath(__file__))


class Fault(Exception):
    """An error of the runtime, whose type is not the name of an exception's class."""

    def __init__(self, error_type, message, trace=()):
        Exception.__init__(self, message)
        self.error_type = error_type
        self.trace = list(trace)


def describe(error, request_id=""):
    """Returns the body that reports error. Its stack trace lacks the frames of the bootstrap."""
    if isinstance(error, Fault):
        error_type, trace = error.error_type, error.trace
    else:
        error_type = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        while frames and os.path.dirname(os.path.abspath(frames[0].filename)) == _OURS:
            del frames[0]
        trace = traceback.format_list(frames)
    return {
        "errorMessage": _text(error),
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": trace,
    }


def _text(error):
    try:
        return str(error)
    except Exception:
        return "<the message of this %s cannot be shown>" % type(error).__name__
