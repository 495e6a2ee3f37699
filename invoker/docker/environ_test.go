package docker

import "testing"

func TestNameHandler(t *testing.T) {
	for _, test := range []struct {
		name       string
		env, image map[string]string
		argv       []string
		want       string
	}{
		{"the last argument", nil, nil, []string{"/entrypoint", "app.handler"}, "app.handler"},
		{"the only argument", nil, nil, []string{"/handler"}, "/handler"},
		{"the function's", map[string]string{"_HANDLER": "a.b"}, nil, []string{"/entrypoint", "c.d"}, "a.b"},
		{"the image's", nil, map[string]string{"_HANDLER": "a.b"}, []string{"/entrypoint", "c.d"}, ""},
	} {
		env := map[string]string{}
		for name, value := range test.env {
			env[name] = value
		}
		nameHandler(env, &image{env: test.image}, test.argv)
		if got := env["_HANDLER"]; got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
