// Package criu talks to CRIU, the program that dumps processes to files and restores them (criu(8)).
//
// It sends Options as messages of CRIU's RPC to `criu swrk`, passes notifications to the caller, and turns the reply
// into a Response or an error. It runs in rt only. It knows processes, descriptors and names, not containers: package
// libcontainer decides what to request for a container. A CRIU that does not reply, or replies with unknown messages,
// is an error.
//
// It follows images/rpc.proto and criu/cr-service.c of CRIU, versions 3.15 to 4.1. The messages are those of go-criu,
// whose version 8 encodes them without reflection and without package initialization: rt starts often, and most of its
// commands don't use CRIU. This package starts, serves and ends the criu process.
package criu
