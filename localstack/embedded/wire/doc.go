// Package wire speaks the AWS JSON protocol for services that live inside the process: it reads a request, finds its
// operation, and writes the answer or the error in the shape that SDKs turn into their typed exceptions.
//
// A service describes itself once, as an [API] of its server's type, and hands its requests over:
//
//	type Server struct{ … }
//
//	func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { api.Serve(s, w, r) }
//
//	var api = wire.API[*Server]{
//		Name: "Kinesis", Target: "Kinesis_20131202.", Version: "1.1",
//		Operations: map[string]wire.Operation[*Server]{
//			"CreateStream": wire.Call((*Server).createStream), // func(*Server, *http.Request, createInput) (wire.None, error)
//		},
//		Streams: map[string]wire.Stream[*Server]{"SubscribeToShard": (*Server).subscribe},
//		Lacks:   []string{"EnableEnhancedMonitoring"},
//	}
//
// What an operation cannot do it says with a [Refusal]. A server with two targets has two APIs. Nothing here keeps state
// or starts a goroutine.
//
// The protocol is described on Smithy's pages "AWS JSON 1.0 protocol" and "AWS JSON 1.1 protocol".
package wire
