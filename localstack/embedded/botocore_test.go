package embedded

import (
	"cmp"
	"os"
	"os/exec"
	"testing"
)

// sqsScript tests what the Go SDK cannot: botocore's typed exceptions, binary values, and zeros that Go omits.
const sqsScript = `
import sys, botocore.session
sqs = botocore.session.get_session().create_client("sqs", region_name="us-east-1", endpoint_url=sys.argv[1],
    aws_access_key_id="x", aws_secret_access_key="y")
def code(call, kind):
    try:
        call()
    except kind as e:
        print(e.response["Error"]["Code"])
q = sqs.create_queue(QueueName="q")["QueueUrl"]
code(lambda: sqs.get_queue_url(QueueName="none"), sqs.exceptions.QueueDoesNotExist)
code(lambda: sqs.delete_message(QueueUrl=q, ReceiptHandle="bad"), sqs.exceptions.ReceiptHandleIsInvalid)
code(lambda: sqs.send_message_batch(QueueUrl=q, Entries=[]), sqs.exceptions.EmptyBatchRequest)
sqs.send_message(QueueUrl=q, MessageBody="h\u00e9llo", MessageAttributes={"b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}})
for _ in range(2):
    m = sqs.receive_message(QueueUrl=q, VisibilityTimeout=0, WaitTimeSeconds=1, MessageAttributeNames=["All"])["Messages"][0]
    print(ascii(m["Body"]), m["MessageAttributes"]["b"]["BinaryValue"])
sqs.delete_message(QueueUrl=q, ReceiptHandle=m["ReceiptHandle"])
print(sqs.receive_message(QueueUrl=q).get("Messages"))
`

const sqsOutput = `AWS.SimpleQueueService.NonExistentQueue
ReceiptHandleIsInvalid
AWS.SimpleQueueService.EmptyBatchRequest
'h\xe9llo' b'\x00\xff'
'h\xe9llo' b'\x00\xff'
None
`

// snsAndS3Script tests topics and buckets, which have other protocols.
const snsAndS3Script = `
import sys, botocore.session
session = botocore.session.get_session()
sns, sqs, s3 = (session.create_client(name, region_name="us-east-1", endpoint_url=sys.argv[1],
    aws_access_key_id="x", aws_secret_access_key="y") for name in ("sns", "sqs", "s3"))
def code(call, kind):
    try:
        call()
    except kind as e:
        print(e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"])
q = sqs.create_queue(QueueName="topical")["QueueUrl"]
t = sns.create_topic(Name="t")["TopicArn"]
sns.subscribe(TopicArn=t, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:topical", Attributes={"RawMessageDelivery": "true"})
sns.publish(TopicArn=t, Message="h\u00e9llo & <more>")
print(ascii(sqs.receive_message(QueueUrl=q)["Messages"][0]["Body"]))
code(lambda: sns.publish(TopicArn=t + "x", Message="m"), sns.exceptions.NotFoundException)
s3.create_bucket(Bucket="beans")
for key in ("a b/\u00fc", "c\x01d"):
    s3.put_object(Bucket="beans", Key=key, Body=b"body", Metadata={"a": "b"})
print([ascii(o["Key"]) for o in s3.list_objects_v2(Bucket="beans")["Contents"]])
got = s3.get_object(Bucket="beans", Key="a b/\u00fc")
print(got["Body"].read(), got["Metadata"], got["ETag"])
code(lambda: s3.get_object(Bucket="beans", Key="none"), s3.exceptions.NoSuchKey)
code(lambda: s3.list_objects_v2(Bucket="none"), s3.exceptions.NoSuchBucket)
code(lambda: s3.head_object(Bucket="beans", Key="none"), s3.exceptions.ClientError)
code(lambda: s3.list_objects(Bucket="beans"), s3.exceptions.ClientError)
`

const snsAndS3Output = `'h\xe9llo & <more>'
NotFound 404
["'a b/\\xfc'", "'c\\x01d'"]
b'body' {'a': 'b'} "841a2d689ad86bd1611447453c22c6fc"
NoSuchKey 404
NoSuchBucket 404
404 404
NotImplemented 501
`

// withBotocore returns a Python that has botocore: ESM_TEST_PYTHON or python3. In CI it must exist.
func withBotocore(t *testing.T) string {
	t.Helper()
	python := cmp.Or(os.Getenv("ESM_TEST_PYTHON"), "python3")
	err := exec.Command(python, "-c", "import botocore").Run()
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("%s has no botocore: %v", python, err)
	}
	if err != nil {
		t.Skipf("%s has no botocore (%v): set ESM_TEST_PYTHON", python, err)
	}
	return python
}

func TestBotocore(t *testing.T) {
	python := withBotocore(t)
	url, _ := serve(t)
	for script, want := range map[string]string{sqsScript: sqsOutput, snsAndS3Script: snsAndS3Output} {
		out, err := exec.Command(python, "-c", script, url).CombinedOutput()
		if got := string(out); err != nil || got != want {
			t.Errorf("got %v and\n%s\nwant\n%s", err, got, want)
		}
	}
}
