"""The runtime's loop: load the handler, then take an event, call the handler and answer, repeatedly."""

import os
import sys

from . import encoding, faults, handler, logs
from .api import Refused, RuntimeAPI
from .context import LambdaContext

_TOO_LARGE = 413  # the Runtime API has answered the caller


def run():
    """Runs until the process ends. An exit that the handler asks for (sys.exit) is a crash of the runtime."""
    api = RuntimeAPI(os.environ["AWS_LAMBDA_RUNTIME_API"])
    logs.configure()
    function = _load(api)
    while True:
        invocation = _insist(api.next)
        logs.begin(invocation)
        _trace(invocation.trace_id)
        _invoke(api, function, invocation)


def _load(api):
    try:
        return handler.load(os.environ.get("_HANDLER", ""))
    except Exception as e:
        description = faults.describe(e)
        logs.error(description)
        _insist(api.fail_init, _body(description), description["errorType"])
        _exit()


def _invoke(api, function, invocation):
    try:
        result = function(encoding.decode(invocation), LambdaContext(invocation))
        body, content_type = encoding.encode(result)
    except Exception as e:
        description = faults.describe(e, invocation.id)
        logs.error(description)
        _insist(api.fail, invocation.id, _body(description), description["errorType"])
        return
    _insist(api.respond, invocation.id, body, content_type)


def _body(description):
    return encoding.to_json(description).encode("utf-8", "backslashreplace")


def _insist(call, *arguments):
    """Makes a call, and ends the process if it fails: the runtime cannot go on without it."""
    try:
        return call(*arguments)
    except Refused as e:
        print(e, file=sys.stderr)
        if e.status != _TOO_LARGE:
            _exit()
    except OSError as e:
        print("Runtime API: %s: %s" % (os.environ["AWS_LAMBDA_RUNTIME_API"], e), file=sys.stderr)
        _exit()


def _exit():
    """Ends the process at once, even if the handler's module has started threads."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def _trace(header):
    if header is None:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    else:
        os.environ["_X_AMZN_TRACE_ID"] = header
