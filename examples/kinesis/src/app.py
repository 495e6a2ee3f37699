"""Plain Lambda handlers: nothing in them knows of esm."""

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
            # Stop here: this record and all behind it come again, so that their order is kept.
            return {"batchItemFailures": [{"itemIdentifier": kinesis["sequenceNumber"]}]}
    return {"batchItemFailures": []}


def show_notices(event, context):
    for message in event["Records"]:
        # The notice says where the records are, not what is in them: they can be read from the stream while it keeps them.
        notice = json.loads(message["body"])
        request, batch = notice["requestContext"], notice["KinesisBatchInfo"]
        print(
            f"given up after {request['approximateInvokeCount']} tries ({request['condition']}): "
            f"{batch['batchSize']} record of {batch['shardId']}, number {batch['startSequenceNumber']}"
        )
