package embedded

import (
	"cmp"
	"os"
	"os/exec"
	"testing"
)

// What botocore makes of the server: its typed exceptions, bytes, and values that the Go SDK cannot send.
const script = `
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

const scriptPrints = `AWS.SimpleQueueService.NonExistentQueue
ReceiptHandleIsInvalid
AWS.SimpleQueueService.EmptyBatchRequest
'h\xe9llo' b'\x00\xff'
'h\xe9llo' b'\x00\xff'
None
`

// TestBotocore needs a Python with botocore: ESM_TEST_PYTHON, or else python3.
func TestBotocore(t *testing.T) {
	python := cmp.Or(os.Getenv("ESM_TEST_PYTHON"), "python3")
	if err := exec.Command(python, "-c", "import botocore").Run(); err != nil {
		t.Skipf("%s has no botocore: not compared with it (%v)", python, err)
	}
	a, _, _ := served(t)
	out, err := exec.Command(python, "-c", script, *a.Options().BaseEndpoint).CombinedOutput()
	if got, want := string(out), scriptPrints; err != nil || got != want {
		t.Errorf("got %v and\n%s\nwant\n%s", err, got, want)
	}
}
