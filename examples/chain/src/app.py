import json


def brew(event, context):
    drink = event["drink"]
    print(f"brewing {drink}")
    if drink == "tea":
        raise ValueError("this is a coffee house")
    return {"cup": drink}


def serve(record, context):
    """Gets the invocation record of brew."""
    print(f"here is your {record['responsePayload']['cup']}")


def complain(event, context):
    for message in event["Records"]:
        record = json.loads(message["body"])
        tries = record["requestContext"]["approximateInvokeCount"]
        print(f"no {record['requestPayload']['drink']} after {tries} tries: {record['responsePayload']['errorMessage']}")
