package dynamodb

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

type operation = wire.Operation[*Server]

var tablesAPI = wire.API[*Server]{
	Name: "DynamoDB", Target: "DynamoDB_20120810.", Version: "1.0",
	Operations: map[string]operation{
		"BatchWriteItem":     locked((*Server).batchWriteItem),
		"CreateTable":        locked((*Server).createTable, "GlobalSecondaryIndexes", "LocalSecondaryIndexes", "ResourcePolicy"),
		"DeleteItem":         locked((*Server).deleteItem, "ConditionalOperator", "Expected"),
		"DeleteTable":        onTable((*Server).deleteTable),
		"DescribeTable":      onTable((*Server).describeTable),
		"DescribeTimeToLive": onTable((*Server).describeTimeToLive),
		"GetItem":            locked((*Server).getItem, "AttributesToGet"),
		"ListTables":         locked((*Server).listTables),
		"PutItem":            locked((*Server).putItem, "ConditionalOperator", "Expected"),
		"Query":              locked((*Server).query, "AttributesToGet", "ConditionalOperator", "IndexName", "KeyConditions", "QueryFilter"),
		"Scan":               locked((*Server).scan, "AttributesToGet", "ConditionalOperator", "IndexName", "ScanFilter", "Segment", "TotalSegments"),
		"TransactWriteItems": locked((*Server).transactWriteItems),
		"UpdateItem":         locked((*Server).updateItem, "AttributeUpdates", "ConditionalOperator", "Expected"),
		"UpdateTable":        onTable((*Server).updateTable, "GlobalSecondaryIndexUpdates", "ReplicaUpdates"),
		"UpdateTimeToLive":   onTable((*Server).updateTimeToLive),
	},
	Unsupported: []string{
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

var streamsAPI = wire.API[*Server]{
	Name: "DynamoDB Streams", Target: "DynamoDBStreams_20120810.", Version: "1.0",
	Operations: map[string]operation{
		"DescribeStream":   locked((*Server).describeStream),
		"GetRecords":       locked((*Server).records),
		"GetShardIterator": locked((*Server).shardIterator),
		"ListStreams":      locked((*Server).listStreams),
	},
}

// locked returns an operation that is performed under the lock, at a time by which all items that expire before have been
// removed. It refuses requests with a member that AWS has and this package does not.
func locked[In, Out any](perform func(s *Server, now time.Time, in In) (Out, error), unsupported ...string) operation {
	call := wire.Call(func(s *Server, in In) (Out, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		now := time.Now()
		s.expire(now)
		return perform(s, now, in)
	})
	return func(s *Server, r *http.Request, body []byte) ([]byte, error) {
		if err := checkMembers(body, unsupported); err != nil {
			return nil, err
		}
		return call(s, r, body)
	}
}

func checkMembers(body []byte, unsupported []string) error {
	var members map[string]json.RawMessage
	if len(unsupported) == 0 || json.Unmarshal(body, &members) != nil {
		return nil // decoding reports what is wrong
	}
	for _, name := range unsupported {
		if v, ok := members[name]; ok && string(v) != "null" {
			return notSupported(name)
		}
	}
	return nil
}

// onTable is locked for an operation on the table that its input names.
func onTable[In interface{ tableName() string }, Out any](perform func(s *Server, now time.Time, t *table, in In) (Out, error), unsupported ...string) operation {
	return locked(func(s *Server, now time.Time, in In) (out Out, err error) {
		t := s.table(in.tableName())
		if t == nil {
			return out, notFound(": Table: %s not found", in.tableName())
		}
		return perform(s, now, t, in)
	}, unsupported...)
}
