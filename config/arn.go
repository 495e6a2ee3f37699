package config

import (
	"errors"
	"regexp"
	"strings"
)

// ARN is a parsed Amazon Resource Name: arn:partition:service:region:account:resource.
type ARN struct {
	Partition, Service, Region, Account string

	Resource string // the rest, which may hold colons and slashes
}

// ParseARN parses an ARN. Region and account may be empty, as they are for some services.
func ParseARN(text string) (ARN, error) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return ARN{}, errors.New("is not an ARN (arn:aws:<service>:<region>:<account>:<resource>)")
	}
	if parts[1] == "" || parts[2] == "" || parts[5] == "" {
		return ARN{}, errors.New("is an ARN that lacks its partition, service or resource")
	}
	return ARN{Partition: parts[1], Service: parts[2], Region: parts[3], Account: parts[4], Resource: parts[5]}, nil
}

// String returns the ARN as text.
func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// The region and the account of ARNs that this program builds, where nothing else names them. The account is that of
// emulators.
const (
	DefaultRegion  = "us-east-1"
	DefaultAccount = "000000000000"
)

// PartitionOf returns the partition of a region: aws, aws-cn or aws-us-gov.
func PartitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// FunctionARN returns the ARN of a function, which may have a :qualifier.
func FunctionARN(region, account, function string) string {
	return ARN{PartitionOf(region), "lambda", region, account, "function:" + function}.String()
}

// QueueARN returns the ARN of an SQS queue.
func QueueARN(region, account, queue string) string {
	return ARN{PartitionOf(region), "sqs", region, account, queue}.String()
}

// FunctionName is a parsed reference to a function: a name or ARN, with or without qualifier. Missing parts are empty.
type FunctionName struct {
	Region, Account string
	Name            string
	Qualifier       string // a version, an alias or $LATEST
}

// functionName follows the pattern of Lambda's API reference, with names as CreateFunction takes them.
var functionName = regexp.MustCompile(`^(?:(?:(?:arn:aws[a-zA-Z-]*:lambda:([a-z0-9-]+):)?(\d{12}):)?function:)?` +
	`([a-zA-Z0-9_-]{1,64})(?::(\$LATEST|[a-zA-Z0-9_-]{1,128}))?$`)

// ParseFunctionName parses the forms that Lambda's CreateEventSourceMapping accepts: a name, a partial ARN
// (123456789012:function:name) and an ARN, each with or without :qualifier.
func ParseFunctionName(text string) (FunctionName, error) {
	m := functionName.FindStringSubmatch(text)
	if m == nil || len(text) > 256 {
		return FunctionName{}, errors.New("is neither a function's name (1 to 64 letters, digits, - and _) nor its ARN, " +
			"with or without :qualifier (a version, an alias or $LATEST)")
	}
	return FunctionName{Region: m[1], Account: m[2], Name: m[3], Qualifier: m[4]}, nil
}

// Qualified returns the name with its qualifier, if any. [SplitQualifier] is the inverse.
func (n FunctionName) Qualified() string {
	if n.Qualifier == "" {
		return n.Name
	}
	return n.Name + ":" + n.Qualifier
}
