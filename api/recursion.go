package api

import "net/http"

const recursionPath = "/2024-08-31/functions/*/recursion-config"

var recursionRoutes = []route{
	{operation: "GetFunctionRecursionConfig", method: http.MethodGet, path: recursionPath, perform: (*Server).getRecursion},
	{operation: "PutFunctionRecursionConfig", method: http.MethodPut, path: recursionPath, perform: (*Server).putRecursion},
}

// RecursionAllowed is the setting of a function that may invoke itself, directly or through others, without end. The default is
// to stop it.
const RecursionAllowed = "Allow"

const recursionStopped = "Terminate"

type recursionAnswer struct{ RecursiveLoop string }

func (s *Server) getRecursion(c *call) (answer, error) {
	fn, err := s.wholeFunction(c)
	if err != nil {
		return answer{}, err
	}
	loop := recursionStopped
	if set, ok := s.Recursion.Get(fn.Name); ok {
		loop = set.Value
	}
	return document(http.StatusOK, recursionAnswer{loop})
}

func (s *Server) putRecursion(c *call) (answer, error) {
	doc, loop := parse(c.body), ""
	doc.text("RecursiveLoop", &loop)
	if err := s.finish(c, doc); err != nil {
		return answer{}, err
	}
	var broken violations
	if loop == "" {
		broken.null("recursiveLoop")
	} else {
		broken.oneOf(loop, "recursiveLoop", recursionStopped, RecursionAllowed)
	}
	if err := broken.err(); err != nil {
		return answer{}, err
	}
	fn, err := s.wholeFunction(c)
	if err != nil {
		return answer{}, err
	}
	_, err = change(c, s.Recursion, fn.Name, func(*string) (*string, error) {
		if loop == recursionStopped {
			return nil, nil // the default
		}
		return &loop, nil
	})
	if err != nil {
		return answer{}, err
	}
	return document(http.StatusOK, recursionAnswer{loop})
}
