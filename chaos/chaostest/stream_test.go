package chaostest

import "testing"

// TestStream simulates feeds of streams, with lanes, reshards, retries and notices.
func TestStream(t *testing.T) { simulate(t, Stream) }
