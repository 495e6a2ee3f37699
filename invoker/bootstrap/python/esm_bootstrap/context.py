"""The object that a handler gets as its second argument (AWS: "Using the Lambda context object ... in Python")."""

import json
import os
import time

from . import logs
from .faults import Fault


class _Fields:
    """An object with a fixed set of attributes, each None unless the source says otherwise."""

    _sources = {}  # attribute -> key

    def __init__(self, source):
        for attribute, key in self._sources.items():
            setattr(self, attribute, source.get(key))

    def __repr__(self):
        shown = ",".join("%s=%s" % (name, getattr(self, name)) for name in self._sources)
        return "%s([%s])" % (type(self).__name__, shown)


class CognitoIdentity(_Fields):
    _sources = {
        "cognito_identity_id": "cognitoIdentityId",
        "cognito_identity_pool_id": "cognitoIdentityPoolId",
    }


class Client(_Fields):
    _sources = {
        name: name
        for name in ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")
    }


class ClientContext(_Fields):
    _sources = {name: name for name in ("custom", "env", "client")}

    def __init__(self, source):
        _Fields.__init__(self, source)
        if self.client is not None:
            self.client = Client(self.client)


class LambdaContext:
    """What is known about one invocation and its environment."""

    def __init__(self, invocation):
        self.aws_request_id = invocation.id
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = invocation.function_arn
        self.tenant_id = invocation.tenant_id
        client_context = _parse(invocation.client_context, "Client Context")
        self.client_context = None if client_context is None else ClientContext(client_context)
        self.identity = CognitoIdentity(_parse(invocation.identity, "Cognito Identity") or {})
        self._deadline_ms = invocation.deadline_ms

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message):
        logs.write(str(message))

    def __repr__(self):
        shown = ",".join("%s=%s" % item for item in self.__dict__.items() if item[0] != "_deadline_ms")
        return "LambdaContext([%s])" % shown


def _parse(text, name):
    if not text:
        return None
    try:
        parsed = json.loads(text)
        if parsed is not None and not isinstance(parsed, dict):
            raise ValueError("it is not an object")
        return parsed
    except ValueError as e:
        raise Fault("Runtime.LambdaContextUnmarshalError", "Unable to parse %s JSON: %s" % (name, e))
