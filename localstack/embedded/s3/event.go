package s3

import (
	"cmp"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/esm-run/esm/localstack/embedded/relay"
)

// completed is the kind of the change that completes an upload in parts.
const completed = "CompleteMultipartUpload"

// A change is what happened to an object: the cause of events.
type change struct {
	bucket, key string
	removed     bool
	kind        string  // in names of events: Put, Copy, Delete or completed
	object      *object // the new one; nil if it was removed
	at          time.Time
	sequencer   string
}

// created returns the change of an object that was put. The lock is held, so that sequencers grow in the order of changes.
func (s *Server) created(bucket, key, kind string, o *object) change {
	return change{bucket: bucket, key: key, kind: kind, object: o, at: o.modified, sequencer: s.nextSequencer(o.modified)}
}

// removed is [Server.created] for an object that was deleted.
func (s *Server) removed(bucket, key string) change {
	at := time.Now()
	return change{bucket: bucket, key: key, removed: true, kind: "Delete", at: at, sequencer: s.nextSequencer(at)}
}

// nextSequencer returns a text that is greater than all before it. The lock is held.
func (s *Server) nextSequencer(at time.Time) string {
	s.sequence = max(s.sequence+1, uint64(at.UnixNano()))
	return fmt.Sprintf("%018X", s.sequence)
}

// name returns the name of the event, such as ObjectCreated:Put.
func (ch change) name() string {
	if ch.removed {
		return "ObjectRemoved:" + ch.kind
	}
	return "ObjectCreated:" + ch.kind
}

// notify sends the events of a change, by the bucket's configuration at the time of the change. The lock is not held.
func (s *Server) notify(c call, n notification, ch change) error {
	trace := relay.TraceOf(c.Request)
	for _, subject := range n.all() {
		if !subject.wants(ch.name(), ch.key) {
			continue
		}
		if err := s.send(c.Context(), subject.target(), string(relay.JSON(s.record(c, subject.ID, ch))), trace); err != nil {
			return err
		}
	}
	if n.Bus == nil || s.Bus == nil {
		return nil
	}
	return s.Bus(c.Context(), s.busEvent(c, ch), trace)
}

// Records of events. AWS: "Event message structure".
type (
	eventRecords struct{ Records [1]eventRecord }

	eventRecord struct {
		EventVersion      string            `json:"eventVersion"`
		EventSource       string            `json:"eventSource"`
		AwsRegion         string            `json:"awsRegion"`
		EventTime         string            `json:"eventTime"`
		EventName         string            `json:"eventName"`
		UserIdentity      principal         `json:"userIdentity"`
		RequestParameters requestParameters `json:"requestParameters"`
		ResponseElements  responseElements  `json:"responseElements"`
		S3                recordedChange    `json:"s3"`
	}
	principal struct {
		ID string `json:"principalId"`
	}
	requestParameters struct {
		Address string `json:"sourceIPAddress"`
	}
	responseElements struct {
		RequestID string `json:"x-amz-request-id"`
		HostID    string `json:"x-amz-id-2"`
	}
	recordedChange struct {
		SchemaVersion   string         `json:"s3SchemaVersion"`
		ConfigurationID string         `json:"configurationId"`
		Bucket          recordedBucket `json:"bucket"`
		Object          recordedObject `json:"object"`
	}
	recordedBucket struct {
		Name  string    `json:"name"`
		Owner principal `json:"ownerIdentity"`
		Arn   string    `json:"arn"`
	}
	recordedObject struct {
		Key       string `json:"key"`
		Size      *int   `json:"size,omitempty"` // nil for an object that was removed
		ETag      string `json:"eTag,omitempty"`
		Sequencer string `json:"sequencer"`
	}
)

// record returns the event of a change for a queue, a topic or a function. The key is encoded as in a form.
func (s *Server) record(c call, configuration string, ch change) eventRecords {
	object := recordedObject{Key: escape(ch.key), Sequencer: ch.sequencer}
	if ch.object != nil {
		size := len(ch.object.body)
		object.Size, object.ETag = &size, ch.object.bareETag()
	}
	account := s.Account.OrDefault()
	return eventRecords{[1]eventRecord{{
		EventVersion: "2.1", EventSource: "aws:s3", AwsRegion: account.Region, EventTime: stamp(ch.at), EventName: ch.name(),
		UserIdentity:      principal{"AWS:AIDAEMBEDDEDS3CALLER"},
		RequestParameters: requestParameters{c.address()},
		ResponseElements:  responseElements{c.w.Header().Get(requestID), c.w.Header().Get(hostID)},
		S3: recordedChange{"1.0", configuration,
			recordedBucket{ch.bucket, principal{account.ID}, bucketARN(ch.bucket)}, object},
	}}}
}

// Details of events for EventBridge. AWS: "EventBridge event message structure".
type (
	busDetail struct {
		Version   string    `json:"version"`
		Bucket    busBucket `json:"bucket"`
		Object    busObject `json:"object"`
		RequestID string    `json:"request-id"`
		Requester string    `json:"requester"`
		Address   string    `json:"source-ip-address"`
		Reason    string    `json:"reason"`
		Deletion  string    `json:"deletion-type,omitempty"`
	}
	busBucket struct {
		Name string `json:"name"`
	}
	busObject struct {
		Key       string `json:"key"`
		Size      *int   `json:"size,omitempty"`
		ETag      string `json:"etag,omitempty"`
		Sequencer string `json:"sequencer"`
	}
)

// busEvent returns the event of a change for EventBridge. The key is not encoded.
func (s *Server) busEvent(c call, ch change) relay.Event {
	detail := busDetail{
		Version: "0", Bucket: busBucket{ch.bucket}, Object: busObject{Key: ch.key, Sequencer: ch.sequencer},
		RequestID: c.w.Header().Get(requestID), Requester: s.Account.OrDefault().ID, Address: c.address(), Reason: ch.reason(),
	}
	kind := "Object Created"
	if ch.removed {
		kind, detail.Deletion = "Object Deleted", "Permanently Deleted"
	} else {
		size := len(ch.object.body)
		detail.Object.Size, detail.Object.ETag = &size, ch.object.bareETag()
	}
	return relay.Event{
		Source: "aws.s3", DetailType: kind, Time: ch.at, Resources: []string{bucketARN(ch.bucket)}, Detail: relay.JSON(detail),
	}
}

// reason returns the operation that made the change.
func (ch change) reason() string {
	if ch.kind == completed {
		return completed
	}
	return ch.kind + "Object"
}

func bucketARN(name string) string { return "arn:aws:s3:::" + name }

// bareETag returns the ETag without its quotes.
func (o *object) bareETag() string { return strings.Trim(o.etag, `"`) }

// address returns the address that the request came from.
func (c call) address() string {
	host, _, _ := net.SplitHostPort(c.RemoteAddr)
	return cmp.Or(host, "127.0.0.1")
}
