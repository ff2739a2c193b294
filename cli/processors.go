package cli

import (
	"os"
	"runtime"
)

// allowRelay gives the Go runtime a second processor where rt may have to relay a terminal. With the one that rt starts
// with (docs/decisions/0041) the runtime takes it from the thread at each wait of the relay and wakes another thread
// for it, which halves the throughput of the container's output. Commands that relay nothing end sooner with one.
func allowRelay(detach bool) {
	if !detach && runtime.GOMAXPROCS(0) == 1 && terminal(os.Stdin) {
		runtime.GOMAXPROCS(2)
	}
}
