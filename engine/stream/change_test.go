package stream

import (
	"fmt"
	"testing"
	"time"

	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/engine/filter"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
)

// wants returns a filter of records whose key is one of these.
func wants(keys string) *filter.Filter {
	f, err := filter.Compile([]string{fmt.Sprintf(`{"partitionKey":[%s]}`, keys)}, "")
	if err != nil {
		panic(err)
	}
	return f
}

// A run that fails, in a mapping that is changed before the feed is started again. The records have their texts as keys.
func TestPendingRunsWhenTheMappingChanges(t *testing.T) {
	const records = 4
	for name, test := range map[string]struct {
		before, after func(*Feed)
		handler       enginetest.Handler // after the change; nil succeeds
		want          []string
		sameRun       bool // the first invocation has the ID of the run
		notices       int
	}{
		"nothing changes": {
			before: func(f *Feed) { f.Filter = wants(`"1","3"`) }, // the record between them was never part of the run
			after:  func(*Feed) {},
			want:   []string{"1-3"}, sameRun: true,
		},
		"the filter wants fewer": {
			before: func(*Feed) {}, after: func(f *Feed) { f.Filter = wants(`"1","2"`) }, want: []string{"1-2"},
		},
		"the filter wants more": {
			before: func(f *Feed) { f.Filter, f.Batching.Size = wants(`"1","3"`), 2 },
			after:  func(f *Feed) { f.Filter = nil },
			want:   []string{"1-3", "4"},
		},
		"the filter wants none": {
			before: func(*Feed) {}, after: func(f *Feed) { f.Filter = wants(`"5"`) },
		},
		"the limit is lowered": {
			before: func(*Feed) {}, after: func(f *Feed) { f.Rules.MaxRetries = 1 }, notices: 1,
		},
		"bisecting is switched on": {
			before: func(*Feed) {}, after: func(f *Feed) { f.Rules = policy.Stream{MaxRetries: 1, Bisect: true} },
			handler: enginetest.ThrowOn("2"), want: []string{"1-2", "1", "2", "2", "3-4"}, notices: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, sourcetest.StreamConfig{}, enginetest.Throw, func(r *rig) {
				test.before(r.feed)
				for i := range records {
					r.stream.Put(fmt.Sprint(i+1), fmt.Sprint(i+1))
				}
				r.runFor(2 * time.Second) // tries at 0, 0.2, 0.6 and 1.4 s
				r.Close()
				last := r.Function.Calls()[3]
				if test.handler == nil {
					test.handler = enginetest.Succeed
				}
				r.Function.Replace(test.handler)
				test.after(r.feed)
				r.runFor(time.Minute)
				r.WantCalls(test.want...)
				if calls := r.Function.Calls(); len(calls) > 0 && (calls[0].ID == last.ID) != test.sameRun {
					r.Errorf("the run has the ID %s and then %s", last.ID, calls[0].ID)
				}
				if cp := r.checkpoint(0); len(r.notices) != test.notices || len(cp.Owed) > 0 || !r.settled(0) {
					r.Errorf("notices %+v, checkpoint %+v", r.notices, cp)
				}
			})
		})
	}
}

// Records of a run that was pending before windows were switched on, or changed their length, are divided by windows.
func TestPendingRunsWhenWindowsChange(t *testing.T) {
	for name, test := range map[string]struct {
		before, after time.Duration
		want          []string
	}{
		"switched on": {0, 30 * time.Second, []string{"00:00 3", "00:00 3 final", "00:30 2", "00:30 2 final"}},
		"shorter":     {time.Minute, 30 * time.Second, []string{"00:00 3", "00:00 3 final", "00:30 2", "00:30 2 final"}},
		"longer":      {30 * time.Second, time.Minute, []string{"00:00 3", "00:00 5", "00:00 5 final"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, sourcetest.StreamConfig{}, enginetest.Throw, func(r *rig) {
				r.feed.Tumbling.Length = test.before
				r.put(3)
				r.Wait(40 * time.Second)
				r.put(2)
				r.runFor(5 * time.Second)
				r.Close()
				r.Function.Replace(enginetest.Count)
				r.feed.Tumbling.Length = test.after
				r.runFor(5 * time.Minute)
				r.WantCalls(test.want...)
			})
		})
	}
}
