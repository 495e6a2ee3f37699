package policy

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// MaxPasses is the number of times that a function runs in one chain of events before the next time is taken for a loop
// (AWS: "Use Lambda recursive loop detection to prevent infinite loops").
const MaxPasses = 16

// maxLineage is the most functions of a chain that a trace header names. It keeps headers short: the functions that ran
// longest ago are left out first.
const maxLineage = 16

// lineageField is the field of X-Amzn-Trace-Id that counts a chain's passes through functions: "Lineage=1:9c94b8f6:3", with
// entries separated by |. A handler's SDK passes it on with the requests that it makes.
const lineageField = "Lineage="

// Advance returns the trace header of an invocation of function that header has led to: X-Amzn-Trace-Id with one more pass
// through function. An empty header stays empty. Every caller of the invoker should pass what Advance returns, since a chain
// leads through several of them.
func Advance(header, function string) string {
	if header == "" {
		return ""
	}
	fields := strings.Split(header, ";")
	at := lineageAt(fields)
	if at < 0 {
		at = len(fields)
		fields = append(fields, lineageField)
	}
	passes := 0
	id := lineageID(function)
	var entries []string
	for entry := range strings.SplitSeq(lineageOf(fields[at]), "|") {
		switch found, n, ok := parsePasses(entry); {
		case ok && found == id:
			passes = n
		case entry != "":
			entries = append(entries, entry)
		}
	}
	entries = append(entries, fmt.Sprintf("1:%s:%d", id, passes+1))
	fields[at] = lineageField + strings.Join(entries[max(len(entries)-maxLineage, 0):], "|")
	return strings.Join(fields, ";")
}

// Passes returns how often the chain that header belongs to has passed through function.
func Passes(header, function string) int {
	if !strings.Contains(header, lineageField) {
		return 0
	}
	fields := strings.Split(header, ";")
	at := lineageAt(fields)
	if at < 0 {
		return 0
	}
	id := lineageID(function)
	for entry := range strings.SplitSeq(lineageOf(fields[at]), "|") {
		if found, n, ok := parsePasses(entry); ok && found == id {
			return n
		}
	}
	return 0
}

// Recursive reports whether another invocation of function is to be stopped, because the chain that header belongs to has
// passed through it MaxPasses times. Whether it is stopped is the function's RecursiveLoop.
func Recursive(header, function string) bool { return Passes(header, function) >= MaxPasses }

// SplitLoops splits records in hand, of a queue, into those to invoke function with and those that it has caused itself too
// often: their messages carry the trace header of a Recursive invocation. Later records of their groups stop with them, so as
// not to overtake them. Both parts keep the order of recs, and pass may share its memory.
func SplitLoops(recs []esm.Record, function string) (pass, stopped []esm.Record) {
	loops := func(rec esm.Record) bool { return Recursive(rec.TraceHeader, function) }
	if !slices.ContainsFunc(recs, loops) {
		return recs, nil
	}
	for _, rec := range recs {
		if loops(rec) || follows(stopped, rec) {
			stopped = append(stopped, rec)
		} else {
			pass = append(pass, rec)
		}
	}
	return pass, stopped
}

// BatchHeader returns the trace header that recs bring to an invocation of function: of those that their messages carry, that
// whose chain has passed through function most often, so that a loop counts on. It is empty if they carry none.
func BatchHeader(recs []esm.Record, function string) (header string) {
	most := -1
	for _, rec := range recs {
		if n := Passes(rec.TraceHeader, function); n > most && esm.IsTraceHeader(rec.TraceHeader) {
			header, most = rec.TraceHeader, n
		}
	}
	return header
}

// lineageAt returns the index of the field with the lineage, or -1.
func lineageAt(fields []string) int {
	for i, field := range fields {
		if strings.HasPrefix(strings.TrimSpace(field), lineageField) {
			return i
		}
	}
	return -1
}

func lineageOf(field string) string {
	return strings.TrimPrefix(strings.TrimSpace(field), lineageField)
}

// lineageID returns what names a function in a lineage. All of its versions and aliases count together.
func lineageID(function string) string {
	name, _ := config.SplitQualifier(function)
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(name)))
}

// parsePasses reads an entry of a lineage, "1:<id>:<passes>". Entries of other services may have other forms, and are passed
// on as they are.
func parsePasses(entry string) (id string, passes int, ok bool) {
	_, rest, _ := strings.Cut(entry, ":")
	id, count, _ := strings.Cut(rest, ":")
	passes, err := strconv.Atoi(count)
	return id, min(passes, MaxPasses), err == nil && passes > 0 && id != ""
}
