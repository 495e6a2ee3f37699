"""JSON as Lambda's Python runtimes read and write it."""

import decimal
import json
import os
import re

from .faults import Fault

# Up to Python 3.11, Lambda's runtimes escape all but ASCII; it matters to the size limit of a response.
_ESCAPES = re.match(r"AWS_Lambda_python3\.([0-9]|1[01])$", os.environ.get("AWS_EXECUTION_ENV", "")) is not None


def decode(invocation):
    """Returns the event: parsed if its content type is JSON, else its bytes."""
    if invocation.content_type.partition(";")[0].strip().lower() != "application/json":
        return invocation.event
    try:
        return json.loads(invocation.event)
    except Exception as e:
        raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % e)


def encode(result):
    """Returns the bytes and the content type of a handler's result."""
    if isinstance(result, bytes):
        return result, "application/unknown"
    try:
        return to_json(result).encode("utf-8"), "application/json"
    except Exception as e:
        raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % e)


def to_json(value):
    """Encodes value; decimals keep every digit and named tuples are objects, unlike in the json module."""
    decimals = []
    mark = os.urandom(12).hex()

    def default(other):
        if not isinstance(other, decimal.Decimal):
            raise TypeError("Object of type %s is not JSON serializable" % type(other).__name__)
        decimals.append("NaN" if other.is_nan() else str(other))
        return "%s%d" % (mark, len(decimals) - 1)

    text = json.dumps(value, default=default, ensure_ascii=_ESCAPES)
    if _has_named_tuple(value):  # checked only now: value has no cycles, or dumps had failed
        del decimals[:]
        text = json.dumps(_unnamed(value), default=default, ensure_ascii=_ESCAPES)
    if not decimals:
        return text
    return re.sub('"%s([0-9]+)"' % mark, lambda match: decimals[int(match.group(1))], text)


def _has_named_tuple(value):
    if isinstance(value, dict):
        return any(map(_has_named_tuple, value.values()))
    if isinstance(value, tuple):
        return hasattr(value, "_asdict") or any(map(_has_named_tuple, value))
    return isinstance(value, list) and any(map(_has_named_tuple, value))


def _unnamed(value):
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: _unnamed(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_unnamed(member) for member in value]
    return value
