package main

import "testing"

func TestEmulated(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"":                                       false,
		"http://localhost:4566":                  true,
		"http://127.0.0.1:9324":                  true,
		"https://lambda.eu-west-1.amazonaws.com": false,
		"https://vpce-1a2b.sqs.us-east-1.vpce.amazonaws.com": false,
		"https://sqs.cn-north-1.amazonaws.com.cn":            false,
		"http://amazonaws.com.example":                       true,
	} {
		if got := emulated(endpoint); got != want {
			t.Errorf("emulated(%q) is %v, want %v", endpoint, got, want)
		}
	}
}
