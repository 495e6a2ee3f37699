package kinesis

import "time"

const (
	minRetention = 24 * time.Hour
	maxRetention = 365 * 24 * time.Hour
)

type retentionInput struct {
	ref
	RetentionPeriodHours int
}

func (s *Server) increaseRetention(st *stream, in retentionInput) error {
	return st.setRetention(in.RetentionPeriodHours, func(d time.Duration) bool { return d >= st.retention }, "shorter", "Decrease")
}

func (s *Server) decreaseRetention(st *stream, in retentionInput) error {
	return st.setRetention(in.RetentionPeriodHours, func(d time.Duration) bool { return d <= st.retention }, "longer", "Increase")
}

// setRetention changes how long the stream keeps its records if allowed agrees. Otherwise the change is of the wrong kind,
// and the request should have been to the other API.
func (st *stream) setRetention(hours int, allowed func(time.Duration) bool, wrong, other string) error {
	d := time.Duration(hours) * time.Hour
	switch {
	case hours < int(minRetention.Hours()):
		return invalid("Minimum allowed retention period is 24 hours. Requested retention period (%d hours) is too short.", hours)
	case hours > int(maxRetention.Hours()):
		return invalid("Maximum allowed retention period is 8760 hours. Requested retention period (%d hours) is too long.", hours)
	case !allowed(d):
		return invalid("Requested retention period (%d hours) for stream %s can not be %s than existing retention period "+
			"(%d hours). Use %sRetentionPeriod API.", hours, st.name, wrong, int(st.retention.Hours()), other)
	}
	for _, sh := range st.shards { // what has expired stays so
		sh.trim(st.horizon(now()))
	}
	st.retention = d
	return nil
}
