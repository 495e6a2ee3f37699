// Package wire holds what the stand-in's services share: the account they belong to, AWS's JSON protocol with its error
// shape, the error shape of the older query protocol, and paging.
//
// A service that speaks the JSON protocol describes itself once, as an [API] of its server's type, and passes its
// requests on:
//
//	type Server struct{ … }
//
//	func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { api.Serve(s, w, r) }
//
//	var api = wire.API[*Server]{
//		Name: "Kinesis", Target: "Kinesis_20131202.", Version: "1.1",
//		Operations: map[string]wire.Operation[*Server]{
//			"ListStreams":  wire.Call((*Server).listStreams), // func(*Server, listInput) (listOutput, error)
//			"CreateStream": wire.Do((*Server).createStream),  // func(*Server, createInput) error
//		},
//		Raw:         map[string]wire.RawOperation[*Server]{"SubscribeToShard": (*Server).subscribe},
//		Unsupported: []string{"EnableEnhancedMonitoring"},
//	}
//
// An operation reports what the caller did wrong as an [Error]. A server with two targets has two APIs. Nothing here
// keeps state or starts a goroutine.
//
// Smithy specifies the protocol as "AWS JSON 1.0 protocol" and "AWS JSON 1.1 protocol".
package wire
