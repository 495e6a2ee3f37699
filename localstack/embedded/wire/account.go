package wire

import "cmp"

// An Account is the AWS account and Region that a service runs in. The zero Account is 000000000000 in us-east-1.
type Account struct {
	// Region is part of ARNs; empty is us-east-1. The Region a request was signed for does not matter.
	Region string
	// ID is the account's number, part of ARNs; empty is 000000000000.
	ID string
}

// OrDefault returns a with its empty fields filled in.
func (a Account) OrDefault() Account {
	return Account{cmp.Or(a.Region, "us-east-1"), cmp.Or(a.ID, "000000000000")}
}

// ARN returns the ARN of a resource of the account, such as ARN("kinesis", "stream/orders").
func (a Account) ARN(service, resource string) string {
	a = a.OrDefault()
	return "arn:aws:" + service + ":" + a.Region + ":" + a.ID + ":" + resource
}
