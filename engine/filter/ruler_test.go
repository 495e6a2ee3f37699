package filter_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/esm-run/esm/engine/filter"
	"pgregory.net/rapid"
)

func TestRuler(t *testing.T) {
	cmd := exec.Command("sh", "/tmp/ruler/run.sh")
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sc := bufio.NewScanner(out)
	ask := func(p, e string) string {
		b, _ := json.Marshal(map[string]string{"p": p, "e": e})
		in.Write(append(b, '\n'))
		sc.Scan()
		return sc.Text()
	}
	n, yes, refused := 0, 0, map[string]int{}
	for name, s := range shapes {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				p := marshal(s.pattern(t, 3))
				f, err := filter.Compile([]string{p}, "")
				if err != nil {
					t.Fatalf("%s", err)
				}
				var pp map[string]any
				decode([]byte(p), &pp)
				for _, c := range refCombinations("", true, pp) {
					for i := 1; i < len(c); i++ {
						if c[i].path == c[i-1].path {
							return
						}
					}
				}
				for range 6 {
					record, _ := s.record(t, 4).(map[string]any)
					if record == nil {
						continue
					}
					view := marshal(record)
					a := ask(p, view)
					if strings.HasPrefix(a, "X") {
						refused[a]++
						return
					}
					n++
					got := f.Match([]byte(view))
					if got {
						yes++
					}
					if got != strings.HasPrefix(a, "Y") {
						t.Fatalf("Match = %v, ruler %s\npattern %s\nview %s", got, a, p, view)
					}
				}
			})
		})
	}
	fmt.Println(n, yes, refused)
	in.Close()
	cmd.Wait()
}
