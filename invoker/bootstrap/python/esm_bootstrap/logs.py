"""Logging: each record is one line of standard output."""

import datetime
import json
import logging
import os
import sys
import time
import traceback

_AS_JSON = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
_SECONDS = "%Y-%m-%dT%H:%M:%S"

# Attributes of a record that are not the caller's own (the rest came in through extra).
_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"aws_request_id", "tenant_id", "message", "asctime"}


class _Current:
    """The current invocation, which records name."""

    request_id = None
    tenant_id = None


def begin(invocation):
    _Current.request_id = invocation.id
    _Current.tenant_id = invocation.tenant_id


def configure():
    """Gives the root logger one handler, in the format that the function was configured with."""
    logging.Formatter.converter = time.gmtime
    handler = _StandardOutput()
    handler.addFilter(_mark)
    text = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", _SECONDS)
    handler.setFormatter(_JSON() if _AS_JSON else text)
    root = logging.getLogger()
    root.addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    level = {"TRACE": "DEBUG", "WARN": "WARNING"}.get(level, level)
    if level in ("DEBUG", "INFO", "WARNING", "ERROR", "FATAL", "CRITICAL"):
        root.setLevel(level)


def write(text):
    """Writes text as one line: line breaks inside it become carriage returns, as on Lambda, to keep it one event."""
    sys.stdout.write("\r".join(text.rstrip("\n").split("\n")) + "\n")
    sys.stdout.flush()


def error(description):
    """Writes an error that was reported to the Runtime API."""
    if _AS_JSON:
        now = time.strftime(_SECONDS, time.gmtime()) + "Z"
        write(_encode(dict({"timestamp": now, "level": "ERROR"}, **description)))
        return
    title = ": ".join(part for part in (description["errorType"], description["errorMessage"]) if part)
    lines = ["[ERROR] " + title, "Traceback (most recent call last):"]
    for entry in description["stackTrace"]:
        lines += map(_indented, entry.splitlines())
    write("\n".join(lines))


def _indented(line):
    """Indents with no-break spaces, which viewers do not trim."""
    stripped = line.lstrip(" ")
    return "\u00a0" * (len(line) - len(stripped)) + stripped


def _mark(record):
    record.aws_request_id = _Current.request_id or ""
    record.tenant_id = _Current.tenant_id
    return True


def _encode(fields):
    return json.dumps(fields, ensure_ascii=False, default=str)


class _StandardOutput(logging.Handler):
    def emit(self, record):
        try:
            write(self.format(record))
        except Exception:
            self.handleError(record)


class _JSON(logging.Formatter):
    def format(self, record):
        created = datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)
        fields = {
            "timestamp": created.strftime(_SECONDS) + ".%03dZ" % (created.microsecond // 1000),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": record.aws_request_id,
            "tenantId": record.tenant_id,
        }
        if record.exc_info and record.exc_info[0]:
            fields["stackTrace"] = traceback.format_tb(record.exc_info[2])
            fields["errorType"] = record.exc_info[0].__name__
            fields["errorMessage"] = str(record.exc_info[1])
            fields["location"] = "%s:%s:%s" % (record.pathname, record.funcName, record.lineno)
        for name, value in record.__dict__.items():
            if name not in _STANDARD:
                fields.setdefault(name, value)
        return _encode({name: value for name, value in fields.items() if value is not None})
