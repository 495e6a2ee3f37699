package runtimeapi

import "slices"

// Claim returns a channel that is closed when the caller may dispatch an event: a request of the runtime waits, for this claim
// alone. If the connection of that request is lost later, Dispatch fails. A claim that is not used is withdrawn.
func (s *ConcurrentSession) Claim() chan struct{} {
	claim := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims = append(s.claims, claim)
	s.grant()
	return claim
}

// Withdraw ends a claim, whether it was granted or not.
func (s *ConcurrentSession) Withdraw(claim chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.claims, claim); i >= 0 {
		s.claims = slices.Delete(s.claims, i, i+1)
		return
	}
	s.claimed--
	s.grant()
}

// grant grants as many claims as there are requests for. The caller holds mu.
func (s *ConcurrentSession) grant() {
	for len(s.claims) > 0 && s.claimed < len(s.parked) {
		s.claimed++
		close(s.claims[0])
		s.claims = slices.Delete(s.claims, 0, 1)
	}
}
