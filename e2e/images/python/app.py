"""A handler that does what the event says, like the handlers in the other languages beside it."""

import os
import time

init = os.environ.get("INIT")
if init == "error":
    raise LookupError("no beans at all")
if init == "exit":
    os._exit(7)

count = 0


def handler(event, context):
    global count
    count += 1
    match event["do"]:
        case "echo":
            return event["value"]
        case "error":
            raise ValueError(event["text"])
        case "exit":
            os._exit(event["code"])
        case "sleep":
            time.sleep(event["seconds"])
        case "size":
            return "x" * (event["bytes"] - len('""'))
        case "environment":
            return os.environ.get(event["name"])
        case "context":
            return {
                "id": context.aws_request_id,
                "arn": context.invoked_function_arn,
                "name": context.function_name,
                "version": context.function_version,
                "memory": int(context.memory_limit_in_mb),
                "group": context.log_group_name,
                "stream": context.log_stream_name,
                "remaining": context.get_remaining_time_in_millis(),
                "trace": os.environ.get("_X_AMZN_TRACE_ID"),
            }
        case "count":
            return count
        case "allocate":
            return len(bytearray(b"\1" * event["bytes"]))
        case other:
            raise ValueError("unknown: " + other)
