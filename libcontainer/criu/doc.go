// Package criu talks to CRIU, the program that writes processes to files and brings them back (criu(8)).
//
// It turns a Request into the messages of CRIU's RPC, starts `criu swrk` to read them, hands its notifications to the caller, and turns its answers
// into a Response or an error. It runs in rt only. It knows processes, descriptors and names, and nothing of containers: what a container's request
// holds is the business of package libcontainer. It refuses a CRIU that does not answer, or answers in another tongue.
//
// It follows images/rpc.proto and criu/cr-service.c of CRIU, versions 3.15 to 4.1. The messages are protobuf's, version 2, of which this takes two types:
// numbers and byte strings. Protobuf's own library computes tables when a program starts that has it, whatever the program does then (its internal/detrand
// reads the whole executable), and rt starts often; so the encoding is written here, in wire.go, and the fields that rt uses are the table in request.go.
package criu
