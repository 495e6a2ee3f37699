package configfile

import (
	"fmt"
	"slices"

	"github.com/esm-run/esm/config"
)

// checkQueues checks the queues to create, fills in their defaults, sorts them into an order in which they can be created,
// and checks them against the mappings that read them.
func (d *decoder) checkQueues(f *File) {
	queues := f.Resources.Queues
	for i := range queues {
		q, at := &queues[i], fmt.Sprintf("Resources.Queues[%d]", i)
		q.index = i
		if d.failed[at+".QueueName"] {
			continue
		}
		d.checkFIFO(q, at)
		for j, m := range q.Messages {
			d.checkMessage(*q, m, fmt.Sprintf("%s.Messages[%d]", at, j))
		}
	}
	d.order(f)
	d.checkTimeouts(f)
}

// onlyFIFO lists the attributes that standard queues do not have.
var onlyFIFO = []string{"FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"}

func (d *decoder) checkFIFO(q *Queue, at string) {
	if q.FIFO() {
		if q.Attributes == nil {
			q.Attributes = map[string]string{}
		}
		q.Attributes["FifoQueue"] = "true"
		return
	}
	for _, name := range onlyFIFO {
		if _, given := q.Attributes[name]; given {
			d.errorf(at+".Attributes."+name, "is only for FIFO queues, whose names end in .fifo")
		}
	}
}

// checkMessage reports what SendMessage would refuse (AWS: the API reference of SendMessage).
func (d *decoder) checkMessage(q Queue, m Message, at string) {
	if d.failedBelow(at) {
		return
	}
	if n := len(m.MessageBody); n > 1<<20 {
		d.errorf(at, "is %d bytes long, above %d", n, 1<<20)
	}
	if q.FIFO() {
		switch {
		case m.MessageGroupId == "":
			d.errorf(at, "has no MessageGroupId, which FIFO queues need: {MessageBody: …, MessageGroupId: …}")
		case m.MessageDeduplicationId == "" && q.Attributes["ContentBasedDeduplication"] != "true":
			d.errorf(at, "has no MessageDeduplicationId: give it, or set ContentBasedDeduplication to \"true\"")
		case m.DelaySeconds > 0:
			d.errorf(at+".DelaySeconds", "is not for single messages of FIFO queues: set it on the queue")
		}
	} else if m.MessageDeduplicationId != "" {
		d.errorf(at+".MessageDeduplicationId", "is only for FIFO queues, whose names end in .fifo")
	}
	if n := len(m.MessageAttributes); n > 10 {
		d.errorf(at+".MessageAttributes", "has %d attributes, above 10", n)
	}
	for name, a := range m.MessageAttributes {
		binary := len(a.DataType) >= 6 && a.DataType[:6] == "Binary"
		if binary != (a.BinaryValue != "") || binary == (a.StringValue != "") {
			d.errorf(config.Member(at+".MessageAttributes", name), "should have StringValue, or BinaryValue where DataType is Binary, and not both")
		}
	}
}

// order sorts each queue after its dead-letter queue, and checks the redrive policies.
func (d *decoder) order(f *File) {
	left, made := slices.Clone(f.Resources.Queues), f.Resources.Queues[:0]
	for len(left) > 0 {
		next := slices.IndexFunc(left, func(q Queue) bool {
			target := q.deadLetters(f.Aws)
			return target == "" || !slices.ContainsFunc(left, func(other Queue) bool { return other.QueueName == target })
		})
		if next < 0 {
			d.errorf(left[0].redrivePath(), "is part of a cycle: a dead-letter queue must be created before the queues that name it")
			return
		}
		d.checkDeadLetters(f, left[next])
		made, left = append(made, left[next]), slices.Delete(left, next, next+1)
	}
}

func (q Queue) redrivePath() string {
	return fmt.Sprintf("Resources.Queues[%d].Attributes.RedrivePolicy", q.index)
}

// deadLetters returns the name of the queue's dead-letter queue, or "" if it has none in the file's region and account.
func (q Queue) deadLetters(a Aws) string {
	policy, err := readRedrive(q.Attributes["RedrivePolicy"])
	if err != nil {
		return ""
	}
	target, err := config.ParseARN(policy.deadLetterTargetArn)
	if err != nil || config.QueueARN(a.Region, a.AccountId, target.Resource) != policy.deadLetterTargetArn {
		return ""
	}
	return target.Resource
}

func (d *decoder) checkDeadLetters(f *File, q Queue) {
	policy, err := readRedrive(q.Attributes["RedrivePolicy"])
	if err != nil {
		return
	}
	target, err := config.ParseQueueARN(policy.deadLetterTargetArn)
	switch {
	case err != nil:
		d.errorf(q.redrivePath(), "has a deadLetterTargetArn that is not the ARN of an SQS queue")
	case Queue{QueueName: target.Resource}.FIFO() != q.FIFO():
		d.errorf(q.redrivePath(), "joins a FIFO queue and one that is not: both must be of one kind")
	case f.Resources.find(f.Aws, policy.deadLetterTargetArn) == nil:
		d.warnf(q.redrivePath(), "the dead-letter queue is not among Resources.Queues in %s and account %s: if it does not exist, this queue cannot be made",
			f.Aws.Region, f.Aws.AccountId)
	}
}

// find returns the queue with an ARN, or nil.
func (r Resources) find(a Aws, arn string) *Queue {
	for i, q := range r.Queues {
		if config.QueueARN(a.Region, a.AccountId, q.QueueName) == arn {
			return &r.Queues[i]
		}
	}
	return nil
}

// QueueOf returns the queue among Resources that a mapping reads, or nil.
func (f *File) QueueOf(m config.Mapping) *Queue {
	if m.Endpoint != "" {
		return nil
	}
	return f.Resources.find(f.Aws, m.EventSourceArn)
}

// checkTimeouts reports visibility timeouts that Lambda refuses, for queues among Resources.
func (d *decoder) checkTimeouts(f *File) {
	for i, m := range f.Mappings {
		fn, q := f.Function(m.FunctionName), f.QueueOf(m)
		if fn == nil || q == nil {
			continue
		}
		if err := CheckTimeout(*fn, q.Facts().VisibilityTimeout); err != nil {
			d.errorf(fmt.Sprintf("EventSourceMappings[%d].EventSourceArn", i), "%v", err)
		}
	}
}
