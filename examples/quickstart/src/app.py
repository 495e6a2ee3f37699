"""Plain Lambda handlers. Nothing in them depends on esm."""

import json


def take_orders(event, context):
    failures = []
    for record in event["Records"]:
        order = json.loads(record["body"])
        tries = int(record["attributes"]["ApproximateReceiveCount"])
        try:
            make(order, tries)
            print(f"order {order['id']}: {order['item']} is ready (try {tries})")
        except ValueError as problem:
            print(f"order {order['id']}: {problem} (try {tries})")
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def make(order, tries):
    if order["item"] == "tea":
        raise ValueError("this is a coffee house")
    if order.get("stock") == "late" and tries == 1:
        raise ValueError("out of milk, more is on its way")


def show_dead_letters(event, context):
    for record in event["Records"]:
        order = json.loads(record["body"])
        print(f"order {order['id']} is in the dead-letter queue: {order['item']}")
