package awstest

import "github.com/esm-run/esm/config"

// ARN parses text; of a text that is no ARN it returns the zero ARN.
func ARN(text string) config.ARN {
	a, _ := config.ParseARN(text)
	return a
}
