package checkpoint

import (
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// The buckets of a file.
var (
	about           = []byte("esm")
	checkpoints     = []byte("checkpoints")       // a bucket of shards for each mapping
	undelivered     = []byte("undelivered")       // notices by place: numbers in the order of keeping
	undeliveredByID = []byte("undelivered by ID") // places of notices
	documents       = []byte("documents")         // a bucket of documents for each kind

	schemaKey = []byte("schema") // in about: 8 bytes
)

// step rewrites a file from one schema to the next.
type step func(*bolt.Tx) error

// upgrades are the steps from schema 1 on: the first leads to schema 2.
var upgrades = []step{withDocuments, withSums}

// withDocuments adds the bucket of schema 2.
func withDocuments(tx *bolt.Tx) error {
	_, err := tx.CreateBucket(documents)
	return err
}

// withSums does nothing: schema 3 adds [esm.Owed].Sum to values, and older values can still be read.
func withSums(*bolt.Tx) error { return nil }

// layOut makes an empty file a checkpoint file.
func layOut(tx *bolt.Tx, schema int) error {
	for _, bucket := range [][]byte{about, checkpoints, undelivered, undeliveredByID, documents} {
		if _, err := tx.CreateBucket(bucket); err != nil {
			return err
		}
	}
	return putSchema(tx, schema)
}

func putSchema(tx *bolt.Tx, schema int) error {
	return tx.Bucket(about).Put(schemaKey, binary.BigEndian.AppendUint64(nil, uint64(schema)))
}

// readSchema returns the schema of a file, and an error if steps do not lead from it to the newest.
func readSchema(tx *bolt.Tx, steps []step) (int, error) {
	bucket := tx.Bucket(about)
	if bucket == nil {
		return 0, fmt.Errorf("%w (a bbolt file of another program)", ErrForeign)
	}
	value := bucket.Get(schemaKey)
	if len(value) != 8 {
		return 0, fmt.Errorf("%w (it has no schema)", ErrDamaged)
	}
	schema := int(binary.BigEndian.Uint64(value))
	if newest := 1 + len(steps); schema > newest {
		return 0, fmt.Errorf("%w (its schema is %d, this release reads up to %d)", ErrNewer, schema, newest)
	}
	if schema < 1 {
		return 0, fmt.Errorf("%w (its schema is %d)", ErrDamaged, schema)
	}
	return schema, nil
}

// upgrade brings a file to the newest schema, completely or not at all.
func upgrade(tx *bolt.Tx, steps []step) error {
	schema, err := readSchema(tx, steps)
	if err != nil {
		return err
	}
	for ; schema <= len(steps); schema++ {
		if err := steps[schema-1](tx); err != nil {
			return fmt.Errorf("upgrade from schema %d: %w", schema, err)
		}
		if err := putSchema(tx, schema+1); err != nil {
			return err
		}
	}
	return nil
}
