package kinesis

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// millis is a time in milliseconds since 1970. In JSON it is a number of seconds.
type millis int64

func toMillis(t time.Time) millis { return millis(t.UnixMilli()) }

func now() millis { return toMillis(time.Now()) }

func (m millis) time() time.Time { return time.UnixMilli(int64(m)) }

// append appends m, which is not negative, to JSON.
func (m millis) append(b []byte) []byte {
	b = append(strconv.AppendInt(b, int64(m/1000), 10), '.')
	f := m % 1000
	return append(b, byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
}

func (m millis) MarshalJSON() ([]byte, error) { return m.append(nil), nil }

func (m *millis) UnmarshalJSON(b []byte) error {
	var seconds float64
	if json.Unmarshal(b, &seconds) != nil || math.Abs(seconds) > 1e12 {
		return wire.SerializationError("%s can not be converted to milliseconds since epoch.", b)
	}
	*m = millis(math.Round(seconds * 1000))
	return nil
}
