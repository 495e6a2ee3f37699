"""Plain Lambda handlers. Nothing in them depends on esm."""

import base64
import json


def show_clicks(event, context):
    for record in event["Records"]:
        kinesis = record["kinesis"]
        visitor, data = kinesis["partitionKey"], base64.b64decode(kinesis["data"])
        try:
            print(f"{visitor} sees {json.loads(data)['page']}")
        except ValueError:
            print(f"{visitor}: this is no click: {data.decode()}")
            # Stop here. This record and all behind it are delivered again, in order.
            return {"batchItemFailures": [{"itemIdentifier": kinesis["sequenceNumber"]}]}
    return {"batchItemFailures": []}


def show_notices(event, context):
    for message in event["Records"]:
        # A notice says where the records are, not what they hold. The stream still has them.
        notice = json.loads(message["body"])
        request, batch = notice["requestContext"], notice["KinesisBatchInfo"]
        print(
            f"given up after {request['approximateInvokeCount']} tries ({request['condition']}): "
            f"{batch['batchSize']} record of {batch['shardId']}, number {batch['startSequenceNumber']}"
        )
