package configfile

import (
	"github.com/esm-run/esm/config"
)

// destinationPaths are the members of a function that name destinations of its asynchronous events.
var destinationPaths = map[config.Origin]string{
	config.EventSuccess: "EventInvokeConfig.DestinationConfig.OnSuccess.Destination",
	config.EventFailure: "EventInvokeConfig.DestinationConfig.OnFailure.Destination",
	config.DeadLetter:   "DeadLetterConfig.TargetArn",
}

// eachAsyncDestination calls do with each valid destination of the functions' asynchronous events, and its path.
func (d *decoder) eachAsyncDestination(f *File, do func(fn config.Function, to config.Destination, at string)) {
	for _, fn := range f.Functions {
		for _, origin := range config.EventOrigins {
			at := config.Member("Functions", fn.Name) + "." + destinationPaths[origin]
			arn := fn.Destination(origin)
			if arn == "" || d.failed[at] {
				continue
			}
			if to, err := config.ParseDestination(arn, origin); err == nil {
				do(fn, to, at)
			}
		}
	}
}

// checkAsyncDestinations checks that destinations that are functions of this file's account and region are in the file, and
// are not the function itself, which Lambda refuses too.
func (d *decoder) checkAsyncDestinations(f *File) {
	if d.failed["Functions"] {
		return
	}
	d.eachAsyncDestination(f, func(fn config.Function, to config.Destination, at string) {
		if to.Kind != config.FunctionDestination || !f.Aws.Owns(to.ARN) {
			return
		}
		switch name := to.Function().Name; {
		case name == fn.Name:
			d.errorf(at, "is the function itself, which cannot be its own destination")
		case f.Function(name) == nil:
			d.errorf(at, "names no function of this file: %s", f.functionsFor(name))
		}
	})
}

// warnAsyncDestinations warns of destinations that the stand-in does not have.
func (d *decoder) warnAsyncDestinations(f *File) {
	d.eachAsyncDestination(f, func(_ config.Function, to config.Destination, at string) {
		if to.Kind == config.FunctionDestination && !f.Aws.Owns(to.ARN) && IsEmbedded(f.Aws.EndpointOf(config.Lambda)) {
			d.warnf(at, "is a function of another region or account, which the embedded stand-in does not have: give Aws.Endpoints.lambda")
			return
		}
		d.warnUnmade(f, to.ARN.String(), at)
	})
}

// Owns reports whether an ARN is of the file's region and account.
func (a Aws) Owns(arn config.ARN) bool { return arn.Region == a.Region && arn.Account == a.AccountId }
