package dynamodb

import (
	"encoding/json"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

var tableOperations = wire.API[*Server]{
	Name: "DynamoDB", Target: "DynamoDB_20120810.", Version: "1.0",
	Operations: map[string]wire.Operation[*Server]{
		"BatchWriteItem":     at((*Server).batchWriteItem),
		"CreateTable":        at((*Server).createTable),
		"DeleteItem":         at((*Server).deleteItem),
		"DeleteTable":        at((*Server).deleteTable),
		"DescribeTable":      at((*Server).describeTable),
		"DescribeTimeToLive": at((*Server).describeTimeToLive),
		"GetItem":            at((*Server).getItem),
		"ListTables":         at((*Server).listTables),
		"PutItem":            at((*Server).putItem),
		"Query":              at((*Server).query),
		"Scan":               at((*Server).scan),
		"TransactWriteItems": at((*Server).transactWriteItems),
		"UpdateItem":         at((*Server).updateItem),
		"UpdateTable":        at((*Server).updateTable),
		"UpdateTimeToLive":   at((*Server).updateTimeToLive),
	},
	Lacks: []string{
		"BatchExecuteStatement", "BatchGetItem", "CancelBulkOperation", "CreateBackup", "CreateGlobalTable", "DeleteBackup",
		"DeleteResourcePolicy", "DescribeBackup", "DescribeBulkOperation", "DescribeContinuousBackups",
		"DescribeContributorInsights", "DescribeEndpoints", "DescribeExport", "DescribeGlobalTable",
		"DescribeGlobalTableSettings", "DescribeImport", "DescribeKinesisStreamingDestination", "DescribeLimits",
		"DescribeTableReplicaAutoScaling", "DisableKinesisStreamingDestination", "EnableKinesisStreamingDestination",
		"ExecuteStatement", "ExecuteTransaction", "ExportTableToPointInTime", "GetResourcePolicy", "ImportTable", "ListBackups",
		"ListBulkOperations", "ListContributorInsights", "ListExports", "ListGlobalTables", "ListImports",
		"ListTagsOfResource", "PutResourcePolicy", "RestoreTableFromBackup", "RestoreTableToPointInTime", "SearchVectors",
		"StartBulkPutItems", "TagResource", "TransactGetItems", "UntagResource", "UpdateContinuousBackups",
		"UpdateContributorInsights", "UpdateGlobalTable", "UpdateGlobalTableSettings",
		"UpdateKinesisStreamingDestination", "UpdateTableReplicaAutoScaling",
	},
}

var streamOperations = wire.API[*Server]{
	Name: "DynamoDB Streams", Target: "DynamoDBStreams_20120810.", Version: "1.0",
	Operations: map[string]wire.Operation[*Server]{
		"DescribeStream":   at((*Server).describeStream),
		"GetRecords":       at((*Server).records),
		"GetShardIterator": at((*Server).shardIterator),
		"ListStreams":      at((*Server).listStreams),
	},
}

// A lack is a member of a request that is refused if it is there.
type lack struct {
	member string
	value  json.RawMessage
}

func refuse(lacks ...lack) error {
	for _, l := range lacks {
		if len(l.value) > 0 && string(l.value) != "null" {
			return lacking(l.member)
		}
	}
	return nil
}
