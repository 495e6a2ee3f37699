import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
duplicate = table.meta.client.exceptions.ConditionalCheckFailedException


def handler(event, context):
    failed = []
    for message in event["Records"]:
        try:
            pay(json.loads(message["body"]), int(message["attributes"]["ApproximateReceiveCount"]))
        except Exception as error:
            print(f"{message['messageId']}: {error}")
            failed.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failed}


def pay(payment, tries):
    order = payment["order"]
    try:
        table.put_item(
            Item={"order": order, "amount": payment["amount"], "state": "claimed"},
            ConditionExpression="attribute_not_exists(#order)",
            ExpressionAttributeNames={"#order": "order"},
        )
    except duplicate:
        claimed = table.get_item(Key={"order": order}, ConsistentRead=True).get("Item", {})
        if claimed.get("state") != "charged":  # by another invocation, or by one that died
            raise RuntimeError(f"order {order} is being charged") from None
        print(f"order {order} was charged before")
        return
    try:
        charge(payment, tries)
    except Exception:
        table.delete_item(Key={"order": order})  # the next try may claim it again
        raise
    table.update_item(
        Key={"order": order},
        UpdateExpression="SET #state = :charged",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":charged": "charged"},
    )


def charge(payment, tries):
    if payment.get("card") == "slow" and tries == 1:
        raise RuntimeError(f"the card of order {payment['order']} was declined")
    print(f"order {payment['order']} is charged {payment['amount']}")
