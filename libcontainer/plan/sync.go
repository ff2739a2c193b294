package plan

import "rt/nsenter"

// SyncPoint says what a boot process reports at a step, or has rt do before it continues: Step.Sync of a plan.
type SyncPoint uint8

// The sync points. What "comes along" is in the report: see Passes.
const (
	SyncNone SyncPoint = iota // no sync point
	SyncMaps                  // the process has entered a new user namespace: write its id maps
	// The container's process was cloned, in a new user namespace: its pid comes along; write its id maps.
	SyncClonedUnmapped
	SyncCloned          // the container's process was cloned: its pid comes along
	SyncNetDevices      // move linux.netDevices into the network namespace of the process
	SyncAttach          // put the process into its cgroup
	SyncHooks           // prestart, createRuntime
	SyncCreateContainer // the hooks of that name: the root file system comes along
	SyncConsole         // the master of the terminal comes along
	SyncTerminal        // the same, of a process that joins: set the terminal up
	SyncCopyFrom        // the directory that a tmpfs will cover comes along
	// The tmpfs comes along; copy what the directory holds into it (tmpcopyup), or its mode.
	SyncCopyTo
	// The root file system comes along: make the directory Step.Path in it, and what links on the way lead to.
	SyncMakeDir
	SyncMakeFile // the same for an empty file
	// For copy-symlink: the directory that the link Step.Path is in comes along: compare what the link says.
	SyncLink
	SyncHome // the container's passwd comes along, if there is one: answer with HOME
	// A node that was there before comes along: check that it is the device of the config.
	SyncDevice
	SyncReady          // the container is created: save the state; the answer starts the program
	SyncStartContainer // the hooks of that name
	SyncTrees          // open the next batch of Plan.Later, and pass it
	SyncPtmx           // what a joining process has found at /dev/pts/ptmx comes along: check that it is that device
	SyncListener       // the listener of the seccomp filter comes along: pass it to the agent
	SyncAdd            // a mount that is about to be attached comes along: record it
	SyncRemove         // the mount that is about to be unmounted comes along: check that rt has added it
	SyncPoints         // the number of sync points
)

// Passes is what a report of a sync point carries.
type Passes uint8

// What reports carry.
const (
	PassesNothing Passes = iota
	// The value of the report is the pid of a process that replaces the one that reports.
	PassesPid
	PassesTerminal  // a descriptor: the master of a pseudoterminal (pty(7))
	PassesDirectory // a descriptor of a directory
	PassesFile      // a descriptor of a file of any type, which is not open for reading, or none
	PassesListener  // a descriptor: the listener of a seccomp filter (seccomp_unotify(2))
)

var syncPoints = [SyncPoints]struct {
	name   string
	passes Passes
	runsOn bool // the process does not wait for an answer
}{
	SyncMaps:            {name: "own id maps"},
	SyncClonedUnmapped:  {name: "id maps", passes: PassesPid},
	SyncCloned:          {name: "cloned", passes: PassesPid},
	SyncNetDevices:      {name: "network devices"},
	SyncAttach:          {name: "attach"},
	SyncHooks:           {name: "hooks"},
	SyncCreateContainer: {name: "createContainer", passes: PassesDirectory},
	SyncConsole:         {name: "console", passes: PassesTerminal, runsOn: true},
	SyncTerminal:        {name: "terminal", passes: PassesTerminal},
	SyncCopyFrom:        {name: "copy from", passes: PassesDirectory, runsOn: true},
	SyncCopyTo:          {name: "copy to", passes: PassesDirectory},
	SyncMakeDir:         {name: "make directory", passes: PassesDirectory},
	SyncMakeFile:        {name: "make file", passes: PassesDirectory},
	SyncLink:            {name: "link", passes: PassesDirectory},
	SyncHome:            {name: "home", passes: PassesFile},
	SyncDevice:          {name: "device", passes: PassesFile},
	SyncReady:           {name: "ready"},
	SyncStartContainer:  {name: "startContainer"},
	SyncTrees:           {name: "trees", runsOn: true},
	SyncPtmx:            {name: "ptmx", passes: PassesFile},
	SyncListener:        {name: "listener", passes: PassesListener},
	SyncAdd:             {name: "add", passes: PassesFile},
	SyncRemove:          {name: "remove", passes: PassesFile},
}

// String returns the name of a sync point, as `rt plan --json` shows it.
func (p SyncPoint) String() string { return syncPoints[p].name }

// Passes returns what a report of the sync point carries.
func (p SyncPoint) Passes() Passes { return syncPoints[p].passes }

// Waits reports whether the boot process waits for rt's answer at the sync point.
func (p SyncPoint) Waits() bool { return !syncPoints[p].runsOn }

// SyncPointOf returns the sync point of a step, or SyncNone.
func SyncPointOf(s *nsenter.Step) SyncPoint {
	if s.Sync == nil {
		return SyncNone
	}
	p, _ := s.Sync.Point.(SyncPoint)
	return p
}

// SyncPointNamed returns the sync point with a name, or SyncNone.
func SyncPointNamed(name string) SyncPoint {
	for p := range SyncPoints {
		if p.String() == name {
			return p
		}
	}
	return SyncNone
}
