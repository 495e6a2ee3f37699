package rig

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

const (
	shared    = syscall.LOCK_SH
	exclusive = syscall.LOCK_EX
)

// lockFile locks a file among processes and within this one, until unlock is called or the process ends.
func lockFile(path string, how int) (unlock func(), err error) {
	fd, err := syscall.Open(path, syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	for err = syscall.EINTR; err == syscall.EINTR; {
		err = syscall.Flock(fd, how)
	}
	if err != nil {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { _ = syscall.Close(fd) }, nil
}

// holdService locks a service until the test ends, shared or exclusively. Every caller passes a gate first, so that an
// exclusive caller is not starved by shared ones.
func holdService(t testing.TB, name string, how int) {
	t.Helper()
	dir, err := sharedDir("services")
	if err != nil {
		t.Fatal(err)
	}
	open, err := lockFile(filepath.Join(dir, name+".gate"), exclusive)
	if err != nil {
		t.Fatal(err)
	}
	defer open()
	unlock, err := lockFile(filepath.Join(dir, name), how)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unlock)
}

// Engines listen below the ports that systems assign by themselves. Each test process has a block of ports of its own.
const (
	firstPort  = 10_000
	blockSize  = 100
	blockCount = 200
)

// portBlock returns the first port of this process's block, which it keeps until it ends.
var portBlock = sync.OnceValues(func() (int, error) {
	dir, err := sharedDir("ports")
	if err != nil {
		return 0, err
	}
	for n := range blockCount {
		block := (os.Getpid() + n) % blockCount
		if _, err := lockFile(filepath.Join(dir, fmt.Sprint(block)), exclusive|syscall.LOCK_NB); err == nil {
			return firstPort + block*blockSize, nil
		}
	}
	return 0, fmt.Errorf("all %d blocks of ports are taken: see %s", blockCount, dir)
})

var portsTaken atomic.Uint32

// freeAddress returns an address for an engine that is yet to start.
func freeAddress(t testing.TB) string {
	t.Helper()
	block, err := portBlock()
	if err != nil {
		t.Fatal(err)
	}
	for range blockSize {
		address := fmt.Sprint("127.0.0.1:", block+int(portsTaken.Add(1))%blockSize)
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}
