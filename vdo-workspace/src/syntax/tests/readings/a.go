// Copyright 2020 Somebody.

// Package a serves pages.
// It does more.
package a

import (
	"fmt"
	log "example.com/log"
)

// Limit is how many
// there may be
const Limit = 3

// Server listens. Always.
type Server struct {
	// Port is where.
	Port int
	store Store
}

// Run runs.
func (s *Server) Run(ctx context.Context, names ...string) (err error) {
	for i, name := range names {
		conn, err := s.store.Open(name, i)
		log.Print(fmt.Sprint(conn), err)
	}
	return nil
}

func Map[T any](in []T, f func(T) Other) {}
