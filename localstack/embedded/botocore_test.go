package embedded

import (
	"cmp"
	"os"
	"os/exec"
	"regexp"
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

// eventsScript lets S3, SNS and EventBridge deliver to each other, to a queue and to functions.
const eventsScript = `
import json, sys, botocore.session
session = botocore.session.get_session()
events, sns, sqs, s3 = (session.create_client(name, region_name="us-east-1", endpoint_url=sys.argv[1],
    aws_access_key_id="x", aws_secret_access_key="y") for name in ("events", "sns", "sqs", "s3"))
account = "us-east-1:000000000000:"
queue, topic, function = "arn:aws:sqs:" + account + "inbox", "arn:aws:sns:" + account + "uploads", "arn:aws:lambda:" + account + "function:hook"
def code(call, kind):
    try:
        call()
    except kind as e:
        print(e.response["Error"]["Code"], e.response["Error"]["Message"])
q = sqs.create_queue(QueueName="inbox")["QueueUrl"]
def bodies():
    for m in sqs.receive_message(QueueUrl=q, MaxNumberOfMessages=10).get("Messages", []):
        sqs.delete_message(QueueUrl=q, ReceiptHandle=m["ReceiptHandle"])
        yield json.loads(m["Body"])
sns.create_topic(Name="uploads")
sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function + ":live")
sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"FilterPolicy": json.dumps({"Records": {"eventName": [{"prefix": "ObjectRemoved"}]}}), "FilterPolicyScope": "MessageBody"})
print(events.create_event_bus(Name="ops")["EventBusArn"])
events.put_rule(Name="r", EventBusName="ops", EventPattern=json.dumps({"detail": {"n": [{"numeric": [">", 1]}]}}))
print(events.put_targets(Rule="r", EventBusName="ops", Targets=[{"Id": "q", "Arn": queue, "InputPath": "$.detail.n"}, {"Id": "f", "Arn": function}])["FailedEntryCount"])
events.put_rule(Name="uploads", EventPattern=json.dumps({"source": ["aws.s3"], "detail-type": ["Object Created"]}))
events.put_targets(Rule="uploads", Targets=[{"Id": "q", "Arn": queue}])
code(lambda: events.put_rule(Name="bad", EventPattern="{"), events.exceptions.InvalidEventPatternException)
code(lambda: events.describe_rule(Name="none"), events.exceptions.ResourceNotFoundException)
print([e.get("ErrorCode") for e in events.put_events(Entries=[{"EventBusName": "ops", "Source": "s", "DetailType": "t", "Detail": d} for d in ('{"n": 1}', '{"n": 2}', '[')])["Entries"]])
print(list(bodies()))
s3.create_bucket(Bucket="incoming")
code(lambda: s3.put_bucket_notification_configuration(Bucket="incoming", NotificationConfiguration={
    "LambdaFunctionConfigurations": [{"LambdaFunctionArn": function + "-none", "Events": ["s3:ObjectCreated:*"]}]}), s3.exceptions.ClientError)
s3.put_bucket_notification_configuration(Bucket="incoming", NotificationConfiguration={"EventBridgeConfiguration": {},
    "TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]})
s3.put_object(Bucket="incoming", Key="a b", Body=b"body")
s3.copy_object(Bucket="incoming", Key="c", CopySource={"Bucket": "incoming", "Key": "a b"})
s3.delete_objects(Bucket="incoming", Delete={"Objects": [{"Key": "a b"}]})
print([body.get("detail", {}).get("reason") or json.loads(body["Message"])["Records"][0]["eventName"] for body in bodies()])
`

const eventsOutput = `arn:aws:events:us-east-1:000000000000:event-bus/ops
0
InvalidEventPatternException Event pattern is not valid. Reason: *
ResourceNotFoundException Rule none does not exist on EventBus default.
[None, None, 'MalformedDetail']
[2]
InvalidArgument Unable to validate the following destination configurations
['PutObject', 'CopyObject', 'ObjectRemoved:Delete']
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
	hooks := new(accepted)
	url, _ := serveThis(t, &Server{Functions: hooks, HasFunction: has("hook", "hook:live"), Pattern: compile})
	reason := regexp.MustCompile(`(Reason: ).*`) // the compiler's
	for script, want := range map[string]string{sqsScript: sqsOutput, snsAndS3Script: snsAndS3Output, eventsScript: eventsOutput} {
		out, err := exec.Command(python, "-c", script, url).CombinedOutput()
		if got := reason.ReplaceAllString(string(out), "$1*"); err != nil || got != want {
			t.Errorf("got %v and\n%s\nwant\n%s", err, got, want)
		}
	}
	// A test event and three changes through the topic, and one event of the rule.
	if got, want := hooks.functions(), "hook hook:live hook:live hook:live hook:live"; got != want {
		t.Errorf("functions got events: %s, want %s", got, want)
	}
}
