package checkpoint

import (
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// How the file is laid out: one bucket says what it is, one has a bucket of shards for every mapping, one the notices in
// the order in which they came, one where each of them is, one has a bucket of documents for every kind.
var (
	about           = []byte("esm")
	checkpoints     = []byte("checkpoints")
	undelivered     = []byte("undelivered")
	undeliveredByID = []byte("undelivered by ID")
	documents       = []byte("documents")

	schemaKey = []byte("schema") // in about: which schema the file has, 8 bytes
)

// step rewrites a file from one schema to the next.
type step func(*bolt.Tx) error

// upgrades are the steps from schema 1 on: the first leads to 2. A file has schema 1 more than the steps that it has
// behind it.
var upgrades = []step{withDocuments, withSums}

// withDocuments leads to schema 2.
func withDocuments(tx *bolt.Tx) error {
	_, err := tx.CreateBucket(documents)
	return err
}

// withSums leads to schema 3. Values are written with the sums of owed runs from now on: older ones can be read.
func withSums(*bolt.Tx) error { return nil }

// layOut makes an empty file one of this package.
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

// schemaOf says which schema a file has, or that it is none of this package.
func schemaOf(tx *bolt.Tx) (int, error) {
	bucket := tx.Bucket(about)
	if bucket == nil {
		return 0, fmt.Errorf("%w (a bbolt file of another program)", ErrForeign)
	}
	value := bucket.Get(schemaKey)
	if len(value) != 8 {
		return 0, fmt.Errorf("%w (it does not say its schema)", ErrDamaged)
	}
	return int(binary.BigEndian.Uint64(value)), nil
}

// known says which schema a file has, if it is one that steps lead on from.
func known(tx *bolt.Tx, steps []step) (int, error) {
	schema, err := schemaOf(tx)
	if err != nil {
		return 0, err
	}
	if newest := 1 + len(steps); schema > newest {
		return 0, fmt.Errorf("%w (its schema is %d, this esm knows %d)", ErrNewer, schema, newest)
	}
	if schema < 1 {
		return 0, fmt.Errorf("%w (its schema is %d)", ErrDamaged, schema)
	}
	return schema, nil
}

// upgrade takes a file to the newest schema within tx: wholly or not at all.
func upgrade(tx *bolt.Tx, steps []step) error {
	schema, err := known(tx, steps)
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
