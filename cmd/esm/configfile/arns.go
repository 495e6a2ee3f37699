package configfile

import (
	"strings"

	"github.com/esm-run/esm/config"
)

// functionNamed returns the name of a function of this file, with its qualifier if there is one. The function is named by its
// name or ARN. Anything else is reported.
func (d *decoder) functionNamed(f *File, text, at string) (name string, ok bool) {
	parsed, err := config.ParseFunctionName(text)
	switch {
	case err != nil:
		d.errorf(at, "%v", err)
	case d.failed["Functions"]:
	case parsed.Region != "" && parsed.Region != f.Aws.Region || parsed.Account != "" && parsed.Account != f.Aws.AccountId:
		d.errorf(at, "is the ARN of a function in another region or account than this file's, %s and %s", f.Aws.Region, f.Aws.AccountId)
	case f.Function(parsed.Name) == nil:
		d.errorf(at, "names no function of this file: %s", f.functionsFor(parsed.Name))
	default:
		return parsed.Qualified(), true
	}
	return "", false
}

// functionArn is functionNamed with the function's ARN as its result, or text if there is no such function.
func (d *decoder) functionArn(f *File, text, at string) string {
	if name, ok := d.functionNamed(f, text, at); ok {
		return config.FunctionARN(f.Aws.Region, f.Aws.AccountId, name)
	}
	return text
}

// FunctionOf returns the name of the function of this file that an ARN names, with its qualifier if there is one.
func (f *File) FunctionOf(arn string) (name string, ok bool) {
	parsed, err := config.ParseFunctionName(arn)
	if err != nil || parsed.Region != f.Aws.Region || parsed.Account != f.Aws.AccountId || f.Function(parsed.Name) == nil {
		return "", false
	}
	return parsed.Qualified(), true
}

// checkTarget checks the ARN of a standard queue or topic to which topics, buckets and rules send.
func (d *decoder) checkTarget(f *File, kind *config.DestinationKind, arn, at string) {
	target, err := config.ParseDestination(arn, config.DeadLetter)
	switch {
	case err != nil && strings.HasSuffix(arn, ".fifo"):
		d.errorf(at, "is FIFO, to which this version does not send from here: give the ARN of %s", kind.Name)
	case err != nil || target.Kind != kind:
		d.errorf(at, "is not the ARN of %s (%s)", kind.Name, kind.Form)
	default:
		d.warnUnmade(f, arn, at)
	}
}

// calledByStandIn reports whether a service is the embedded stand-in, which invokes the file's functions by itself.
func (f *File) calledByStandIn(service string) bool {
	return IsEmbedded(f.Aws.EndpointOf(service))
}

// checkWay reports a function that a service cannot invoke: without the stand-in it is reached through a topic.
func (d *decoder) checkWay(f *File, service, at string) {
	if !f.calledByStandIn(service) && f.Aws.EndpointOf(service) != "" && f.Aws.EndpointOf(config.SNS) == "" {
		d.errorf(at, "cannot be invoked by a service other than the embedded stand-in, except through an SNS topic: give Aws.Endpoint or Aws.Endpoints.sns")
	}
}
