// Package criu talks to CRIU, the program that writes processes to files and brings them back (criu(8)).
//
// It turns a Request into the messages of CRIU's RPC, starts `criu swrk` to read them, hands its notifications to the caller, and turns its answers
// into a Response or an error. It runs in rt only. It knows processes, descriptors and names, and nothing of containers: what a container's request
// holds is the business of package libcontainer. It refuses a CRIU that does not answer, or answers in another tongue.
//
// It follows images/rpc.proto and criu/cr-service.c of CRIU, versions 3.15 to 4.1. The messages are those of go-criu, whose
// version 8 encodes them without reflection and without work at the start of a program: rt starts often, and most of its
// commands have nothing to do with CRIU. How a criu is started, spoken to and ended is here.
package criu
