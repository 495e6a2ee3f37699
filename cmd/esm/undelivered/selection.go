package undelivered

import (
	"cmp"
	"slices"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/usage"
	"github.com/esm-run/esm/config"
)

// Selection selects notices: all of them, those with certain IDs, or those of a function.
type Selection struct {
	All bool
	IDs []string

	// Function is the function that the notices are about: a name or ARN, with or without a qualifier. Without one it
	// selects those of all qualifiers.
	Function string
}

// Check returns an error of wrong use unless Function can name a function.
func (s Selection) Check() error {
	if _, err := config.ParseFunctionName(s.Function); s.Function != "" && err != nil {
		return usage.Errorf("--function %s %w", s.Function, err)
	}
	return nil
}

func (s Selection) has(n esm.Notice) bool {
	return s.All || slices.Contains(s.IDs, n.ID) || s.Function != "" && isAbout(n, s.Function)
}

// isAbout reports whether a notice is about a function.
func isAbout(n esm.Notice, function string) bool {
	got, err := config.ParseFunctionName(n.FunctionArn)
	want, err2 := config.ParseFunctionName(function)
	if err != nil || err2 != nil {
		return false
	}
	return got.Name == want.Name && cmp.Or(want.Region, got.Region) == got.Region && cmp.Or(want.Account, got.Account) == got.Account &&
		(want.Qualifier == "" || cmp.Or(got.Qualifier, "$LATEST") == want.Qualifier)
}

// Of iterates over the selected ones of notices.
func (s Selection) Of(notices Notices) Notices {
	return func(yield func(esm.UndeliveredNotice, error) bool) {
		for u, err := range notices {
			if (err != nil || s.has(u.Notice)) && !yield(u, err) {
				return
			}
		}
	}
}

// Find returns the IDs of the selected notices, oldest first. A selected ID that is not among the notices is an error.
func (s Selection) Find(notices Notices) (found []string, err error) {
	for u, err := range s.Of(notices) {
		if err != nil {
			return nil, err
		}
		found = append(found, u.Notice.ID)
	}
	for _, id := range s.IDs {
		if !slices.Contains(found, id) {
			return nil, usage.Errorf("there is no undelivered notice %s: `esm undelivered list` shows the IDs", id)
		}
	}
	return found, nil
}
