//go:build !linux

package docker

import "errors"

var errNoDisk = errors.New("the daemon is not on this machine")

type template struct{}

func (p *Platform) makeDisk(int) (*disk, error) { return nil, errNoDisk }
