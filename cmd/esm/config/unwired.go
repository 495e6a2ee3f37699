package config

// unwired lists what this package reads and checks and the rest of the program does not carry out yet, with why it is
// refused until then. To honour one, delete its line.
var unwired = []struct{ key, why string }{}

// checkWired refuses what is unwired, before anything else is said of it.
func (d *decoder) checkWired() {
	if d.ahead {
		return
	}
	for _, u := range unwired {
		if _, given := d.places[u.key]; given {
			d.errorf(u.key, "%s", u.why)
		}
	}
}
