package docker

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

var errNoDisk = errors.New("the daemon is not on this machine, or has no rights on it")

// template is a new file system: what is in its file beside zeros.
type template struct {
	size  int64
	parts []part
}

type part struct {
	at   int64
	data []byte
}

// makeDisk returns a new disk of size MB. It takes milliseconds, except for the first of a size.
func (p *Platform) makeDisk(size int) (*disk, error) {
	t, err := p.template(size)
	if err != nil {
		return nil, err
	}
	file, err := t.create(p.tempDir())
	if err != nil {
		return nil, err
	}
	defer file.Close() // the device keeps it open
	return attach(file)
}

func (p *Platform) tempDir() string { return cmp.Or(p.Dir, os.TempDir()) }

func (p *Platform) template(size int) (*template, error) {
	p.mu.Lock()
	t := p.templates[size]
	p.mu.Unlock()
	if t != nil {
		return t, nil
	}
	got, err, _ := p.flights.Do("disk "+strconv.Itoa(size), func() (any, error) { return newTemplate(p.tempDir(), size) })
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.templates == nil {
		p.templates = map[int]*template{}
	}
	p.templates[size] = got.(*template)
	return p.templates[size], nil
}

// newTemplate makes a file system with room for size MB, whose root anybody may write to.
func newTemplate(dir string, size int) (*template, error) {
	dir, err := os.MkdirTemp(dir, "esm-disk-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "disk")
	total := int64(size)<<20 + int64(size)<<20/32 + 4<<20 // with what the file system needs itself
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := file.Truncate(total); err != nil {
		return nil, err
	}
	for _, command := range [][]string{
		{"mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal,^resize_inode", "-E", "lazy_itable_init=1,nodiscard", path},
		{"debugfs", "-w", "-R", "set_inode_field <2> mode 041777", path},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w %s", command[0], err, out)
		}
	}
	t := &template{size: total}
	return t, t.read(file)
}

// read reads the parts of file that are not holes.
func (t *template) read(file *os.File) error {
	for at := int64(0); ; {
		begin, err := unix.Seek(int(file.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil
		}
		if err != nil {
			return err
		}
		end, err := unix.Seek(int(file.Fd()), begin, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		data := make([]byte, end-begin)
		if _, err := file.ReadAt(data, begin); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		t.parts = append(t.parts, part{begin, data})
		at = end
	}
}

// create writes the file system to a new file without a name.
func (t *template) create(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, &os.PathError{Op: "create a file in", Path: dir, Err: err}
	}
	file := os.NewFile(uintptr(fd), filepath.Join(dir, "disk"))
	err = file.Truncate(t.size)
	for _, p := range t.parts {
		if err == nil {
			_, err = file.WriteAt(p.data, p.at)
		}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

const attachTries = 50 // others may take the device that was free

// attach makes a loop device of a file. The device is free again when it is neither mounted nor open.
func attach(file *os.File) (*disk, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	for range attachTries {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("find a loop device: %w", err)
		}
		path := "/dev/loop" + strconv.Itoa(n)
		device, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		config := unix.LoopConfig{Fd: uint32(file.Fd())}
		config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
		err = unix.IoctlLoopConfigure(int(device.Fd()), &config)
		if err == nil {
			return &disk{device: path, close: func() { _ = device.Close() }}, nil // is not written through
		}
		_ = device.Close() // nothing was done with it
		if !errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("attach %s: %w", path, err)
		}
	}
	return nil, errors.New("no loop device is free")
}
