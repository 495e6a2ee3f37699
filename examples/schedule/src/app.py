def handler(event, context):
    rule = event["resources"][0].rpartition("/")[2]
    print(f"{rule} fired at {event['time']}")
