package checkpoint

import (
	"errors"
	"time"

	"github.com/esm-run/esm"
)

// Undelivered is a notice that its destination did not take.
type Undelivered struct {
	Notice      esm.Notice
	Destination string    // its ARN
	Reason      string    // why it did not, for people
	Kept        time.Time // when it was kept for the first time
}

var errNoticeID = errors.New("a notice without an ID")

func checkNotice(n esm.Notice) error {
	if n.ID == "" {
		return errNoticeID
	}
	return checkKey(esm.Key{Mapping: n.ID})
}

// packUndelivered is a value as it is stored. A notice has no key but its ID, which is in it.
func packUndelivered(u Undelivered) []byte {
	return pack(esm.Key{}, func(w *wire) { w.undelivered(&u) }).seal(0)
}

func unpackUndelivered(value []byte) (u Undelivered, err error) {
	_, err = unpack(value, esm.Key{}, func(w *wire) { w.undelivered(&u) })
	return u, err
}
