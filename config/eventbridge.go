package config

// BusARN returns the ARN of an EventBridge event bus.
func BusARN(region, account, bus string) string {
	return ARN{PartitionOf(region), EventBridge, region, account, "event-bus/" + bus}.String()
}

// RuleARN returns the ARN of a rule of an event bus.
func RuleARN(region, account, bus, rule string) string {
	resource := "rule/" + rule
	if bus != "default" {
		resource = "rule/" + bus + "/" + rule
	}
	return ARN{PartitionOf(region), EventBridge, region, account, resource}.String()
}
