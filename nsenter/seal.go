package nsenter

// Seal writes a program to a sealed memfd, or, where a memfd can't be executed, to a read-only file without a name, and
// returns a descriptor that execveat(2) can execute. dir is the first directory to try for the file. Boot images are
// written the same way.
func Seal(program []byte, dir string) (int, error) { return Image(program).write(dir) }
