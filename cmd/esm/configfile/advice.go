package configfile

import (
	"fmt"

	"github.com/esm-run/esm/config"
)

const chooseStart = " Streams need it: TRIM_HORIZON for all that the stream holds, or LATEST for what arrives from now on."

// forFiles adds advice for people who edit a file to the problems of a mapping, and removes texts that came from the
// environment.
func forFiles(m config.Mapping, found []config.Problem) []config.Problem {
	source := m.Source()
	for i, p := range found {
		switch {
		case p.Path == "StartingPosition" && m.OfStream() && m.StartingPosition == "":
			found[i].Message += chooseStart
		case p.Path == "StartingPosition" && m.OfStream() && p.Constraint == "":
			found[i].Message = fmt.Sprintf("%s is not for a %s: choose %s", m.StartingPosition, source.Kind.Name, config.OrList(source.Kind.StartingPositions))
		default:
			found[i].Message += source.Advice(p.Path)
		}
	}
	return found
}
