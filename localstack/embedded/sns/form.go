package sns

import (
	"net/url"
	"strconv"
	"strings"
)

// A form holds the parameters of a request of the query protocol, or those of one member of a list in it.
type form url.Values

func (f form) text(name string) string { return url.Values(f).Get(name) }

// maxMembers is how many members of a list are read, which is more than any operation takes.
const maxMembers = 100

// list returns the members of the list with that prefix. In the list Entries.member, the parameter Entries.member.1.Id is
// the Id of the first member.
func (f form) list(prefix string) []form {
	var members []form
	for n := 1; n <= maxMembers; n++ {
		member := f.under(prefix + "." + strconv.Itoa(n) + ".")
		if len(member) == 0 {
			break
		}
		members = append(members, member)
	}
	return members
}

func (f form) under(prefix string) form {
	found := make(form)
	for name, values := range f {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			found[rest] = values
		}
	}
	return found
}

// attributes returns the map that the query protocol writes as Attributes.entry.1.key, Attributes.entry.1.value and so on.
func (f form) attributes() map[string]string {
	texts := make(map[string]string)
	for _, entry := range f.list("Attributes.entry") {
		texts[entry.text("key")] = entry.text("value")
	}
	return texts
}
