import io
import os
from urllib.parse import unquote_plus

import boto3
from PIL import Image

s3 = boto3.client("s3")


def handler(event, context):
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = unquote_plus(record["s3"]["object"]["key"])
        original = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        thumbnail = resize(original)
        s3.put_object(Bucket=os.environ["THUMBNAILS"], Key=key, Body=thumbnail, ContentType="image/jpeg")
        print(f"{key}: {len(original)} bytes became {len(thumbnail)}")


def resize(data):
    with Image.open(io.BytesIO(data)) as image:
        image = image.convert("RGB")
        image.thumbnail((128, 128))
        out = io.BytesIO()
        image.save(out, format="JPEG")
        return out.getvalue()
