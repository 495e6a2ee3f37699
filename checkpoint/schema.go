package checkpoint

import (
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// The buckets of a checkpoint file.
var (
	about           = []byte("esm")
	checkpoints     = []byte("checkpoints")       // a bucket of shards for each mapping
	undelivered     = []byte("undelivered")       // notices by place: numbers in the order of keeping
	undeliveredByID = []byte("undelivered by ID") // places of notices
	documents       = []byte("documents")         // a bucket of documents for each kind
)

var schemaKey = []byte("schema") // in the bucket about: 8 bytes

// kind is what distinguishes the files of this package.
type kind struct {
	about   []byte   // the bucket that marks a file of this kind
	buckets [][]byte // the others
	steps   []step   // from schema 1 on: the first leads to schema 2

	// check returns an error, or panics, if the file behind a transaction is damaged.
	check func(tx *bolt.Tx, path string) error

	foreign, damaged error // ErrForeign and ErrDamaged in words for this kind
}

var checkpointFile = kind{
	about:   about,
	buckets: [][]byte{checkpoints, undelivered, undeliveredByID, documents},
	steps:   []step{withDocuments, withSums, withEventEnds},
	check:   check,
	foreign: ErrForeign,
	damaged: ErrDamaged,
}

// newest returns the schema that this release writes.
func (k kind) newest() int { return 1 + len(k.steps) }

// step rewrites a file from one schema to the next.
type step func(*bolt.Tx) error

// withDocuments adds the bucket of schema 2.
func withDocuments(tx *bolt.Tx) error {
	_, err := tx.CreateBucket(documents)
	return err
}

// withSums does nothing: schema 3 adds [esm.Owed].Sum to values, and older values can still be read.
func withSums(*bolt.Tx) error { return nil }

// withEventEnds does nothing: schema 4 adds [esm.Notice].Event to values, and older values can still be read.
func withEventEnds(*bolt.Tx) error { return nil }

// layOut makes an empty file one of this kind.
func (k kind) layOut(tx *bolt.Tx) error {
	if _, err := tx.CreateBucket(k.about); err != nil {
		return err
	}
	for _, bucket := range k.buckets {
		if _, err := tx.CreateBucket(bucket); err != nil {
			return err
		}
	}
	return k.putSchema(tx, k.newest())
}

func (k kind) putSchema(tx *bolt.Tx, schema int) error {
	return tx.Bucket(k.about).Put(schemaKey, binary.BigEndian.AppendUint64(nil, uint64(schema)))
}

// readSchema returns the schema of a file, and an error if no steps lead from it to the newest.
func (k kind) readSchema(tx *bolt.Tx) (int, error) {
	bucket := tx.Bucket(k.about)
	if bucket == nil {
		return 0, fmt.Errorf("%w (a bbolt file of another program)", k.foreign)
	}
	value := bucket.Get(schemaKey)
	if len(value) != 8 {
		return 0, fmt.Errorf("%w (it has no schema)", k.damaged)
	}
	schema := int(binary.BigEndian.Uint64(value))
	if newest := k.newest(); schema > newest {
		return 0, fmt.Errorf("%w (its schema is %d, this release reads up to %d)", ErrNewer, schema, newest)
	}
	if schema < 1 {
		return 0, fmt.Errorf("%w (its schema is %d)", k.damaged, schema)
	}
	return schema, nil
}

// upgrade brings a file to the newest schema, completely or not at all.
func (k kind) upgrade(tx *bolt.Tx) error {
	schema, err := k.readSchema(tx)
	if err != nil {
		return err
	}
	for ; schema < k.newest(); schema++ {
		if err := k.steps[schema-1](tx); err != nil {
			return fmt.Errorf("upgrade from schema %d: %w", schema, err)
		}
		if err := k.putSchema(tx, schema+1); err != nil {
			return err
		}
	}
	return nil
}
